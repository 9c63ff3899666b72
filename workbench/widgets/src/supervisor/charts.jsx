// Small charts, drawn here: bars that compare, and a share with how sure it is.
import { percent } from "../core/words.js";

/** How long something has waited, against how long it may: past the mark it is late. */
export function Waited({ seconds, limit, tone }) {
  const most = limit * 2;
  const at = Math.min(1, seconds / most);
  return (
    <svg
      class={`waited ${seconds > limit ? "late" : ""} ${tone}`}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect class="track" width="100" height="8" rx="2" />
      <rect class="value" width={100 * at} height="8" rx="2" />
      <rect class="mark" x="49.6" width="0.8" height="8" />
    </svg>
  );
}

export function Bar({ share, tone }) {
  return (
    <svg class={`bar ${tone ?? ""}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" rx="2" />
      <rect class="value" width={Math.max(0.8, 100 * share)} height="8" rx="2" />
    </svg>
  );
}

/** A share between 0 and 1 and its interval: a dot on a line; wide lines say that little is known yet. */
export function Share({ value, low, high }) {
  if (value === null || value === undefined) return <span class="hint">too few to say</span>;
  const x = (share) => 4 + 192 * share;
  return (
    <svg
      class="share"
      viewBox="0 0 200 20"
      role="img"
      aria-label={`${percent(value)}, between ${percent(low)} and ${percent(high)}`}
    >
      {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
        <line key={tick} class="tick" x1={x(tick)} x2={x(tick)} y1="3" y2="17" />
      ))}
      <line class="interval" x1={x(low)} x2={x(high)} y1="10" y2="10" />
      <circle class="dot" cx={x(value)} cy="10" r="4.6" />
    </svg>
  );
}
