-- Every event of staging is counted once by hour.
select 'fct_hourly' as mart, staged.events as expected, marted.events as found
from (select count(*) as events from {{ ref('stg_events') }}) as staged
cross join (select coalesce(sum(total_events), 0) as events from {{ ref('fct_hourly') }}) as marted
where staged.events <> marted.events
