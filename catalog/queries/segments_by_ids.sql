-- Several segments at once.
-- needs segment_ids
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
    s.transcoded
from segments s
where list_contains($segment_ids::varchar[], s.segment_id)
order by
    s.start_at,
    s.segment_id
