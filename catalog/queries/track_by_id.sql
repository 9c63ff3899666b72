-- What is known of one track.
-- needs track_id
select
    track_id,
    camera_id,
    label,
    confidence,
    colour,
    colour_confidence,
    lower_colour,
    lower_colour_confidence,
    start_at,
    last_seen_at,
    end_at,
    closed_by,
    sighting_count,
    best_segment_id,
    best_pts,
    best_x1_px,
    best_y1_px,
    best_x2_px,
    best_y2_px,
    first_x_px,
    first_y_px,
    last_x_px,
    last_y_px,
    mounting_id,
    segment_id,
    run_id,
    as_of_at
from tracks
where track_id = $track_id
order by run_id
