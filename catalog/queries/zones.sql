-- Zones and lines drawn on any camera's picture.
select
    z.zone_id,
    z.name,
    z.kind,
    z.camera_id,
    c.name as camera_name,
    z.mounting_id,
    z.min_dwell_s,
    z.labels,
    z.x_px,
    z.y_px
from zones z
join cameras c on c.camera_id = z.camera_id
order by
    z.name,
    z.camera_id,
    z.zone_id
