-- Things seen, one row each, that were in view at some time in the span; with their best picture's address.
-- A label of 'vehicle' means car, truck or bus; a zone is one they made an event of, by id or name.
-- Where several runs looked at a segment, the latest one's; name a run to have its own.
select
    t.track_id,
    t.camera_id,
    c.name as camera_name,
    t.label,
    t.confidence,
    t.colour,
    t.colour_confidence,
    t.lower_colour,
    t.lower_colour_confidence,
    t.start_at,
    t.last_seen_at,
    t.end_at,
    t.closed_by,
    t.sighting_count,
    t.best_segment_id,
    t.best_pts,
    t.best_x1_px,
    t.best_y1_px,
    t.best_x2_px,
    t.best_y2_px,
    t.first_x_px,
    t.first_y_px,
    t.last_x_px,
    t.last_y_px,
    t.mounting_id,
    t.segment_id,
    t.run_id,
    t.as_of_at
from rtcc_tracks(coalesce($start_at::timestamptz, '-infinity'::timestamptz)) t
join cameras c on c.camera_id = t.camera_id
anti join (
    select
        run_id,
        segment_id
    from rtcc_superseded
    where $run_id is null
        and ($camera_id is null or camera_id = $camera_id)
) s on t.run_id = s.run_id
    and t.segment_id = s.segment_id
where ($camera_id is null or t.camera_id = $camera_id)
    and t.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and t.last_seen_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and ($label is null or t.label = $label or ($label = 'vehicle' and t.label in ('car', 'truck', 'bus')))
    and ($colour is null or t.colour = $colour or t.lower_colour = $colour)
    and ($min_confidence is null or t.confidence >= $min_confidence)
    and ($run_id is null or t.run_id = $run_id)
    and ($zone is null or t.track_id in (
        select unnest(e.track_ids)
        from events e
        join zones z on z.zone_id = e.zone_id
        where (z.zone_id = $zone or z.name = $zone)
            and ($camera_id is null or e.camera_id = $camera_id)
    ))
order by
    t.start_at,
    t.camera_id,
    t.track_id,
    t.run_id
limit coalesce($limit::bigint, 9223372036854775807)
