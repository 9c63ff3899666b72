// How the findings of a study are said: shares, counts, p values, and the names of what it looked at.
const NBSP = "\u00a0";
const DASH = "–";

/** Below so many incidents before the cameras no percentage is stated. */
const PERCENT_FLOOR = 20;

export const RUNGS = [
  ["not estimable", "○", "none"],
  ["consistent with no effect", "◔", "flat"],
  ["suggestive", "◑", "some"],
  ["supported", "●", "good"],
  ["contradicts claim", "✕", "against"],
];

/** Sign and tone of a rung; a verdict that is not there has a dash. */
export function rungLook(rung) {
  const [, sign, tone] = RUNGS.find(([name]) => name === rung) ?? ["", DASH, "none"];
  return { sign, tone };
}

export const SEVERITIES = {
  blocks: ["✕", "Blocks", "bad"],
  warns: ["▲", "Warning", "doubt"],
  notes: ["✓", "Noted", "ok"],
};

const isFigure = (value) => typeof value === "number" && Number.isFinite(value);

/** A share as a percentage, e.g. `−18.3 %`; without `decimals` one, where it says something, as reports have it. */
export function percent(share, decimals = null, signed = true) {
  if (!isFigure(share)) return DASH;
  const words = (Math.abs(share) * 100).toFixed(decimals ?? 1).replace(decimals === null ? /\.0$/ : "", "");
  return `${sign(share, words, signed)}${words}${NBSP}%`;
}

const sign = (value, words, signed) =>
  Number(words) === 0 || !signed ? "" : value < 0 ? "−" : "+";

/** An interval of shares, or of numbers with `say`; an end that is not there lies nowhere. */
export function range(interval, say = (share) => percent(share)) {
  if (!interval) return DASH;
  const [low, high] = interval;
  return `${isFigure(low) ? say(low) : "−∞"} to ${isFigure(high) ? say(high) : "+∞"}`;
}

export function count(value, signed = false) {
  if (!isFigure(value)) return DASH;
  const whole = Math.round(Math.abs(value));
  return `${sign(value, String(whole), signed)}${whole.toLocaleString("en-US")}`;
}

export const change = (value) => count(value, true);

export function pValue(p) {
  if (!isFigure(p)) return DASH;
  return p < 0.001 ? `<${NBSP}0.001` : p < 0.0995 ? p.toFixed(3) : p.toFixed(2);
}

/** A sentence whose numbers stay with their signs at the end of a line. */
export const tied = (sentence) => sentence.replace(/(\d) (?=%)/g, `$1${NBSP}`);

/** `burglary` → `Burglary`. */
export function named(key) {
  const words = key.replaceAll("_", " ").trim();
  return words && words[0].toUpperCase() + words.slice(1);
}

/** An outcome as it ends the names of its figures. */
export const suffix = (outcome) => outcome.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "") || "x";

export const several = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
export const dateOf = (iso) => DATE.format(Date.parse(iso));

/** Whether there were enough incidents before the cameras for a percentage to mean anything. */
export function percentagesStated(findings, outcome) {
  const befores = ofOutcome(findings.power, outcome).map((power) => power.baseline_count);
  return !befores.length || Math.max(...befores) >= PERCENT_FLOOR;
}

/** The smallest fall that the most sensitive method would find; null where there is none. */
export function leastDetectable(findings, outcome) {
  const found = ofOutcome(findings.power, outcome).filter((power) => power.least_detectable_ratio !== null);
  return found.sort((a, b) => b.least_detectable_ratio - a.least_detectable_ratio)[0] ?? null;
}

export const ofOutcome = (records, outcome) => records.filter((one) => one.outcome === outcome);

export const rawOf = (findings, outcome) =>
  ofOutcome(findings.estimates, outcome).find((one) => one.design === "none" && one.refused === null) ?? null;
