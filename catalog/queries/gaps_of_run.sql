-- Spans inside segments that one run could not decode, in order of time.
-- needs run_id, camera_id
select
    gap_id,
    camera_id,
    start_at,
    end_at,
    reason,
    detail,
    segment_id,
    run_id,
    source_name
from gaps
where run_id = $run_id
    and camera_id = $camera_id
order by
    start_at,
    gap_id
