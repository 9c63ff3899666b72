-- Tracker and rules at the end of the last segment that each run stated, for whoever goes on with it.
-- needs run_ids
select
    m.run_id,
    m.segment_id,
    m.camera_id,
    s.mounting_id,
    a.end_at,
    m.memory
from (
    select
        run_id,
        segment_id,
        end_at
    from analyses
    where list_contains($run_ids::varchar[], run_id)
    qualify row_number() over (partition by run_id order by end_at desc, segment_id) = 1
) a
join memories m on m.run_id = a.run_id
    and m.segment_id = a.segment_id
join segments s on s.segment_id = a.segment_id
order by m.run_id
