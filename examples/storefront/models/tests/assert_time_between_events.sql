-- The average of fct_user_daily is that of the times between one event and the next, taken event by event.
with gaps as (

    select
        user_id,
        cast(event_timestamp as date) as activity_date,
        {{ dbt.datediff(
            'lag(event_timestamp) over (partition by user_id, cast(event_timestamp as date) order by event_timestamp, ingest_seq)',
            'event_timestamp',
            'millisecond'
        ) }} as ms_between_events
    from {{ ref('stg_events') }}
    where user_id is not null

),

expected as (

    select user_id, activity_date, sum(ms_between_events) as ms_between_events, count(ms_between_events) as gaps
    from gaps
    group by user_id, activity_date

)

select expected.user_id, expected.activity_date, marted.avg_seconds_between_events
from expected
left join {{ ref('fct_user_daily') }} as marted
    on expected.user_id = marted.user_id and expected.activity_date = marted.activity_date
where (cast(expected.ms_between_events as double) / nullif(expected.gaps, 0) / 1000)
    is distinct from marted.avg_seconds_between_events
