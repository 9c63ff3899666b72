-- Who has how many open alerts, the most first; those nobody has stand under no name.
select
    a.assigned_to,
    count(*)::integer as open,
    count(*) filter (where a.priority = 'P1')::integer as open_p1,
    count(*) filter (where a.on_scene_at is not null)::integer as on_scene,
    min(a.raised_at) as oldest_raised_at
from alerts a
where a.closed_at is null
group by a.assigned_to
order by
    open desc,
    a.assigned_to
