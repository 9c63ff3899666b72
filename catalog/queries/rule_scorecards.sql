-- What alerts raised in the span came to, by kind and rule, the most first. Repeats are counted apart, and are not
-- among the outcomes; acknowledge_median_s is from raising to a person's notice, seconds, of those that got it.
select
    a.kind,
    a.rule,
    count(*) filter (where a.merged_into is null)::integer as alerts,
    count(*) filter (where a.merged_into is not null)::integer as repeats,
    count(*) filter (where a.merged_into is null and a.closed_at is null)::integer as open,
    count(*) filter (where a.outcome = 'resolved')::integer as resolved,
    count(*) filter (where a.outcome = 'false_alarm')::integer as false_alarm,
    count(*) filter (where a.outcome = 'duplicate')::integer as duplicate,
    count(*) filter (where a.outcome = 'no_action')::integer as no_action,
    count(*) filter (where a.outcome = 'referred')::integer as referred,
    count(*) filter (where a.outcome = 'recovered')::integer as recovered,
    count(*) filter (
        where a.merged_into is null
            and a.closed_at is not null
            and coalesce(a.outcome, '') not in (
                'resolved', 'false_alarm', 'duplicate', 'no_action', 'referred', 'recovered'
            )
    )::integer as other,
    median(date_diff('millisecond', a.raised_at, a.acknowledged_at) / 1000.0)
        filter (where a.merged_into is null) as acknowledge_median_s
from alerts a
where a.raised_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and a.raised_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and ($kind is null or a.kind = $kind)
    and ($rule is null or a.rule = $rule)
group by
    a.kind,
    a.rule
order by
    alerts desc,
    a.kind,
    a.rule
