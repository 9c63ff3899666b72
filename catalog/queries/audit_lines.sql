-- The audit's lines in order, all or those after one: what `rtcc audit verify` checks.
select
    line,
    recorded_at,
    actor,
    role,
    purpose,
    case_id,
    action,
    question,
    parameters,
    row_count,
    outcome,
    snapshot_id,
    previous_sha256,
    sha256
from audit
where line > coalesce($after_line::bigint, 0)
order by line
