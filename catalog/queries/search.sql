-- Things seen that fit all that is given: label, colour, cameras, a place and radius, a zone by id or name, a span.
-- One row a track, the surest first, with its camera's name and the address of its best picture.
-- A label of 'vehicle' means car, truck or bus. Where several runs looked at a segment, the latest one's.
with near as (
    select
        m.mounting_id,
        min(2 * 6371008.8 * asin(sqrt(
        sin(radians(m.lat_deg - $lat_deg) / 2) ** 2
        + cos(radians(m.lat_deg)) * cos(radians($lat_deg)) * sin(radians(m.lon_deg - $lon_deg) / 2) ** 2
    ))) as distance_m
    from mountings m
    group by m.mounting_id
),
in_zone as (
    select distinct
        e.run_id,
        unnest(e.track_ids) as track_id
    from events e
    join zones z on z.zone_id = e.zone_id
    where $zone is not null
        and (z.zone_id = $zone or z.name = $zone)
        and ($camera_ids is null or list_contains($camera_ids::varchar[], e.camera_id))
)
select
    t.track_id,
    t.camera_id,
    c.name as camera_name,
    t.label,
    t.confidence,
    t.colour,
    t.colour_confidence,
    t.lower_colour,
    t.lower_colour_confidence,
    t.start_at,
    t.last_seen_at,
    t.end_at,
    t.closed_by,
    t.sighting_count,
    t.best_segment_id,
    t.best_pts,
    t.best_x1_px,
    t.best_y1_px,
    t.best_x2_px,
    t.best_y2_px,
    n.distance_m,
    t.mounting_id,
    t.run_id
from rtcc_tracks(coalesce($start_at::timestamptz, '-infinity'::timestamptz)) t
join cameras c on c.camera_id = t.camera_id
left join near n on n.mounting_id = t.mounting_id
left join in_zone i on i.run_id = t.run_id
    and i.track_id = t.track_id
anti join rtcc_superseded s on t.run_id = s.run_id
    and t.segment_id = s.segment_id
where ($camera_ids is null or list_contains($camera_ids::varchar[], t.camera_id))
    and t.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and t.last_seen_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and ($label is null or t.label = $label or ($label = 'vehicle' and t.label in ('car', 'truck', 'bus')))
    and ($colour is null or t.colour = $colour or t.lower_colour = $colour)
    and ($min_confidence is null or t.confidence >= $min_confidence)
    and ($radius_m is null or n.distance_m <= $radius_m)
    and ($zone is null or i.track_id is not null)
order by
    t.confidence desc,
    t.start_at,
    t.camera_id,
    t.track_id
limit coalesce($limit::bigint, 9223372036854775807)
