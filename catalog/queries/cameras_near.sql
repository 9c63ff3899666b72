-- Cameras that hang, or hung, within a radius of a place, the nearest first; distance on a sphere, metres.
-- needs lon_deg, lat_deg, radius_m
select
    c.camera_id,
    c.name,
    m.mounting_id,
    m.start_at,
    m.end_at,
    m.lon_deg,
    m.lat_deg,
    m.bearing_deg,
    2 * 6371008.8 * asin(sqrt(
        sin(radians(m.lat_deg - $lat_deg) / 2) ** 2
        + cos(radians(m.lat_deg)) * cos(radians($lat_deg)) * sin(radians(m.lon_deg - $lon_deg) / 2) ** 2
    )) as distance_m
from mountings m
join cameras c on c.camera_id = m.camera_id
where 2 * 6371008.8 * asin(sqrt(
        sin(radians(m.lat_deg - $lat_deg) / 2) ** 2
        + cos(radians(m.lat_deg)) * cos(radians($lat_deg)) * sin(radians(m.lon_deg - $lon_deg) / 2) ** 2
    )) <= $radius_m
order by
    distance_m,
    c.camera_id,
    m.start_at
