-- Unbroken stretches, many cameras at once: where there is footage, where a run has looked at it, where gaps are.
-- kind is footage, looked_at or gap. Where several runs looked at a segment, how closely the latest one did.
with pieces as (
    select
        'footage' as kind,
        s.camera_id,
        s.start_at,
        s.end_at,
        null as sampling
    from segments s
    where ($camera_ids is null or list_contains($camera_ids::varchar[], s.camera_id))
        and s.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
        and s.end_at > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    union all
    select
        'looked_at' as kind,
        a.camera_id,
        a.start_at,
        a.end_at,
        a.sampling
    from analyses a
    anti join rtcc_superseded u on a.run_id = u.run_id
        and a.segment_id = u.segment_id
    where ($camera_ids is null or list_contains($camera_ids::varchar[], a.camera_id))
        and a.frames_looked_at + a.frames_held > 0
        and a.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
        and a.end_at > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
),
begun as (
    select
        p.*,
        p.start_at > max(p.end_at) over (
            partition by p.kind, p.camera_id, p.sampling
            order by p.start_at, p.end_at
            rows between unbounded preceding and 1 preceding
        ) as begins
    from pieces p
),
numbered as (
    select
        b.*,
        count_if(b.begins) over (
            partition by b.kind, b.camera_id, b.sampling
            order by b.start_at, b.end_at
            rows unbounded preceding
        ) as stretch
    from begun b
)
select
    n.camera_id,
    n.kind,
    min(n.start_at) as start_at,
    max(n.end_at) as end_at,
    n.sampling,
    null as reason,
    null as detail
from numbered n
group by
    n.kind,
    n.camera_id,
    n.sampling,
    n.stretch
union all
select
    g.camera_id,
    'gap' as kind,
    g.start_at,
    g.end_at,
    null as sampling,
    g.reason,
    g.detail
from gaps g
where ($camera_ids is null or list_contains($camera_ids::varchar[], g.camera_id))
    and g.start_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and coalesce(g.end_at, 'infinity'::timestamptz) > coalesce($start_at::timestamptz, '-infinity'::timestamptz)
order by
    camera_id,
    start_at,
    kind,
    sampling
