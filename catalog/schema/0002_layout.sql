-- How rows lie on disk: by day where there are many, and together by camera and time.

alter table detections set partitioned by (year(seen_at), month(seen_at), day(seen_at));
alter table detections set sorted by (camera_id, seen_at);
alter table track_states set partitioned by (year(as_of_at), month(as_of_at));
alter table track_states set sorted by (camera_id, as_of_at);
alter table event_states set partitioned by (year(as_of_at), month(as_of_at));
alter table event_states set sorted by (camera_id, as_of_at);
alter table minute_counts set partitioned by (year(minute_at), month(minute_at));
alter table minute_counts set sorted by (camera_id, minute_at);
alter table segments set sorted by (camera_id, start_at);
alter table analyses set sorted by (camera_id, start_at);
