{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['product_id', 'activity_date'],
      'keys_from': {'stg_events': {
        'product_id': 'product_id',
        'activity_date': 'cast(event_timestamp as date)'
      }}
    }}
  )
}}

-- One row per product and date.
select
    product_id,
    cast(event_timestamp as date) as activity_date,
    max(category) as category,
    count(*) as total_events,
    count(case when event_type = 'product_view' then 1 end) as views,
    count(case when event_type = 'add_to_cart' then 1 end) as carts,
    count(case when event_type = 'purchase' then 1 end) as purchases,
    cast(coalesce(sum(case when event_type = 'purchase' then quantity end), 0) as bigint) as units_sold,
    coalesce(sum(case when event_type = 'purchase' then amount end), 0) as revenue
from {{ ref('stg_events') }}
where product_id is not null
group by product_id, cast(event_timestamp as date)
