-- What was recorded of one camera over the span, what looked at it and how closely, and where nothing could be.
-- kind is segment or gap. A segment that no run looked at has no run_id; one that several looked at has a row each.
-- needs camera_id
select
    'segment' as kind,
    s.start_at,
    s.end_at,
    s.segment_id,
    null as reason,
    null as detail,
    a.run_id,
    r.started_at as run_started_at,
    r.purpose,
    a.sampling,
    s.frame_count,
    a.frames_decoded,
    a.frames_looked_at,
    a.frames_held,
    a.detections,
    a.tracks_begun,
    a.events_begun
from segments s
left join analyses a on a.segment_id = s.segment_id
    and a.camera_id = s.camera_id
left join runs r on r.run_id = a.run_id
where s.camera_id = $camera_id
    and s.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and s.end_at > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
union all
select
    'gap' as kind,
    g.start_at,
    g.end_at,
    g.segment_id,
    g.reason,
    g.detail,
    g.run_id,
    r.started_at as run_started_at,
    r.purpose,
    null as sampling,
    null as frame_count,
    null as frames_decoded,
    null as frames_looked_at,
    null as frames_held,
    null as detections,
    null as tracks_begun,
    null as events_begun
from gaps g
left join runs r on r.run_id = g.run_id
where g.camera_id = $camera_id
    and g.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and (g.end_at is null or g.end_at > coalesce($start_at::timestamptz, '-infinity'::timestamptz))
order by
    start_at,
    kind desc,
    segment_id,
    run_started_at,
    run_id
