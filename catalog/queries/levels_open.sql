-- How closely cameras were looked at from when on, where nobody has said until when.
select
    camera_id,
    start_at,
    end_at,
    level,
    reason
from sampling_levels
where end_at is null
    and ($camera_ids is null or list_contains($camera_ids::varchar[], camera_id))
order by camera_id, start_at
