-- Segments a run has rows of, in order of time: where the same command goes on.
-- needs run_id
select
    segment_id,
    camera_id,
    start_at,
    end_at,
    sampling,
    frames_decoded,
    frames_looked_at,
    frames_held,
    detections,
    tracks_begun,
    events_begun
from analyses
where run_id = $run_id
order by
    start_at,
    segment_id
