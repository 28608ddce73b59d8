{{ config(
    materialized='table',
    meta={'millrace': {
        'grain': ['flight_date', 'hour'],
        'keys_from': {'stg_flights': {'flight_date': 'cast(event_timestamp as date)', 'hour': "extract(hour from event_timestamp)"}}
    }}
) }}

select
    cast(event_timestamp as date) as flight_date,
    extract(hour from event_timestamp) as hour,
    count(*) as flights,
    cast(sum(delay) as bigint) as delay_minutes,
    cast(sum(distance) as bigint) as distance_miles
from {{ ref('stg_flights') }}
group by 1, 2
