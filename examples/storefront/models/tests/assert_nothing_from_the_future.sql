-- No event in staging is later than the point to which the warehouse is complete.
select event_id, event_timestamp
from {{ ref('stg_events') }}
where event_timestamp > (select as_of from {{ source('raw', 'as_of') }})
