{{
  config(
    materialized = 'incremental',
    schema = 'staging',
    unique_key = 'event_id',
    incremental_strategy = 'delete+insert',
    meta = {'millrace': {'local': true}}
  )
}}

-- One row per flight.
with due as (

    select event_id, event_timestamp, delay, distance, origin, destination, ingest_seq
    from {{ source('raw', 'raw_flights') }}
    where event_timestamp <= (select as_of from {{ source('raw', 'as_of') }})

    {% if is_incremental() %}
      and event_id in (
          select event_id
          from {{ source('raw', 'raw_flights') }}
          where event_timestamp > (select coalesce(max(event_timestamp), timestamp '1970-01-01') from {{ this }})
             or ingest_seq > (select coalesce(max(ingest_seq), -1) from {{ this }})
      )
    {% endif %}

)

select *
from due
qualify row_number() over (partition by event_id order by ingest_seq desc) = 1
-- Rows lie in the order of time, so that a day is read without reading the others.
order by event_timestamp
