-- Alerts raised in the span, closed ones and repeats too, in order of time: of one camera, kind or rule, or all. A
-- plate is shown once a person has verified it.
select
    a.alert_id,
    coalesce(a.version, 1) as version,
    a.kind,
    a.rule,
    coalesce(a.title, '') as title,
    a.event_id,
    a.camera_id,
    c.name as camera_name,
    a.priority,
    case
        when a.closed_at is not null then 'closed'
        when a.on_scene_at is not null then 'on_scene'
        when a.assigned_to is not null then 'assigned'
        when a.acknowledged_at is not null then 'acknowledged'
        else 'raised'
    end as state,
    coalesce(a.onset_at, a.raised_at) as onset_at,
    a.raised_at,
    a.firm_at,
    coalesce(a.detail, '') as detail,
    coalesce(a.source, '') as source,
    a.lon_deg,
    a.lat_deg,
    a.place_kind,
    a.confidence,
    case when a.verified_at is not null then a.plate_text end as plate_text,
    a.vehicle,
    a.verified_at,
    a.verified_by,
    coalesce(a.repeats, 0) as repeats,
    a.last_onset_at,
    a.merged_into,
    a.acknowledged_at,
    a.acknowledged_by,
    a.assigned_to,
    a.on_scene_at,
    a.escalated_at,
    a.snoozed_until,
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
