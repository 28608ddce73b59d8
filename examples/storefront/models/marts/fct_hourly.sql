{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['event_hour', 'event_type'],
      'keys_from': {'stg_events': {
        'event_hour': "date_trunc('hour', event_timestamp)",
        'event_type': 'event_type'
      }}
    }}
  )
}}

-- One row per hour and event type.
select
    {{ dbt.date_trunc('hour', 'event_timestamp') }} as event_hour,
    event_type,
    count(*) as total_events,
    coalesce(sum(case when event_type = 'purchase' then amount end), 0) as revenue
from {{ ref('stg_events') }}
group by {{ dbt.date_trunc('hour', 'event_timestamp') }}, event_type
