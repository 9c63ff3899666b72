-- Alerts raised in the span, closed ones too, in order of time: of one camera, kind or rule, or all.
select
    a.alert_id,
    a.kind,
    a.rule,
    a.event_id,
    a.camera_id,
    c.name as camera_name,
    a.priority,
    coalesce(a.onset_at, a.raised_at) as onset_at,
    a.raised_at,
    a.firm_at,
    coalesce(a.detail, '') as detail,
    a.acknowledged_at,
    a.acknowledged_by,
    a.assigned_to,
    a.escalated_at,
    a.closed_at,
    a.outcome
from alerts a
left join cameras c on c.camera_id = a.camera_id
where a.raised_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and a.raised_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and ($camera_id is null or a.camera_id = $camera_id)
    and ($kind is null or a.kind = $kind)
    and ($rule is null or a.rule = $rule)
order by
    a.raised_at,
    a.alert_id
