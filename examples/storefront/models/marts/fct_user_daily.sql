{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['user_id', 'activity_date'],
      'keys_from': {
        'int_user_hourly': {'user_id': 'user_id', 'activity_date': 'cast(event_hour as date)'},
        'fct_user_event_daily': {'user_id': 'user_id', 'activity_date': 'activity_date'}
      }
    }}
  )
}}

-- One row per user and date. The times between the events of an hour add up to the time from its first to its last;
-- the window adds the time from the last event of one hour to the first of the next. Whole milliseconds, so that the
-- sum is the same in any order, and the same as that over all events one by one.
with hours as (

    select
        user_id,
        cast(event_hour as date) as activity_date,
        total_events,
        first_event_at,
        last_event_at,
        lag(last_event_at) over (
            partition by user_id, cast(event_hour as date)
            order by event_hour
        ) as previous_event_at
    from {{ ref('int_user_hourly') }}

),

days as (

    select
        user_id,
        activity_date,
        cast(sum(total_events) as bigint) as total_events,
        sum(
            {{ dbt.datediff('first_event_at', 'last_event_at', 'millisecond') }}
            + coalesce({{ dbt.datediff('previous_event_at', 'first_event_at', 'millisecond') }}, 0)
        ) as ms_between_events
    from hours
    group by user_id, activity_date

),

types as (

    select user_id, activity_date, count(*) as distinct_event_types
    from {{ ref('fct_user_event_daily') }}
    group by user_id, activity_date

)

select
    days.user_id,
    days.activity_date,
    days.total_events,
    types.distinct_event_types,
    -- Null for a single event: nothing lies between.
    cast(days.ms_between_events as double) / nullif(days.total_events - 1, 0) / 1000 as avg_seconds_between_events
from days
join types on days.user_id = types.user_id and days.activity_date = types.activity_date
