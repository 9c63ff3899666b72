-- Tracker and rules at the end of one segment of one run, for the next segment to go on from.
-- needs run_id, segment_id
select
    run_id,
    segment_id,
    camera_id,
    memory
from memories
where run_id = $run_id
    and segment_id = $segment_id
order by segment_id
