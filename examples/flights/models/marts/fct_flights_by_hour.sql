{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['flight_date', 'departure_hour'],
      'keys_from': {'stg_flights': {
        'flight_date': 'cast(event_timestamp as date)',
        'departure_hour': "extract('hour' from event_timestamp)"
      }}
    }}
  )
}}

-- One row per date and departure hour.
select
    cast(event_timestamp as date) as flight_date,
    extract('hour' from event_timestamp) as departure_hour,
    count(*) as flights,
    cast(sum(delay) as bigint) as delay_minutes,
    cast(sum(distance) as bigint) as distance_miles
from {{ ref('stg_flights') }}
group by cast(event_timestamp as date), extract('hour' from event_timestamp)
