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

-- One row per user and hour: what a day needs of its hours. Counts and extremes of new events are merged into these
-- rows, so that a day's window runs over at most 24 rows of a user and never over the events themselves.
select
    user_id,
    {{ dbt.date_trunc('hour', 'event_timestamp') }} as event_hour,
    count(*) as total_events,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) as last_event_at
from {{ ref('stg_events') }}
where user_id is not null
group by user_id, {{ dbt.date_trunc('hour', 'event_timestamp') }}
