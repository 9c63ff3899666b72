-- Boxes of one camera over a span, in the order they were seen.
-- Where several runs looked at a segment, the latest one's; name a run to have its own.
-- needs camera_id
select
    d.camera_id,
    d.seen_at,
    d.label,
    d.confidence,
    d.x1_px,
    d.y1_px,
    d.x2_px,
    d.y2_px,
    d.colour,
    d.colour_confidence,
    d.lower_colour,
    d.lower_colour_confidence,
    d.segment_id,
    d.pts,
    d.track_id,
    d.run_id
from detections d
anti join (
    select
        run_id,
        segment_id
    from rtcc_superseded
    where $run_id is null
        and camera_id = $camera_id
) s on d.run_id = s.run_id
    and d.segment_id = s.segment_id
where d.camera_id = $camera_id
    and d.seen_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and d.seen_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and ($label is null or d.label = $label or ($label = 'vehicle' and d.label in ('car', 'truck', 'bus')))
    and ($min_confidence is null or d.confidence >= $min_confidence)
    and ($run_id is null or d.run_id = $run_id)
order by
    d.seen_at,
    d.pts,
    d.confidence desc,
    d.x1_px,
    d.y1_px,
    d.run_id
