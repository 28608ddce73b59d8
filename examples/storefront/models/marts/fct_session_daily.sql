{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['session_id', 'activity_date'],
      'keys_from': {'stg_events': {
        'session_id': 'session_id',
        'activity_date': 'cast(event_timestamp as date)'
      }}
    }}
  )
}}

-- One row per session and date, with the steps towards a purchase that the session took.
select
    session_id,
    cast(event_timestamp as date) as activity_date,
    min(user_id) as user_id,
    count(*) as total_events,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) as last_event_at,
    max(case when event_type = 'product_view' then 1 else 0 end) as viewed,
    max(case when event_type = 'add_to_cart' then 1 else 0 end) as carted,
    max(case when event_type = 'checkout_started' then 1 else 0 end) as checked_out,
    max(case when event_type = 'purchase' then 1 else 0 end) as purchased
from {{ ref('stg_events') }}
where session_id is not null
group by session_id, cast(event_timestamp as date)
