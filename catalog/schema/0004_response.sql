-- Response: what is known of an alert for whoever answers it, every step of the answer, reports of devices, shift notes.

alter table alerts add column version integer;
alter table alerts add column title varchar;
alter table alerts add column source varchar;
alter table alerts add column lon_deg double;
alter table alerts add column lat_deg double;
alter table alerts add column place_kind varchar;
alter table alerts add column confidence double;
alter table alerts add column plate_text varchar;
alter table alerts add column vehicle varchar;
alter table alerts add column plate_typed varchar;
alter table alerts add column verified_at timestamptz;
alter table alerts add column verified_by varchar;
alter table alerts add column on_scene_at timestamptz;
alter table alerts add column snoozed_until timestamptz;
alter table alerts add column last_onset_at timestamptz;
alter table alerts add column repeats integer;
alter table alerts add column merged_into varchar;
comment on column alerts.version is 'One more with every change; null, for 1, in alerts from before versions were counted.';
comment on column alerts.title is 'What it is, in a few words for a person; null or empty where its rule says it.';
comment on column alerts.source is 'The device or service that reported it; null or empty for rules.';
comment on column alerts.lon_deg is 'Longitude of where it is, degrees east, WGS 84; null where only the camera''s mounting can tell.';
comment on column alerts.lat_deg is 'Latitude of where it is, degrees north, WGS 84; null where only the camera''s mounting can tell.';
comment on column alerts.place_kind is 'What kind of place it comes from, as of cameras, e.g. school; null where unknown.';
comment on column alerts.confidence is 'Raw score of what raised it, 0 to 1; null where nothing scored it.';
comment on column alerts.plate_text is 'Number plate as the device read it. Nobody is shown it before verified_at: who types the plate must not know it.';
comment on column alerts.vehicle is 'What the hotlist says of the vehicle, e.g. white pickup; null where it says nothing.';
comment on column alerts.plate_typed is 'What a person typed last from the picture; null before anybody did.';
comment on column alerts.verified_at is 'When plate and vehicle were found to be the ones looked for, UTC; null before, and for other kinds.';
comment on column alerts.verified_by is 'Who typed the plate and compared the vehicle; null before.';
comment on column alerts.on_scene_at is 'When whoever answers it got there, UTC; null before.';
comment on column alerts.snoozed_until is 'Nobody wants to be reminded of it before this, UTC; null while it is not snoozed.';
comment on column alerts.last_onset_at is 'When the last of its repeats began, UTC; null without any.';
comment on column alerts.repeats is 'Further alerts of the same thing that were folded into this one; null, for none, in older alerts.';
comment on column alerts.merged_into is 'The alert it was folded into, itself closed with outcome repeat; null where it stands for itself.';
comment on column alerts.acknowledged_at is 'When a person took notice, UTC; with their first step, whatever it was.';
comment on column alerts.outcome is 'What came of it: resolved, false_alarm, duplicate, no_action or referred by people; recovered, footage ended or repeat by the system. Null while open; other words in older alerts.';

create table alert_steps (
    alert_id varchar not null,
    version integer not null,
    kind varchar not null,
    stepped_at timestamptz not null,
    actor varchar not null,
    role varchar not null,
    camera_id varchar,
    assignee varchar,
    outcome varchar,
    note varchar not null,
    snoozed_until timestamptz,
    plate_typed varchar,
    plate_matches boolean,
    vehicle_matches boolean,
    merged_into varchar
);
comment on table alert_steps is 'What somebody did about an alert, step by step. A repeat folded in when it was raised is no step: the alerts themselves say so.';
comment on column alert_steps.alert_id is 'The alert.';
comment on column alert_steps.version is 'Version of the alert after the step; with the alert its identity.';
comment on column alert_steps.kind is 'acknowledge, assign, on_scene, close, escalate, snooze, wake, verify, note, release or merge.';
comment on column alert_steps.stepped_at is 'When it was taken, UTC, by the keeper''s clock.';
comment on column alert_steps.actor is 'Who took it.';
comment on column alert_steps.role is 'In which role.';
comment on column alert_steps.camera_id is 'The camera the alert concerns; null where none does.';
comment on column alert_steps.assignee is 'Who shall answer the alert from then on; null for other steps.';
comment on column alert_steps.outcome is 'What came of the alert; null for steps that do not close it.';
comment on column alert_steps.note is 'Words for whoever reads the log; empty where none were given.';
comment on column alert_steps.snoozed_until is 'Until when it was put off, UTC; null for other steps.';
comment on column alert_steps.plate_typed is 'What the person typed from the picture; null for other steps.';
comment on column alert_steps.plate_matches is 'Whether the typing is what the device read; null for other steps.';
comment on column alert_steps.vehicle_matches is 'Whether the person found the vehicle to be the one looked for; null for other steps.';
comment on column alert_steps.merged_into is 'The alert that goes on for both; null for other steps.';

create table device_reports (
    report_id varchar not null,
    source varchar not null,
    event_id varchar not null,
    kind varchar not null,
    reported_at timestamptz not null,
    received_at timestamptz not null,
    alert_id varchar not null,
    camera_id varchar,
    envelope varchar not null
);
comment on table device_reports is 'What a device said, word for word; kept once, however often it says so.';
comment on column device_reports.report_id is 'Identity from source and event.';
comment on column device_reports.source is 'The device, or the service that speaks for it.';
comment on column device_reports.event_id is 'The device''s own name for what it reports.';
comment on column device_reports.kind is 'panic, plate or alert.';
comment on column device_reports.reported_at is 'When, by the device''s clock, UTC.';
comment on column device_reports.received_at is 'When, by ours, UTC.';
comment on column device_reports.alert_id is 'The alert it called for.';
comment on column device_reports.camera_id is 'The camera that alert concerns; null where none does.';
comment on column device_reports.envelope is 'The report as it was received, JSON.';

create table shift_notes (
    note_id varchar not null,
    written_at timestamptz not null,
    actor varchar not null,
    shift_from timestamptz not null,
    shift_until timestamptz not null,
    text varchar not null
);
comment on table shift_notes is 'What one shift left to the next.';
comment on column shift_notes.note_id is 'Identity from writer, instant and words.';
comment on column shift_notes.written_at is 'When it was written, UTC.';
comment on column shift_notes.actor is 'Who wrote it.';
comment on column shift_notes.shift_from is 'When their shift began, UTC.';
comment on column shift_notes.shift_until is 'When it ended, UTC, exclusive.';
comment on column shift_notes.text is 'What the next ones must know.';

comment on column audit.action is 'ask, sql, footage, register, consent, run, append, maintain, export, alert, note, hold, delete or lease.';
