-- Boxes by minute, camera and label, of the minutes that begin in the span.
-- Boxes, not things: one thing seen at 2 fps for a minute counts 120.
-- A label of 'vehicle' means car, truck and bus, counted together. The latest run's, where several looked.
select
    m.minute_at as minute_at,
    m.camera_id,
    if($label = 'vehicle', 'vehicle', m.label) as label,
    sum(m.detections)::bigint as detections
from minute_counts m
anti join (
    select
        run_id,
        segment_id
    from rtcc_superseded
    where $camera_id is null or camera_id = $camera_id
) s on m.run_id = s.run_id
    and m.segment_id = s.segment_id
where m.minute_at >= coalesce($start_at::timestamptz, '-infinity'::timestamptz)
    and m.minute_at < coalesce($end_at::timestamptz, 'infinity'::timestamptz)
    and ($camera_id is null or m.camera_id = $camera_id)
    and ($label is null or m.label = $label or ($label = 'vehicle' and m.label in ('car', 'truck', 'bus')))
group by all
order by
    minute_at,
    m.camera_id,
    label
