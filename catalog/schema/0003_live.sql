-- Live: small streams, retention and quotas, how closely cameras are looked at, holds, tombstones, provisional alerts.

alter table cameras add column sub_stream_uri varchar;
alter table cameras add column keep_days double;
alter table cameras add column quota_bytes bigint;
comment on column cameras.sub_stream_uri is 'Where a smaller feed of the same picture is, without credentials; null where there is none.';
comment on column cameras.keep_days is 'How long its footage is kept, days; null for the home''s own setting.';
comment on column cameras.quota_bytes is 'How much of its footage is kept, bytes; null without a limit of its own.';

-- No camera is known any more by a feed that gives its password away: the same words as in the registry's code.
update cameras
set stream_uri = null
where regexp_matches(lower(stream_uri), '^([^/?#]*://)?[^/?#]*@|://[^/?#@:\[]+:[^/?#@]*[^/?#@0-9][^@]*@|[?&;](pass|passwd|password|passphrase|pwd|psw|secret|token|access_token|auth_token|api_?key)=');

alter table alerts add column rule varchar;
alter table alerts add column onset_at timestamptz;
alter table alerts add column detail varchar;
alter table alerts add column firm_at timestamptz;
comment on column alerts.rule is 'The rule that held, e.g. zone_dwell or camera_dark; null for reports of people.';
comment on column alerts.onset_at is 'When what it is about began, UTC; null in alerts from before this was written down.';
comment on column alerts.detail is 'What was found, for the person who answers.';
comment on column alerts.firm_at is 'When the event it rests on became a durable row, UTC; null while provisional, and where it rests on none.';

create table sampling_levels (
    level_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz,
    level varchar not null,
    reason varchar not null
);
comment on table sampling_levels is 'How closely a camera was looked at over a span of time, and why.';
comment on column sampling_levels.level_id is 'Identity from camera and start.';
comment on column sampling_levels.camera_id is 'The camera looked at.';
comment on column sampling_levels.start_at is 'From when, UTC.';
comment on column sampling_levels.end_at is 'Until when, UTC, exclusive; null while it holds.';
comment on column sampling_levels.level is 'record (packets only), keyframes (every key frame), substream (the small stream at a few frames a second) or full (the main stream at a few frames a second).';
comment on column sampling_levels.reason is 'What asked for it, or what forced it.';
alter table sampling_levels set sorted by (camera_id, start_at);

create table holds (
    hold_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz,
    reason varchar not null,
    placed_by varchar not null,
    placed_at timestamptz not null,
    released_at timestamptz
);
comment on table holds is 'Why footage of a camera may not be deleted yet.';
comment on column holds.hold_id is 'Identity from camera, span, reason and when it was placed.';
comment on column holds.camera_id is 'The camera whose footage stays.';
comment on column holds.start_at is 'Footage from this instant on stays, UTC.';
comment on column holds.end_at is 'Until when, UTC, exclusive; null for all from the start on.';
comment on column holds.reason is 'Why it must stay.';
comment on column holds.placed_by is 'Who asked for it.';
comment on column holds.placed_at is 'When it was placed, UTC.';
comment on column holds.released_at is 'When it was let go, UTC; null while it stands.';

create table tombstones (
    segment_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    size_bytes bigint not null,
    sha256 varchar not null,
    uri varchar not null,
    deleted_at timestamptz not null,
    rule varchar not null
);
comment on table tombstones is 'A segment that was deleted: what it was, when it went and why.';
comment on column tombstones.segment_id is 'Identity of the segment, as it was.';
comment on column tombstones.camera_id is 'The camera that saw it.';
comment on column tombstones.start_at is 'Instant of its first frame, UTC.';
comment on column tombstones.end_at is 'Instant after its last frame, UTC, exclusive.';
comment on column tombstones.size_bytes is 'Size its file had, bytes.';
comment on column tombstones.sha256 is 'Digest its file had, hex.';
comment on column tombstones.uri is 'Where its file was, relative to the data home.';
comment on column tombstones.deleted_at is 'When it was deleted, UTC.';
comment on column tombstones.rule is 'Why: past its retention, over a quota, or a full disk.';
alter table tombstones set sorted by (camera_id, start_at);

comment on column event_states.rule is 'zone_enter, zone_leave, zone_dwell, line_cross, left_object, camera_dark, camera_blurred, camera_moved, camera_frozen, camera_lost, camera_clock or camera_slow.';
comment on column audit.action is 'ask, sql, footage, register, consent, run, append, maintain, export, alert, hold, delete or lease.';
