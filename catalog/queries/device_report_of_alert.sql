-- What a device said, word for word, by the alert it called for. The words may hold a plate that nobody has
-- verified yet.
-- needs alert_id
select
    report_id,
    source,
    event_id,
    kind,
    reported_at,
    received_at,
    alert_id,
    camera_id,
    envelope
from device_reports
where alert_id = $alert_id
order by received_at, report_id
