-- What one deleted segment was, when it went and why; nothing for one that was never deleted.
-- needs segment_id
select
    t.segment_id,
    t.camera_id,
    t.start_at,
    t.end_at,
    t.size_bytes,
    t.sha256,
    t.uri,
    t.deleted_at,
    t.rule
from tombstones t
where t.segment_id = $segment_id
order by t.deleted_at
