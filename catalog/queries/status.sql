-- How much the catalog holds and how far it reaches, of what is open to the asker; found things over all runs.
with footage as (
    select
        count(*) as segments,
        coalesce(sum(epoch_us(end_at) - epoch_us(start_at)) / 1e6, 0) as camera_seconds,
        coalesce(sum(size_bytes), 0)::bigint as size_bytes,
        min(start_at) as first_at,
        max(end_at) as last_at
    from segments
),
found as (
    select
        coalesce(sum(frames_looked_at), 0)::bigint as frames,
        coalesce(sum(detections), 0)::bigint as detections,
        coalesce(sum(tracks_begun), 0)::bigint as tracks,
        coalesce(sum(events_begun), 0)::bigint as events
    from analyses
)
select
    (select count(*) from cameras) as cameras,
    footage.segments,
    footage.camera_seconds,
    footage.size_bytes,
    footage.first_at,
    footage.last_at,
    (select count(*) from gaps) as gaps,
    (select count(*) from runs) as runs,
    found.frames,
    found.detections,
    found.tracks,
    found.events,
    (select count(*) from alerts where closed_at is null) as open_alerts,
    (select count(*) from audit) as audit_lines
from footage
cross join found
order by footage.segments
