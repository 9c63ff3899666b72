-- Who allowed which cameras for which purposes, when, until when; withdrawn ones too.
select
    consent_id,
    grantor,
    camera_ids,
    purposes,
    start_at,
    end_at,
    archived,
    live,
    hours_from,
    hours_until,
    time_zone,
    withdrawn_at
from consents
order by
    start_at,
    consent_id
