-- Zones and lines drawn on one camera's picture.
-- needs camera_id
select
    zone_id,
    mounting_id,
    camera_id,
    kind,
    name,
    x_px,
    y_px,
    min_dwell_s,
    labels
from zones
where camera_id = $camera_id
order by
    name,
    mounting_id,
    zone_id
