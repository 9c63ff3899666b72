-- What was done about alerts, step by step, in order of time: about one alert, by one person, or in a span.
select
    s.alert_id,
    coalesce(a.title, '') as title,
    a.kind as alert_kind,
    a.rule,
    a.priority,
    s.camera_id,
    s.version,
    s.kind,
    s.stepped_at,
    s.actor,
    s.role,
    s.assignee,
    s.outcome,
    s.note,
    s.snoozed_until,
    s.plate_typed,
    s.plate_matches,
    s.vehicle_matches,
    s.merged_into
from alert_steps s
left join alerts a on a.alert_id = s.alert_id
where ($alert_id is null or s.alert_id = $alert_id)
    and ($actor is null or s.actor = $actor)
    and s.stepped_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and s.stepped_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
order by
    s.stepped_at,
    s.alert_id,
    s.version
