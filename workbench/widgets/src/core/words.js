// How instants, lengths of time and the words of the trade are said to people.
export const STATE_WORDS = {
  raised: "New",
  acknowledged: "Acknowledged",
  assigned: "Assigned",
  on_scene: "On scene",
  closed: "Closed",
};

export const OUTCOME_WORDS = {
  resolved: "Resolved",
  false_alarm: "False alarm",
  duplicate: "Duplicate",
  no_action: "No action needed",
  referred: "Referred",
  recovered: "Recovered by itself",
  repeat: "Repeat of another",
};

/** Outcomes a person may choose; the others are the service's. */
export const OUTCOMES = ["resolved", "false_alarm", "duplicate", "no_action", "referred"];

export const STEP_WORDS = {
  raise: "raised it",
  acknowledge: "acknowledged",
  assign: "assigned",
  on_scene: "on scene",
  close: "closed",
  escalate: "escalated",
  snooze: "snoozed",
  wake: "woke it",
  verify: "compared the plate",
  note: "noted",
  release: "released",
  merge: "merged",
};

export const ROLE_WORDS = { admin: "Administrator", service: "Service" };

export const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1).replaceAll("_", " ") : "");

/** A length of time for a glance: `8 s`, `3 min`, `2 h`. */
export function length(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}`;
  return `${Math.floor(s / 86400)} d`;
}

/** A length of time to the second: `12 s`, `3 min 04 s`. */
export function toTheSecond(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
}

/** A length of time as figure and unit, for large print. */
export function figure(seconds) {
  if (seconds === null || seconds === undefined) return ["–", ""];
  if (seconds < 10) return [seconds.toFixed(1), "s"];
  if (seconds < 120) return [String(Math.round(seconds)), "s"];
  if (seconds < 7200) return [String(Math.round(seconds / 60)), "min"];
  return [(seconds / 3600).toFixed(1), "h"];
}

export const ms = (iso) => (iso ? Date.parse(iso) : null);

/** True while nobody wants to be reminded of an alert; `nowMs` at the gateway. */
export const snoozed = (alert, nowMs) => alert.snoozed_until !== null && ms(alert.snoozed_until) > nowMs;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });
const SHORT = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Local time of day of an instant, ms. */
export const clockTime = (at) => CLOCK.format(at);
export const dayName = (at) => DAY.format(at);
export const shortTime = (at) => SHORT.format(at);

export const metres = (m) => (m < 950 ? `${Math.round(m / 10) * 10} m` : `${(m / 1000).toFixed(1)} km`);

export const percent = (ratio) => `${Math.round(ratio * 100)}%`;

/** How a camera is to be drawn: `live`, `degraded`, `lost` or `unknown`. */
export function cameraLook(camera) {
  if (camera.state === "recording") return (camera.lag_s ?? 0) > 10 ? "degraded" : "live";
  if (camera.state === "unknown" || !camera.state) return "unknown";
  return camera.state === "lost" ? "lost" : "degraded";
}

export const LOOK_WORDS = { live: "Live", degraded: "Degraded", lost: "Lost", unknown: "Not watched" };
