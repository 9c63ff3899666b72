-- How closely one camera was looked at over the span, and why, in order of time.
-- needs camera_id
select
    l.level_id,
    l.camera_id,
    l.start_at,
    l.end_at,
    l.level,
    l.reason
from sampling_levels l
where l.camera_id = $camera_id
    and l.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and coalesce(l.end_at, 'infinity'::timestamptz) > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
order by
    l.start_at,
    l.level_id
