-- What shifts left to the next, written in the span, in order of time.
select
    note_id,
    written_at,
    actor,
    shift_from,
    shift_until,
    text
from shift_notes
where written_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and written_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
order by
    written_at,
    note_id
