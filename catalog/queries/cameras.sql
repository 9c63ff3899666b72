-- Every camera of the registry with how it hangs now, and how much footage of it is open to the asker.
with footage as (
    select
        camera_id,
        count(*) as segments,
        sum(epoch_us(end_at) - epoch_us(start_at)) / 1e6 as camera_seconds,
        min(start_at) as first_at,
        max(end_at) as last_at
    from segments
    group by camera_id
),
hanging as (
    select
        camera_id,
        mounting_id,
        start_at,
        lon_deg,
        lat_deg,
        bearing_deg
    from mountings
    qualify row_number() over (partition by camera_id order by start_at desc, mounting_id) = 1
)
select
    c.camera_id,
    c.name,
    c.site_id,
    c.owner_id,
    c.legal_basis,
    c.sharing,
    c.place_kind,
    c.stream_uri,
    c.sub_stream_uri,
    c.keep_days,
    c.quota_bytes,
    h.mounting_id,
    h.lon_deg,
    h.lat_deg,
    h.bearing_deg,
    coalesce(f.segments, 0) as segments,
    coalesce(f.camera_seconds, 0) as camera_seconds,
    f.first_at,
    f.last_at
from cameras c
left join hanging h on h.camera_id = c.camera_id
left join footage f on f.camera_id = c.camera_id
order by c.camera_id
