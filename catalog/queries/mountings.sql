-- How every camera of the registry has hung, the latest of each first.
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
order by
    camera_id,
    start_at desc,
    mounting_id
