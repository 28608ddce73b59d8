{{
  config(
    materialized = 'table',
    schema = 'staging',
    meta = {'millrace': {
      'grain': ['user_id', 'event_hour'],
      'keys_from': {'stg_events': {
        'user_id': 'user_id',
        'event_hour': "date_trunc('hour', event_timestamp)"
      }}
    }}
  )
}}

-- One row per user and hour. The day's mart is made from these, so that a new event costs one hour's rows of its
-- user and not the whole day's. Times between events are whole milliseconds: sums are exact in any order.
with events as (

    select
        user_id,
        {{ dbt.date_trunc('hour', 'event_timestamp') }} as event_hour,
        event_timestamp,
        lag(event_timestamp) over (
            partition by user_id, {{ dbt.date_trunc('hour', 'event_timestamp') }}
            order by event_timestamp, ingest_seq
        ) as previous_event_timestamp
    from {{ ref('stg_events') }}
    where user_id is not null

)

select
    user_id,
    event_hour,
    count(*) as total_events,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) as last_event_at,
    cast(coalesce(sum({{ dbt.datediff('previous_event_timestamp', 'event_timestamp', 'millisecond') }}), 0) as bigint)
        as ms_between_events
from events
group by user_id, event_hour
