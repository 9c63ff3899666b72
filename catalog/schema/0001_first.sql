-- First schema: registry, consent, footage, runs, observations, alerts, audit.

create table cameras (
    camera_id varchar not null,
    name varchar not null,
    site_id varchar not null,
    owner_id varchar not null,
    legal_basis varchar not null,
    sharing varchar not null,
    place_kind varchar not null,
    stream_uri varchar
);
comment on table cameras is 'A device that makes footage.';
comment on column cameras.camera_id is 'Short name of the camera, unique in the city.';
comment on column cameras.name is 'What people call it, e.g. the crossing it looks at.';
comment on column cameras.site_id is 'The site it belongs to.';
comment on column cameras.owner_id is 'Who owns the device; city for the city''s own.';
comment on column cameras.legal_basis is 'Why its footage may be held: city, voluntary, ordinance or warrant. Anything but city needs a consent in force.';
comment on column cameras.sharing is 'How far the owner lets the room look: registry_only, on_request, on_incident or continuous.';
comment on column cameras.place_kind is 'What it looks at: street, park, business, hospital, school, worship or residence.';
comment on column cameras.stream_uri is 'Where its live feed is, without credentials; null for archive footage.';

create table mountings (
    mounting_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz,
    lon_deg double,
    lat_deg double,
    height_m double,
    bearing_deg double,
    frame_width_px integer,
    frame_height_px integer,
    m_from_px double[],
    fit_error_m double
);
comment on table mountings is 'One camera in one pose through one lens for a span of time.';
comment on column mountings.mounting_id is 'Identity from camera, start and pose.';
comment on column mountings.camera_id is 'The camera that hangs so.';
comment on column mountings.start_at is 'From when, UTC.';
comment on column mountings.end_at is 'Until when, UTC, exclusive; null while it hangs so.';
comment on column mountings.lon_deg is 'Longitude of the lens, degrees east, WGS 84; null while unknown.';
comment on column mountings.lat_deg is 'Latitude of the lens, degrees north, WGS 84; null while unknown.';
comment on column mountings.height_m is 'Lens above ground, metres.';
comment on column mountings.bearing_deg is 'Direction it looks, degrees clockwise from north.';
comment on column mountings.frame_width_px is 'Width of its native frame, pixels.';
comment on column mountings.frame_height_px is 'Height of its native frame, pixels.';
comment on column mountings.m_from_px is 'Homography from native pixels to ground metres, 9 numbers row by row; null while uncalibrated.';
comment on column mountings.fit_error_m is 'Root mean square error of the calibration points, metres.';

create table zones (
    zone_id varchar not null,
    mounting_id varchar not null,
    camera_id varchar not null,
    kind varchar not null,
    name varchar not null,
    x_px double[] not null,
    y_px double[] not null,
    min_dwell_s double,
    labels varchar[] not null
);
comment on table zones is 'A polygon or a directed line drawn on the picture of one mounting.';
comment on column zones.zone_id is 'Identity from mounting and name.';
comment on column zones.mounting_id is 'The mounting it is drawn on.';
comment on column zones.camera_id is 'The camera of that mounting.';
comment on column zones.kind is 'area, line or mask.';
comment on column zones.name is 'What people call it.';
comment on column zones.x_px is 'Corner points, native pixels from the left.';
comment on column zones.y_px is 'Corner points, native pixels from the top.';
comment on column zones.min_dwell_s is 'Stay that makes a zone_dwell event, seconds; null for no dwell rule.';
comment on column zones.labels is 'Labels that count; empty for all.';

create table consents (
    consent_id varchar not null,
    grantor varchar not null,
    camera_ids varchar[] not null,
    purposes varchar[] not null,
    start_at timestamptz not null,
    end_at timestamptz,
    archived boolean not null,
    live boolean not null,
    hours_from varchar,
    hours_until varchar,
    time_zone varchar not null,
    withdrawn_at timestamptz
);
comment on table consents is 'Who allowed which cameras for which purposes, when, until when.';
comment on column consents.consent_id is 'Identity of the consent.';
comment on column consents.grantor is 'Who gave it.';
comment on column consents.camera_ids is 'The cameras it opens.';
comment on column consents.purposes is 'What the footage may be used for.';
comment on column consents.start_at is 'In force from, UTC; earlier footage is not covered.';
comment on column consents.end_at is 'In force until, UTC, exclusive; null until withdrawn.';
comment on column consents.archived is 'Recorded footage and the rows made from it may be used.';
comment on column consents.live is 'The feed may be watched as it comes.';
comment on column consents.hours_from is 'Local time of day from which it holds, HH:MM; null for all day.';
comment on column consents.hours_until is 'Local time of day until which it holds, HH:MM; may lie after midnight.';
comment on column consents.time_zone is 'Zone of the hours, an IANA name.';
comment on column consents.withdrawn_at is 'When the owner took it back, UTC; null while it stands.';

create table segments (
    segment_id varchar not null,
    camera_id varchar not null,
    mounting_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    first_pts bigint not null,
    time_base_num integer not null,
    time_base_den integer not null,
    frame_count integer not null,
    width_px integer not null,
    height_px integer not null,
    codec varchar not null,
    clock varchar not null,
    clock_error_s double,
    size_bytes bigint not null,
    sha256 varchar not null,
    uri varchar not null,
    source_name varchar not null,
    transcoded boolean not null
);
comment on table segments is 'A recorded file that starts on a key frame: the unit of everything that has to be certain.';
comment on column segments.segment_id is 'Identity from camera, start and the digest of the bytes.';
comment on column segments.camera_id is 'The camera that saw it.';
comment on column segments.mounting_id is 'How that camera hung.';
comment on column segments.start_at is 'Instant of the first frame, UTC.';
comment on column segments.end_at is 'Instant after the last frame, UTC, exclusive.';
comment on column segments.first_pts is 'Presentation time stamp of the first frame, ticks.';
comment on column segments.time_base_num is 'Seconds per tick, numerator.';
comment on column segments.time_base_den is 'Seconds per tick, denominator.';
comment on column segments.frame_count is 'Frames in the file.';
comment on column segments.width_px is 'Native frame width, pixels.';
comment on column segments.height_px is 'Native frame height, pixels.';
comment on column segments.codec is 'Video codec of the file.';
comment on column segments.clock is 'Where its instants come from: rtcp, arrival, container or manual.';
comment on column segments.clock_error_s is 'How far the clock may be off, ± seconds; null if unknown.';
comment on column segments.size_bytes is 'Size of the file, bytes.';
comment on column segments.sha256 is 'Digest of the file, hex.';
comment on column segments.uri is 'Where the file is, relative to the data home.';
comment on column segments.source_name is 'Base name of the file or feed it was taken from.';
comment on column segments.transcoded is 'True where the codec did not allow a plain copy.';

create table gaps (
    gap_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz,
    reason varchar not null,
    detail varchar not null,
    segment_id varchar,
    run_id varchar,
    source_name varchar not null
);
comment on table gaps is 'A span without usable footage, and why.';
comment on column gaps.gap_id is 'Identity from camera, start, reason and source.';
comment on column gaps.camera_id is 'The camera without footage.';
comment on column gaps.start_at is 'From when, UTC.';
comment on column gaps.end_at is 'Until when, UTC, exclusive; null while unseen.';
comment on column gaps.reason is 'no_feed, undecodable, skipped or not_permitted.';
comment on column gaps.detail is 'What was found, for the operator.';
comment on column gaps.segment_id is 'The segment in which it lies, when it lies inside one.';
comment on column gaps.run_id is 'The run that found it while decoding; null for gaps found on import.';
comment on column gaps.source_name is 'Base name of the file or feed.';

create table runs (
    run_id varchar not null,
    job varchar not null,
    camera_id varchar,
    purpose varchar not null,
    consent_id varchar,
    code_version varchar not null,
    config_sha256 varchar not null,
    weights_sha256 varchar not null,
    started_at timestamptz not null,
    actor varchar not null
);
comment on table runs is 'One job with fixed code, settings, weights and purpose.';
comment on column runs.run_id is 'Identity from job, camera, purpose, code, settings and weights.';
comment on column runs.job is 'Name of the job, e.g. index.';
comment on column runs.camera_id is 'The camera it looks at; null for jobs over many.';
comment on column runs.purpose is 'Why it was started.';
comment on column runs.consent_id is 'The consent it rests on; null for the city''s own cameras.';
comment on column runs.code_version is 'Version of the workbench, and digest of its sources.';
comment on column runs.config_sha256 is 'Digest of all settings, zones included.';
comment on column runs.weights_sha256 is 'Digest of the detector''s weights.';
comment on column runs.started_at is 'First start, UTC; kept when the same run goes on later.';
comment on column runs.actor is 'Who started it.';

create table analyses (
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    sampling varchar not null,
    frames_decoded integer not null,
    frames_looked_at integer not null,
    frames_held integer not null,
    detections integer not null,
    tracks_begun integer not null,
    events_begun integer not null
);
comment on table analyses is 'How much of one segment one run looked at: what an empty answer rests on.';
comment on column analyses.run_id is 'The run that looked.';
comment on column analyses.segment_id is 'The segment it looked at.';
comment on column analyses.camera_id is 'The camera of that segment.';
comment on column analyses.start_at is 'Start of the segment, UTC.';
comment on column analyses.end_at is 'End of the segment, UTC, exclusive.';
comment on column analyses.sampling is 'Which frames it took: a rate in fps, keyframes or all.';
comment on column analyses.frames_decoded is 'Frames decoded.';
comment on column analyses.frames_looked_at is 'Frames the detector saw.';
comment on column analyses.frames_held is 'Sampled frames whose picture had not changed: the previous answer stands.';
comment on column analyses.detections is 'Boxes found.';
comment on column analyses.tracks_begun is 'Tracks that began here.';
comment on column analyses.events_begun is 'Events that began here.';

create table memories (
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    memory blob not null
);
comment on table memories is 'Tracker and rules at a segment''s end, for the next segment to go on from.';
comment on column memories.run_id is 'The run it belongs to.';
comment on column memories.segment_id is 'The segment at whose end it was saved.';
comment on column memories.camera_id is 'The camera of that segment.';
comment on column memories.memory is 'Serialised state, readable by the code version of the run.';

create table detections (
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    pts bigint not null,
    seen_at timestamptz not null,
    track_id varchar,
    label varchar not null,
    confidence float not null,
    x1_px float not null,
    y1_px float not null,
    x2_px float not null,
    y2_px float not null,
    colour varchar,
    colour_confidence float,
    lower_colour varchar,
    lower_colour_confidence float
);
comment on table detections is 'One box in one frame.';
comment on column detections.run_id is 'The run that found it.';
comment on column detections.segment_id is 'The segment it was found in.';
comment on column detections.camera_id is 'The camera of that segment.';
comment on column detections.pts is 'Frame address inside the segment, ticks.';
comment on column detections.seen_at is 'Instant of the frame, UTC.';
comment on column detections.track_id is 'The track that took it; null where none did.';
comment on column detections.label is 'What the model calls it.';
comment on column detections.confidence is 'The model''s raw score, 0 to 1; not a probability.';
comment on column detections.x1_px is 'Left edge, native pixels.';
comment on column detections.y1_px is 'Top edge, native pixels.';
comment on column detections.x2_px is 'Right edge, native pixels.';
comment on column detections.y2_px is 'Bottom edge, native pixels.';
comment on column detections.colour is 'Colour of the vehicle''s body or of the upper clothing; null if unknown.';
comment on column detections.colour_confidence is 'Share of the pixels that agree on colour, 0 to 1.';
comment on column detections.lower_colour is 'Colour of a person''s lower clothing; null if unknown.';
comment on column detections.lower_colour_confidence is 'Share of the pixels that agree on lower_colour, 0 to 1.';

create table track_states (
    track_id varchar not null,
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    mounting_id varchar not null,
    label varchar not null,
    confidence float not null,
    colour varchar,
    colour_confidence float,
    lower_colour varchar,
    lower_colour_confidence float,
    start_at timestamptz not null,
    last_seen_at timestamptz not null,
    end_at timestamptz,
    closed_by varchar,
    sighting_count integer not null,
    best_segment_id varchar not null,
    best_pts bigint not null,
    best_x1_px float not null,
    best_y1_px float not null,
    best_x2_px float not null,
    best_y2_px float not null,
    first_x_px float not null,
    first_y_px float not null,
    last_x_px float not null,
    last_y_px float not null,
    as_of_at timestamptz not null
);
comment on table track_states is 'What was known of a track at a segment''s end; the latest statement is the row in tracks.';
comment on column track_states.track_id is 'Identity from run, mounting and first sighting.';
comment on column track_states.run_id is 'The run that states it.';
comment on column track_states.segment_id is 'The segment this statement was made in.';
comment on column track_states.camera_id is 'The camera it was seen on.';
comment on column track_states.mounting_id is 'How that camera hung.';
comment on column track_states.label is 'The label most sightings agree on, weighted by confidence.';
comment on column track_states.confidence is 'Mean confidence of the sightings with that label, 0 to 1.';
comment on column track_states.colour is 'Colour of the vehicle''s body or of the upper clothing; null if unknown.';
comment on column track_states.colour_confidence is 'Share of the sightings'' weight that agrees on colour, 0 to 1.';
comment on column track_states.lower_colour is 'Colour of a person''s lower clothing; null if unknown.';
comment on column track_states.lower_colour_confidence is 'Share of the sightings'' weight that agrees on lower_colour, 0 to 1.';
comment on column track_states.start_at is 'First sighting, UTC.';
comment on column track_states.last_seen_at is 'Last sighting so far, UTC.';
comment on column track_states.end_at is 'Last sighting of a closed track, UTC; null while open.';
comment on column track_states.closed_by is 'How the end was observed: left, lost or gap; null while open.';
comment on column track_states.sighting_count is 'Frames in which it was detected.';
comment on column track_states.best_segment_id is 'Segment of its most confident sighting: the picture to show.';
comment on column track_states.best_pts is 'Frame of its most confident sighting, ticks.';
comment on column track_states.best_x1_px is 'Left edge of its most confident sighting, native pixels.';
comment on column track_states.best_y1_px is 'Top edge of its most confident sighting, native pixels.';
comment on column track_states.best_x2_px is 'Right edge of its most confident sighting, native pixels.';
comment on column track_states.best_y2_px is 'Bottom edge of its most confident sighting, native pixels.';
comment on column track_states.first_x_px is 'Anchor of the first sighting, native pixels from the left.';
comment on column track_states.first_y_px is 'Anchor of the first sighting, native pixels from the top.';
comment on column track_states.last_x_px is 'Anchor of the last sighting, native pixels from the left.';
comment on column track_states.last_y_px is 'Anchor of the last sighting, native pixels from the top.';
comment on column track_states.as_of_at is 'End of the segment this statement was made in, UTC.';

create table event_states (
    event_id varchar not null,
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    mounting_id varchar not null,
    rule varchar not null,
    zone_id varchar,
    track_ids varchar[] not null,
    start_at timestamptz not null,
    end_at timestamptz,
    closed_by varchar,
    confidence float,
    dwell_s double,
    speed_mps double,
    direction varchar,
    label varchar,
    evidence_segment_id varchar,
    evidence_pts bigint,
    plate_text varchar,
    review varchar not null,
    reviewed_by varchar,
    as_of_at timestamptz not null
);
comment on table event_states is 'What was known of an event at a segment''s end; the latest statement is the row in events.';
comment on column event_states.event_id is 'Identity from run, rule, zone, tracks and start.';
comment on column event_states.run_id is 'The run that states it.';
comment on column event_states.segment_id is 'The segment this statement was made in.';
comment on column event_states.camera_id is 'The camera it happened on.';
comment on column event_states.mounting_id is 'How that camera hung.';
comment on column event_states.rule is 'zone_enter, zone_leave, zone_dwell, line_cross, left_object, camera_dark, camera_blurred, camera_moved or camera_frozen.';
comment on column event_states.zone_id is 'The zone or line; null for rules without one.';
comment on column event_states.track_ids is 'The tracks it is about.';
comment on column event_states.start_at is 'From when the rule held, UTC.';
comment on column event_states.end_at is 'Until when, UTC, exclusive; null while it still holds.';
comment on column event_states.closed_by is 'How the end was observed: left, lost or gap; null while open, and for events of an instant.';
comment on column event_states.confidence is 'Raw score of the track, 0 to 1; null for rules about the camera.';
comment on column event_states.dwell_s is 'Time inside the zone, seconds; null for rules that do not measure it.';
comment on column event_states.speed_mps is 'Ground speed, metres per second; null without a calibrated mounting.';
comment on column event_states.direction is 'forward or backward across a line; null for other rules.';
comment on column event_states.label is 'Label of the thing the rule is about; null for the camera itself.';
comment on column event_states.evidence_segment_id is 'Segment of the frame that shows it: the statement''s own, or an earlier one.';
comment on column event_states.evidence_pts is 'The frame of evidence_segment_id that shows it, ticks.';
comment on column event_states.plate_text is 'Number plate as read; null where none was.';
comment on column event_states.review is 'unreviewed, confirmed or rejected by a person.';
comment on column event_states.reviewed_by is 'Who reviewed it.';
comment on column event_states.as_of_at is 'End of the segment this statement was made in, UTC.';

create table minute_counts (
    run_id varchar not null,
    segment_id varchar not null,
    camera_id varchar not null,
    minute_at timestamptz not null,
    label varchar not null,
    detections integer not null
);
comment on table minute_counts is 'Detections by minute, camera and label: the rollup long questions are answered from.';
comment on column minute_counts.run_id is 'The run that found them.';
comment on column minute_counts.segment_id is 'The segment they were found in.';
comment on column minute_counts.camera_id is 'The camera of that segment.';
comment on column minute_counts.minute_at is 'Start of the minute, UTC.';
comment on column minute_counts.label is 'What the model calls them.';
comment on column minute_counts.detections is 'Boxes of that label in that minute.';

create table alerts (
    alert_id varchar not null,
    kind varchar not null,
    event_id varchar,
    camera_id varchar,
    priority varchar not null,
    raised_at timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by varchar,
    assigned_to varchar,
    escalated_at timestamptz,
    closed_at timestamptz,
    outcome varchar
);
comment on table alerts is 'An event, or a device''s report, that someone must answer.';
comment on column alerts.alert_id is 'Identity of the alert.';
comment on column alerts.kind is 'rule, plate, panic, camera_health or person.';
comment on column alerts.event_id is 'The event it rests on; null for reports of devices and people.';
comment on column alerts.camera_id is 'The camera it concerns; null where none does.';
comment on column alerts.priority is 'P1, P2 or P3.';
comment on column alerts.raised_at is 'When it was raised, UTC.';
comment on column alerts.acknowledged_at is 'When a person took notice, UTC.';
comment on column alerts.acknowledged_by is 'Who took notice.';
comment on column alerts.assigned_to is 'Who answers it.';
comment on column alerts.escalated_at is 'When it went to the supervisor, UTC.';
comment on column alerts.closed_at is 'When it was closed, UTC; null while open.';
comment on column alerts.outcome is 'What came of it.';

create table audit (
    line bigint not null,
    recorded_at timestamptz not null,
    actor varchar not null,
    role varchar not null,
    purpose varchar not null,
    case_id varchar,
    action varchar not null,
    question varchar not null,
    parameters varchar not null,
    row_count bigint,
    outcome varchar not null,
    snapshot_id bigint,
    previous_sha256 varchar not null,
    sha256 varchar not null
);
comment on table audit is 'Who did what, why: a chain in which every line carries the digest of the one before.';
comment on column audit.line is 'Number of the line, from 1, without holes.';
comment on column audit.recorded_at is 'When it was written, UTC.';
comment on column audit.actor is 'Who acted.';
comment on column audit.role is 'In which role.';
comment on column audit.purpose is 'For which purpose.';
comment on column audit.case_id is 'For which case; null outside casework.';
comment on column audit.action is 'ask, sql, footage, register, consent, run, append, maintain or export.';
comment on column audit.question is 'The named question, the SQL text, or what was changed.';
comment on column audit.parameters is 'What it was asked with, as name=value pairs.';
comment on column audit.row_count is 'Rows answered or written; null where nothing was counted.';
comment on column audit.outcome is 'done, refused or failed, and why.';
comment on column audit.snapshot_id is 'The catalog snapshot it was answered from.';
comment on column audit.previous_sha256 is 'Digest of the line before; 64 zeros for the first.';
comment on column audit.sha256 is 'Digest of this line''s other fields.';
