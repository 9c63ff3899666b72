-- Holds that stand, in the order they were placed; upkeep sees those of every camera.
select
    h.hold_id,
    h.camera_id,
    h.start_at,
    h.end_at,
    h.reason,
    h.placed_by,
    h.placed_at,
    h.released_at
from rtcc_held h
where h.released_at is null
    and ($camera_id is null or h.camera_id = $camera_id)
order by
    h.placed_at,
    h.hold_id
