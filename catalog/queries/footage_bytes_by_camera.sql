-- How much footage of each camera is kept, and from when to when; upkeep sees that of every camera.
select
    k.camera_id,
    count(*) as segments,
    sum(k.size_bytes)::bigint as size_bytes,
    min(k.start_at) as first_at,
    max(k.end_at) as last_at
from rtcc_kept k
group by k.camera_id
order by k.camera_id
