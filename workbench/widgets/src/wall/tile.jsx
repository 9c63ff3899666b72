// One tile of the wall: the picture, how old it is, and, when there is none, why, unmistakably.
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { toTheSecond } from "../core/words.js";
import { Icon } from "../parts/icons.jsx";
import { answering, Tap } from "./tap.js";

const REASONS = ["Patrol support", "Traffic incident", "Event in progress", "Follow-up"];

/** Start a tap when the tile appears, stop it when it goes; what it says comes back as signals. */
function useTap(desk, slot, video) {
  const tap = useSignal(null);
  useLayoutEffect(() => {
    const { store } = desk;
    const { camera_id: cameraId, alert_id: alertId } = slot;
    const alert = store.alerts.peek().get(alertId);
    const reason = slot.reason ?? (alert ? answering(alert) : null);
    const camera = () => store.cameras.peek().get(cameraId);
    const made = new Tap(video.current, cameraId, { store, alertId, reason, camera });
    tap.value = made;
    return () => made.stop();
  }, [slot.camera_id]);
  useLayoutEffect(() => {
    const alert = desk.store.alerts.peek().get(slot.alert_id);
    if (tap.value && alert && tap.value.alertId !== slot.alert_id) tap.value.belongsTo(alert);
  }, [slot.alert_id]);
  return tap.value;
}

function PictureAge({ tap }) {
  const age = tap.age.value;
  const state = tap.state.value;
  if (state !== "live") return <em class="age-of-picture">{state === "stale" ? "NOT LIVE" : ""}</em>;
  return (
    <em class={`age-of-picture on ${age >= 2 ? "slow" : ""}`} data-testid="tile-age">
      {tap.slower.value ? "HLS" : "LIVE"} {age === null ? "" : `${age.toFixed(1)} s`}
    </em>
  );
}

function Trouble({ desk, tap, camera }) {
  const state = tap.state.value;
  const why = tap.why.value;
  if (state === "live") return null;
  if (state === "stale")
    return (
      <div class="trouble stale" data-testid="tile-stale">
        <strong>NO PICTURE FOR {toTheSecond(tap.age.value ?? 0)}</strong>
        <span>{camera?.state === "lost" ? "Camera lost. What you see is old." : "What you see is old."}</span>
      </div>
    );
  const words = { connecting: "Connecting…", lost: "No picture", forbidden: "Not permitted", closed: "Closed" }[
    state
  ];
  const more = state === "lost" && camera?.state === "lost" ? camera.detail || "The camera does not answer." : why;
  return (
    <div class={`trouble ${state}`}>
      <strong>{words}</strong>
      {more && state !== "connecting" && <span>{more}</span>}
      {state === "closed" && (
        <Reason onGive={(reason) => desk.keepWatching(tap, reason)} words="Watch again because of" />
      )}
    </div>
  );
}

function Reason({ onGive, words }) {
  const other = useSignal("");
  return (
    <form
      class="reason"
      data-testid="reason"
      onSubmit={(event) => (event.preventDefault(), other.value.trim() && onGive(other.value.trim()))}
      onClick={(event) => event.stopPropagation()}
    >
      <label>
        {words}
        <input
          type="text"
          list="rtcc-reasons"
          data-testid="reason-text"
          maxLength={120}
          value={other.value}
          onInput={(e) => (other.value = e.currentTarget.value)}
        />
      </label>
      <datalist id="rtcc-reasons">
        {REASONS.map((reason) => (
          <option key={reason} value={reason} />
        ))}
      </datalist>
      <button type="submit" class="loud" data-testid="reason-give" disabled={!other.value.trim()}>
        Watch
      </button>
    </form>
  );
}

function ClosingSoon({ desk, tap }) {
  const asked = useSignal(false);
  const left = tap.closesIn.value;
  if (left === null) return null;
  return (
    <div class="closing" data-testid="tile-closing" onClick={(event) => event.stopPropagation()}>
      {asked.value ? (
        <Reason words="Go on because of" onGive={(reason) => desk.keepWatching(tap, reason)} />
      ) : (
        <>
          Closes in {left} s
          <button type="button" onClick={() => (asked.value = true)}>
            Still needed
          </button>
        </>
      )}
    </div>
  );
}

export function Tile({ desk, slot, at }) {
  const video = useRef();
  const tap = useTap(desk, slot, video);
  const { store, wall } = desk;
  const camera = store.cameras.value.get(slot.camera_id);
  const name = camera?.name ?? slot.camera_id;
  const alert = store.alerts.value.get(slot.alert_id) ?? urgentAt(store, slot.camera_id);
  const urgent = alert && alert.state !== "closed" ? alert.priority.toLowerCase() : "";
  const state = tap?.state.value ?? "connecting";
  const chosen = wall.chosen.value === at;
  const act = (does) => (event) => (event.stopPropagation(), does());
  return (
    <article
      class={`tile ${state} ${urgent} ${chosen ? "chosen" : ""}`}
      data-testid="tile"
      data-camera-id={slot.camera_id}
      data-state={state}
      tabIndex={0}
      draggable
      aria-label={`${name}, ${state}`}
      onClick={() => choose(desk, slot, at)}
      onFocus={() => (wall.chosen.value = at)}
      {...dragging(desk, at, slot)}
    >
      <video ref={video} muted playsInline autoPlay disablePictureInPicture tabIndex={-1} aria-hidden="true" />
      {tap && <Trouble desk={desk} tap={tap} camera={camera} />}
      {urgent && <b class={`prio ${urgent}`}>{alert.priority}</b>}
      <div class="tile-tools" role="group" aria-label={`Tile of ${name}`}>
        <button
          type="button"
          class="tool"
          aria-label={`Replay ${name}`}
          title="Replay the last minutes"
          data-testid="tile-replay"
          onClick={act(() => (desk.replay.value = { cameraIds: [slot.camera_id], aroundAt: null }))}
        >
          <Icon name="replay" />
        </button>
        <button
          type="button"
          class="tool"
          aria-label={`Take ${name} off the wall`}
          title="Take off the wall"
          data-testid="tile-remove"
          onClick={act(() => wall.remove(at))}
        >
          <Icon name="close" />
        </button>
      </div>
      {tap && <ClosingSoon desk={desk} tap={tap} />}
      <footer>
        <b>{slot.camera_id}</b>
        <span>{name === slot.camera_id ? "" : name}</span>
        {tap && <PictureAge tap={tap} />}
      </footer>
    </article>
  );
}

export function EmptyTile({ desk, at }) {
  const chosen = desk.wall.chosen.value === at;
  return (
    <div class={`tile empty-tile ${chosen ? "chosen" : ""}`} data-testid="tile-empty" {...dragging(desk, at, null)}>
      <span>
        Drop a camera here,
        <br />
        or pick one and press <kbd>W</kbd>
      </span>
    </div>
  );
}

function choose(desk, slot, at) {
  desk.wall.chosen.value = at;
  const alert = desk.store.alerts.value.get(slot.alert_id);
  if (alert && alert.state !== "closed") desk.alertId.value = alert.alert_id;
  else desk.alertId.value = null;
  desk.cameraId.value = slot.camera_id;
}

function urgentAt(store, cameraId) {
  let most = null;
  for (const alert of store.alerts.value.values())
    if (alert.camera_id === cameraId && alert.state !== "closed" && (!most || alert.rank < most.rank)) most = alert;
  return most;
}

/** Tiles change places with each other, and take cameras from the map's dock. */
function dragging(desk, at, slot) {
  return {
    onDragStart: (event) => {
      if (slot) event.dataTransfer.setData("text/x-rtcc-slot", String(at));
    },
    onDragOver: (event) => event.preventDefault(),
    onDrop: (event) => {
      event.preventDefault();
      const from = event.dataTransfer.getData("text/x-rtcc-slot");
      const cameraId = event.dataTransfer.getData("text/x-rtcc-camera");
      if (from !== "") desk.wall.swap(Number(from), at);
      else if (cameraId) desk.toWall(cameraId, at);
    },
  };
}
