-- Segments by age, the oldest first, with what each takes on disk; upkeep sees those of every camera.
select
    k.segment_id,
    k.camera_id,
    k.start_at,
    k.end_at,
    k.size_bytes,
    k.uri
from rtcc_kept k
where ($camera_id is null or k.camera_id = $camera_id)
    and k.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
order by
    k.start_at,
    k.segment_id
limit coalesce($limit::bigint, 9223372036854775807)
