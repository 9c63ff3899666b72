-- The segment of one camera in which an instant lies; if there is none, the nearest one.
-- distance_s is 0 inside, else how far away its nearer end is, seconds.
-- needs camera_id, seen_at
select
    s.segment_id,
    s.camera_id,
    s.mounting_id,
    s.start_at,
    s.end_at,
    s.first_pts,
    s.time_base_num,
    s.time_base_den,
    s.frame_count,
    s.width_px,
    s.height_px,
    s.codec,
    s.clock,
    s.clock_error_s,
    s.size_bytes,
    s.sha256,
    s.uri,
    s.source_name,
    s.transcoded,
    greatest(
        0,
        date_diff('microsecond', $seen_at::timestamptz, s.start_at),
        date_diff('microsecond', s.end_at, $seen_at::timestamptz) + 1
    ) / 1e6 as distance_s
from segments s
where s.camera_id = $camera_id
order by
    distance_s,
    s.start_at desc,
    s.segment_id
limit 1
