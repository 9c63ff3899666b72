-- How one camera has hung, the latest first.
-- needs camera_id
select
    mounting_id,
    camera_id,
    start_at,
    end_at,
    lon_deg,
    lat_deg,
    height_m,
    bearing_deg,
    frame_width_px,
    frame_height_px,
    m_from_px,
    fit_error_m
from mountings
where camera_id = $camera_id
order by
    start_at desc,
    mounting_id
