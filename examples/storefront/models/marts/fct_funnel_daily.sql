{{
  config(
    materialized = 'table',
    schema = 'marts',
    meta = {'millrace': {
      'grain': ['activity_date'],
      'keys_from': {'fct_session_daily': {'activity_date': 'activity_date'}}
    }}
  )
}}

-- One row per date: how many sessions reached each step. Conversion is purchased_sessions / sessions.
select
    activity_date,
    count(*) as sessions,
    count(case when viewed = 1 then 1 end) as viewed_sessions,
    count(case when carted = 1 then 1 end) as carted_sessions,
    count(case when checked_out = 1 then 1 end) as checked_out_sessions,
    count(case when purchased = 1 then 1 end) as purchased_sessions
from {{ ref('fct_session_daily') }}
group by activity_date
