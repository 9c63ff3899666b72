-- How long alerts raised in the span waited, seconds from raising to each step; null for what has not happened.
-- Repeats are left out: nobody answers them.
select
    a.alert_id,
    a.kind,
    a.rule,
    a.priority,
    a.camera_id,
    a.raised_at,
    date_diff('millisecond', a.raised_at, a.acknowledged_at) / 1000.0 as acknowledge_s,
    date_diff('millisecond', a.raised_at, s.assigned_at) / 1000.0 as assign_s,
    date_diff('millisecond', a.raised_at, s.on_scene_at) / 1000.0 as on_scene_s,
    date_diff('millisecond', a.raised_at, a.escalated_at) / 1000.0 as escalate_s,
    date_diff('millisecond', a.raised_at, a.closed_at) / 1000.0 as close_s,
    a.outcome
from alerts a
left join (
    select
        alert_id,
        min(stepped_at) filter (where kind = 'assign') as assigned_at,
        min(stepped_at) filter (where kind = 'on_scene') as on_scene_at
    from alert_steps
    group by alert_id
) s on s.alert_id = a.alert_id
where a.merged_into is null
    and a.raised_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and a.raised_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and ($kind is null or a.kind = $kind)
    and ($rule is null or a.rule = $rule)
order by
    a.raised_at,
    a.alert_id
