-- Until when there is footage of each camera; null where there is none. Upkeep sees that of every camera.
select
    c.camera_id,
    max(s.end_at) as end_at
from cameras c
left join rtcc_kept s on s.camera_id = c.camera_id
where ($camera_ids is null or list_contains($camera_ids::varchar[], c.camera_id))
group by c.camera_id
order by c.camera_id
