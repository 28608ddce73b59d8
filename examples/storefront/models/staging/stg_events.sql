{{
  config(
    materialized = 'incremental',
    schema = 'staging',
    unique_key = 'event_id',
    incremental_strategy = 'delete+insert',
    meta = {'millrace': {'local': true}}
  )
}}

-- One row per event: its newest version that is due. An event stamped in the future waits until its time has come.
with due as (

    select
        event_id,
        event_type,
        event_timestamp,
        user_id,
        session_id,
        product_id,
        category,
        quantity,
        cast(price as decimal(18, 2)) as price,
        order_id,
        cast(amount as decimal(18, 2)) as amount,
        currency,
        country,
        reason,
        ingest_seq
    from {{ source('raw', 'raw_events') }}
    where event_timestamp <= (select as_of from {{ source('raw', 'as_of') }})

    {% if is_incremental() %}
      -- Ids with a row since the last run: later by event time (this finds those that were held back),
      -- or late by event time but new by arrival. All versions of such an id are read: the newest may be an old row.
      and event_id in (
          select event_id
          from {{ source('raw', 'raw_events') }}
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
