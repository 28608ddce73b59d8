{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['user_id', 'activity_date', 'event_type'],
      'keys_from': {'stg_events': {
        'user_id': 'user_id',
        'activity_date': 'cast(event_timestamp as date)',
        'event_type': 'event_type'
      }}
    }}
  )
}}

-- One row per user, date and event type.
select
    user_id,
    cast(event_timestamp as date) as activity_date,
    event_type,
    count(*) as total_events,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) as last_event_at
from {{ ref('stg_events') }}
where user_id is not null
group by user_id, cast(event_timestamp as date), event_type
