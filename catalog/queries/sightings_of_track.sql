-- Each box of one track, in the order they were seen.
-- needs track_id
select
    d.track_id,
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
    d.run_id
from tracks t
join detections d on d.camera_id = t.camera_id
    and d.track_id = t.track_id
    and d.run_id = t.run_id
    and d.seen_at >= t.start_at
    and d.seen_at <= t.last_seen_at
where t.track_id = $track_id
    and d.track_id = $track_id
order by
    d.seen_at,
    d.pts,
    d.run_id
