{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['flight_date', 'route'],
      'keys_from': {'stg_flights': {
        'flight_date': 'cast(event_timestamp as date)',
        'route': "origin || '-' || destination"
      }}
    }}
  )
}}

-- One row per date and route.
select
    cast(event_timestamp as date) as flight_date,
    origin || '-' || destination as route,
    count(*) as flights,
    cast(sum(delay) as bigint) as delay_minutes,
    cast(sum(distance) as bigint) as distance_miles
from {{ ref('stg_flights') }}
group by cast(event_timestamp as date), origin || '-' || destination
