// The last minutes again: one camera or several in step, on one clock, with what was not recorded said plainly.
import { signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { clockTime, ms } from "../core/words.js";
import { Segmented } from "../parts/bits.jsx";
import { Icon } from "../parts/icons.jsx";
import { Track } from "./track.js";

const TURN_MS = 120;
const BEFORE_MS = 60000;
const AFTER_MS = 240000;
const LAST_MS = 300000;
const STEP_MS = 100;
const MOST = 16;
const BEHIND_NOW_MS = 2000; // the segment that is still being written is in no playlist

/** The stretch to replay: around an alert's onset, or the last minutes. */
function spanOf(aroundAt, nowMs) {
  const until = nowMs - BEHIND_NOW_MS;
  if (!aroundAt) return { from: until - LAST_MS, until, at: until - 60000 };
  const onset = ms(aroundAt);
  return { from: onset - BEFORE_MS, until: Math.min(until, onset + AFTER_MS), at: onset - 5000 };
}

class Playback {
  constructor(span) {
    this.tracks = new Map();
    /** The same, for whoever draws them. */
    this.drawn = signal([]);
    Object.assign(this, span);
    this.turnedAt = performance.now();
    /** True once it is settled where it begins. */
    this.begun = false;
  }

  add(cameraId, track) {
    this.tracks.set(cameraId, track);
    this.drawn.value = [...this.tracks.values()];
  }

  remove(cameraId) {
    this.tracks.get(cameraId).stop();
    this.tracks.delete(cameraId);
    this.drawn.value = [...this.tracks.values()];
  }

  /** Where it begins: if nothing had been recorded yet by the instant meant, at the first that was. */
  begin(at) {
    const tracks = [...this.tracks.values()];
    if (this.begun || !tracks.length || tracks.some((track) => track.state.value === "loading")) return at;
    this.begun = true;
    const first = Math.min(...tracks.flatMap((track) => track.pieces.value.map(([from]) => from)));
    return Number.isFinite(first) ? Math.max(at, first) : at;
  }

  turn(at, speed) {
    at = this.begin(at);
    const now = performance.now();
    const passed = now - this.turnedAt;
    this.turnedAt = now;
    // All wait for the slowest, for a moment: in step matters more than on time.
    const waits =
      speed &&
      [...this.tracks.values()].some((track) => track.busy) &&
      (this.waited = (this.waited ?? 0) + passed) < 2500;
    if (!waits) this.waited = 0;
    const next = speed && !waits ? Math.min(this.until, at + passed * speed) : at;
    for (const track of this.tracks.values()) track.show(next, waits ? 0 : speed);
    return next;
  }
}

export default function Replay({ desk }) {
  const { cameraIds, aroundAt } = desk.replay.value;
  const ids = cameraIds.slice(0, MOST);
  const key = `${ids.join()}|${aroundAt}`;
  return <Player key={key} desk={desk} ids={ids} aroundAt={aroundAt} />;
}

function Player({ desk, ids, aroundAt }) {
  const span = useMemo(() => spanOf(aroundAt, desk.store.clock.now()), []);
  const playback = useMemo(() => new Playback(span), []);
  const at = useSignal(span.at);
  const speed = useSignal(1);
  const playing = useSignal(true);
  useEffect(() => {
    const timer = setInterval(() => {
      at.value = playback.turn(at.value, playing.value ? speed.value : 0);
      if (at.value >= span.until) playing.value = false;
    }, TURN_MS);
    return () => clearInterval(timer);
  }, []);
  const go = (to) => {
    playback.begun = true;
    at.value = Math.min(span.until, Math.max(span.from, to));
  };
  const shut = () => (desk.replay.value = null);
  useKeys({ desk, go, at, playing });
  const columns = Math.ceil(Math.sqrt(ids.length));
  return (
    <section class="replay" aria-label="Replay" data-testid="replay-pane">
      <header>
        <h2>Replay</h2>
        <span class="hint">{ids.length > 1 ? `${ids.length} cameras in step` : ""}</span>
        <button
          type="button"
          class="tool"
          aria-label="Close the replay"
          title="Close (Esc)"
          data-testid="replay-close"
          onClick={shut}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="replay-tiles" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
        {ids.map((id) => (
          <ReplayTile key={id} desk={desk} cameraId={id} playback={playback} at={at} span={span} />
        ))}
      </div>
      <Controls
        at={at}
        go={go}
        speed={speed}
        playing={playing}
        span={span}
        playback={playback}
        aroundAt={aroundAt}
      />
    </section>
  );
}

function ReplayTile({ desk, cameraId, playback, at, span }) {
  const video = useRef();
  const made = useSignal(null);
  useEffect(() => {
    const track = new Track(video.current, cameraId, span.from, span.until);
    playback.add(cameraId, track);
    made.value = track;
    return () => playback.remove(cameraId);
  }, []);
  const track = made.value;
  const camera = desk.store.cameras.value.get(cameraId);
  const trouble = !track
    ? ""
    : {
        loading: "Loading…",
        none: "Nothing recorded in these minutes",
        failed: track.why.value,
        ready: track.gap.value ? `No footage at ${clockTime(at.value)}` : "",
      }[track.state.value];
  return (
    <article
      class="replay-tile"
      data-testid="replay-tile"
      data-camera-id={cameraId}
      data-state={track?.state.value}
    >
      <video ref={video} muted playsInline tabIndex={-1} aria-label={`Recording of ${camera?.name ?? cameraId}`} />
      {trouble && (
        <div class="trouble gap">
          <strong>{trouble}</strong>
        </div>
      )}
      <footer>
        <b>{cameraId}</b>
        <span>{camera?.name}</span>
        <em>REPLAY</em>
      </footer>
    </article>
  );
}

function Controls({ at, go, speed, playing, span, playback, aroundAt }) {
  const share = (instant) => (instant - span.from) / (span.until - span.from);
  const tracks = playback.drawn.value;
  const pieces = tracks.flatMap((track, row) => track.pieces.value.map(([from, until]) => [row, from, until]));
  const shown = useComputed(() => clockTime(at.value));
  return (
    <footer class="replay-controls">
      <div class="replay-buttons">
        <button
          type="button"
          class="tool"
          aria-label="A step back"
          title="A step back (,)"
          onClick={() => ([playing.value] = [false, go(at.value - STEP_MS)])}
        >
          <Icon name="back" />
        </button>
        <button
          type="button"
          class="tool loud"
          aria-label={playing.value ? "Pause" : "Play"}
          title="Play or pause (Space)"
          data-testid="replay-play"
          onClick={() => toggle(playing, at, span, go)}
        >
          <Icon name={playing.value ? "pause" : "play"} filled={!playing.value} />
        </button>
        <button
          type="button"
          class="tool"
          aria-label="A step on"
          title="A step on (.)"
          onClick={() => ([playing.value] = [false, go(at.value + STEP_MS)])}
        >
          <Icon name="step" />
        </button>
      </div>
      <time data-testid="replay-time">{shown}</time>
      <div class="scrub">
        <svg viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true">
          {pieces.map(([row, from, until]) => (
            <rect
              key={`${row}-${from}`}
              x={1000 * Math.max(0, share(from))}
              width={Math.max(1, 1000 * (Math.min(1, share(until)) - Math.max(0, share(from))))}
              y={(24 / tracks.length) * row + 1}
              height={Math.max(1, 24 / tracks.length - 2)}
              class="piece"
            />
          ))}
          {aroundAt && <rect x={1000 * share(ms(aroundAt)) - 1.5} width="3" y="0" height="24" class="onset" />}
        </svg>
        <input
          type="range"
          aria-label="Instant"
          aria-valuetext={shown}
          min={span.from}
          max={span.until}
          step="100"
          value={at}
          data-testid="replay-scrub"
          onInput={(e) => go(Number(e.currentTarget.value))}
        />
        <div class="scrub-ends">
          <span>{clockTime(span.from)}</span>
          {aroundAt && (
            <span class="onset-word" style={{ left: `${100 * share(ms(aroundAt))}%` }}>
              onset
            </span>
          )}
          <span>{clockTime(span.until)}</span>
        </div>
      </div>
      <Segmented
        label="Speed"
        value={speed.value}
        onPick={(value) => (speed.value = value)}
        options={[
          [0.5, "½×"],
          [1, "1×"],
          [2, "2×"],
          [4, "4×"],
        ]}
      />
    </footer>
  );
}

function toggle(playing, at, span, go) {
  if (!playing.value && at.value >= span.until) go(span.from);
  playing.value = !playing.value;
}

function useKeys({ desk, go, at, playing }) {
  useEffect(() => {
    const hear = (event) => {
      if (desk.dialog.value || event.target.closest("input:not([type=range]), textarea")) return;
      const by = { ",": -STEP_MS, ".": STEP_MS, ArrowLeft: -5000, ArrowRight: 5000 }[event.key];
      if (event.key === " " && event.target.tagName !== "BUTTON") playing.value = !playing.value;
      else if (by && event.target.type !== "range")
        [playing.value] = [Math.abs(by) > STEP_MS && playing.value, go(at.value + by)];
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, []);
}
