-- Alerts nobody has closed yet, the most pressing first: of one camera or kind, or all.
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
where a.closed_at is null
    and ($camera_id is null or a.camera_id = $camera_id)
    and ($kind is null or a.kind = $kind)
order by
    a.priority,
    a.raised_at,
    a.alert_id
