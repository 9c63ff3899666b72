-- Runs and what they found, the latest first; of one camera or of all.
select
    r.run_id,
    r.job,
    r.camera_id,
    r.purpose,
    r.consent_id,
    r.code_version,
    r.config_sha256,
    r.weights_sha256,
    r.started_at,
    r.actor,
    count(a.segment_id) as segments,
    coalesce(sum(epoch_us(a.end_at) - epoch_us(a.start_at)) / 1e6, 0) as camera_seconds,
    coalesce(sum(a.frames_looked_at), 0)::bigint as frames,
    coalesce(sum(a.detections), 0)::bigint as detections,
    coalesce(sum(a.tracks_begun), 0)::bigint as tracks,
    coalesce(sum(a.events_begun), 0)::bigint as events
from runs r
left join analyses a on a.run_id = r.run_id
where $camera_id is null or r.camera_id = $camera_id
group by all
order by
    r.started_at desc,
    r.run_id
