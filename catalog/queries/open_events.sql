-- Events whose end has not been seen, of one run or of the latest ones, of one camera or of all.
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
from events e
join cameras c on c.camera_id = e.camera_id
left join zones z on z.zone_id = e.zone_id
anti join (
    select
        run_id,
        segment_id
    from rtcc_superseded
    where $run_id is null
) s on e.run_id = s.run_id
    and e.segment_id = s.segment_id
where e.end_at is null
    and ($run_id is null or e.run_id = $run_id)
    and ($camera_id is null or e.camera_id = $camera_id)
order by
    e.start_at,
    e.camera_id,
    e.event_id,
    e.run_id
