-- What a device said, word for word, and the alert it called for: by the device's own name for it. The words may
-- hold a plate that nobody has verified yet.
-- needs source, event_id
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
where source = $source
    and event_id = $event_id
order by received_at
