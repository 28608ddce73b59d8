{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['flight_date', 'origin'],
      'keys_from': {'stg_flights': {
        'flight_date': 'cast(event_timestamp as date)',
        'origin': "origin"
      }}
    }}
  )
}}

-- One row per date and origin.
select
    cast(event_timestamp as date) as flight_date,
    origin as origin,
    count(*) as flights,
    cast(sum(delay) as bigint) as delay_minutes,
    cast(sum(distance) as bigint) as distance_miles
from {{ ref('stg_flights') }}
group by cast(event_timestamp as date), origin
