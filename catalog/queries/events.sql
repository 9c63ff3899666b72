-- Rules that held at some time in the span, one row each, with the frame that shows it.
-- A zone may be named by its id or its name; a label of 'vehicle' means car, truck or bus.
-- Where several runs looked at a segment, the latest one's; name a run to have its own.
select
    e.event_id,
    e.camera_id,
    c.name as camera_name,
    e.rule,
    e.label,
    e.zone_id,
    z.name as zone_name,
    e.start_at,
    e.end_at,
    e.closed_by,
    e.confidence,
    e.dwell_s,
    e.speed_mps,
    e.direction,
    e.track_ids,
    e.plate_text,
    e.evidence_segment_id,
    e.evidence_pts,
    e.review,
    e.reviewed_by,
    e.mounting_id,
    e.segment_id,
    e.run_id,
    e.as_of_at
from rtcc_events(coalesce($start_at::timestamptz, '-infinity'::timestamptz)) e
join cameras c on c.camera_id = e.camera_id
left join zones z on z.zone_id = e.zone_id
anti join (
    select
        run_id,
        segment_id
    from rtcc_superseded
    where $run_id is null
        and ($camera_id is null or camera_id = $camera_id)
) s on e.run_id = s.run_id
    and e.segment_id = s.segment_id
where ($camera_id is null or e.camera_id = $camera_id)
    and e.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and (
        e.start_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
        or e.end_at is null
        or e.end_at > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    )
    and ($rule is null or e.rule = $rule)
    and ($zone_id is null or e.zone_id = $zone_id or z.name = $zone_id)
    and ($label is null or e.label = $label or ($label = 'vehicle' and e.label in ('car', 'truck', 'bus')))
    and ($run_id is null or e.run_id = $run_id)
order by
    e.start_at,
    e.camera_id,
    e.rule,
    e.event_id,
    e.run_id
