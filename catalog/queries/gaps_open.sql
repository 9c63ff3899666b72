-- Gaps whose end has not been seen; upkeep sees those of every camera.
select
    gap_id,
    camera_id,
    start_at,
    end_at,
    reason,
    detail,
    segment_id,
    source_name
from rtcc_gaps
where end_at is null
    and ($camera_ids is null or list_contains($camera_ids::varchar[], camera_id))
order by camera_id, start_at
