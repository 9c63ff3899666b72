// What is in hand: the incident, its nearest cameras, what was done about it.
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { api, pictureUrl, stillUrl } from "../core/api.js";
import { cameraLook, capital, clockTime, length, LOOK_WORDS, metres, ms, percent } from "../core/words.js";
import { Log } from "../dialogs/handover.jsx";
import { Age, Picture, Priority } from "../parts/bits.jsx";
import { Icon } from "../parts/icons.jsx";
import { Plate, Standing, Steps } from "../queue/card.jsx";
import { ownerOf } from "./desk.js";

const NEAREST = 6;
const STAY_MS = 150;

export function Dock({ desk }) {
  const alert = desk.alert.value;
  const camera = desk.camera.value;
  if (!alert && !camera) return null;
  const shut = () => (desk.alertId.value = desk.cameraId.value = null);
  return (
    <aside class="dock" data-testid="dock" aria-label={alert ? "Incident" : "Camera"}>
      <button type="button" class="tool dock-close" aria-label="Put it away" title="Put away (Esc)" onClick={shut}>
        <Icon name="close" />
      </button>
      {alert ? (
        <Incident key={alert.alert_id} desk={desk} alert={alert} />
      ) : (
        <CameraCard desk={desk} camera={camera} />
      )}
    </aside>
  );
}

/** An incident with all that is known of it; `plain` without its cameras, where there is no wall to put them on. */
export function Incident({ desk, alert, plain }) {
  const place = alert.camera_name ?? alert.source;
  return (
    <div class="dock-scroll" tabIndex={0} role="group" aria-label={alert.title}>
      <div class="dock-head">
        <Priority alert={alert} />
        <h2>{alert.title}</h2>
        <p>
          {place && <b>{place}</b>} {alert.place_kind && <span>{capital(alert.place_kind)}</span>}
        </p>
        <p class="meta">
          <span>{clockTime(ms(alert.onset_at))}</span>
          <span>
            <Age store={desk.store} at={alert.onset_at} />
          </span>
          {alert.repeats > 0 && <span>raised {alert.repeats + 1} times</span>}
          {alert.confidence !== null && alert.confidence !== undefined && (
            <span>conf {percent(alert.confidence)}</span>
          )}
          {alert.firm === false && <span title="The event it rests on is not yet a durable row">provisional</span>}
        </p>
        <p class="meta">
          <Plate plate={alert.plate} />
          <Standing desk={desk} alert={alert} />
        </p>
        {alert.detail && <p class="detail">{alert.detail}</p>}
      </div>
      {alert.picture && <Picture class="dock-picture" src={pictureUrl(alert, 640)} alt="What was seen" />}
      <Steps desk={desk} alert={alert} size="roomy" />
      {!plain && <Nearest desk={desk} lon={alert.lon_deg} lat={alert.lat_deg} alert={alert} />}
      <IncidentLog desk={desk} alert={alert} />
    </div>
  );
}

function Nearest({ desk, lon, lat, alert, except }) {
  const cameras = useSignal(null);
  useEffect(() => {
    if (lon === null || lon === undefined) return;
    let gone = false;
    const put = (near) => gone || (cameras.value = near);
    // Whoever steps through the queue asks only where they stay.
    const timer = setTimeout(
      () =>
        api.near(lon, lat, NEAREST).then(
          (told) => put(told.cameras),
          () => put([]),
        ),
      STAY_MS,
    );
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [lon, lat]);
  const near = (cameras.value ?? []).filter((camera) => camera.camera_id !== except);
  if (lon === null || lon === undefined) return <p class="hint">Its place is not known: no nearest cameras.</p>;
  const replay = () =>
    (desk.replay.value = {
      cameraIds: near.slice(0, 4).map((camera) => camera.camera_id),
      aroundAt: alert?.onset_at ?? null,
    });
  return (
    <section class="nearest" aria-label="Nearest cameras">
      <header>
        <h3>Nearest cameras</h3>
        <button
          type="button"
          data-testid="dock-all"
          disabled={!near.length}
          onClick={() => near.slice(0, 4).forEach((camera) => desk.toWall(camera.camera_id))}
        >
          All on wall
        </button>
        <button type="button" data-testid="dock-replay" disabled={!near.length} onClick={replay}>
          <Icon name="replay" /> Replay
        </button>
      </header>
      <ul>
        {near.map((camera) => (
          <Near key={camera.camera_id} desk={desk} camera={camera} />
        ))}
      </ul>
      {cameras.value && !near.length && <p class="hint">No camera near here may be watched.</p>}
    </section>
  );
}

function Near({ desk, camera }) {
  const on = desk.wall.onWall.value.has(camera.camera_id);
  const drag = (event) => event.dataTransfer.setData("text/x-rtcc-camera", camera.camera_id);
  return (
    <li>
      <button
        type="button"
        class={on ? "on" : ""}
        data-testid="dock-camera"
        data-camera-id={camera.camera_id}
        draggable
        onDragStart={drag}
        aria-pressed={on}
        title={on ? "On the wall" : "Put on the wall"}
        onClick={() => desk.toWall(camera.camera_id)}
      >
        <Picture src={stillUrl(camera.camera_id, 240)} alt="" lazy />
        <span>
          <b>{camera.name}</b>
          <small>
            {metres(camera.distance_m)}
            {on && " · on wall"}
          </small>
        </span>
      </button>
    </li>
  );
}

export function IncidentLog({ desk, alert }) {
  const steps = useSignal(null);
  const note = useSignal("");
  useEffect(() => {
    let gone = false;
    api.alert(alert.alert_id).then(
      (told) => gone || (steps.value = told.steps),
      () => gone || (steps.value ??= []),
    );
    return () => void (gone = true);
  }, [alert.version]);
  const write = async (event) => {
    event.preventDefault();
    if (note.value.trim() && (await desk.step(alert, "note", { note: note.value.trim() }))) note.value = "";
  };
  const mine = ownerOf(alert) === desk.store.me.value?.actor;
  return (
    <section class="incident-log" aria-label="Incident log">
      <header>
        <h3>Log</h3>
        {mine && desk.steps(alert).includes("release") && (
          <button type="button" data-testid="btn-release" onClick={() => desk.step(alert, "release")}>
            Release
          </button>
        )}
        {desk.can("merge") && alert.state !== "closed" && (
          <button
            type="button"
            data-testid="btn-merge"
            onClick={() => desk.open("merge", { alertId: alert.alert_id })}
          >
            Merge…
          </button>
        )}
      </header>
      <Log desk={desk} steps={steps.value} untitled />
      {desk.can("note") && alert.state !== "closed" && (
        <form onSubmit={write}>
          <input
            type="text"
            data-testid="note-text"
            aria-label="Add a note"
            placeholder="Add a note"
            value={note.value}
            onInput={(e) => (note.value = e.currentTarget.value)}
          />
          <button type="submit" disabled={!note.value.trim()}>
            Note
          </button>
        </form>
      )}
    </section>
  );
}

function CameraCard({ desk, camera }) {
  const look = cameraLook(camera);
  const facts = [
    ["Owner", camera.owner === "city" ? "City" : "Private partner"],
    ["Place", capital(camera.place_kind)],
    ["Sharing", capital(camera.sharing)],
    ["Rate", camera.fps ? `${camera.fps.toFixed(0)} fps` : "–"],
    ["Lag", camera.lag_s === null || camera.lag_s === undefined ? "–" : `${camera.lag_s.toFixed(1)} s`],
    ["Level", camera.level ?? "–"],
  ];
  const now = desk.store.clock.second.value;
  return (
    <div class="dock-scroll" tabIndex={0} role="group" aria-label={camera.name}>
      <div class="dock-head">
        <span class={`look ${look}`}>
          {LOOK_WORDS[look]}
          {camera.since_at && ` for ${length((now - ms(camera.since_at)) / 1000)}`}
        </span>
        <h2>{camera.name}</h2>
        <p>
          <b>{camera.camera_id}</b>
        </p>
        {camera.detail && <p class="detail">{camera.detail}</p>}
      </div>
      {camera.viewable ? (
        <Picture
          class="dock-picture"
          src={stillUrl(camera.camera_id, 640)}
          alt={`Last picture of ${camera.name}`}
        />
      ) : (
        <p class="hint">You may not watch this camera.</p>
      )}
      <div class="steps roomy" role="group" aria-label={`Camera ${camera.name}`}>
        <button
          type="button"
          class="loud"
          data-testid="camera-to-wall"
          disabled={!camera.viewable}
          onClick={() => desk.toWall(camera.camera_id)}
        >
          <Icon name="wallput" /> On the wall
        </button>
        <button
          type="button"
          data-testid="camera-replay"
          disabled={!camera.viewable}
          onClick={() => (desk.replay.value = { cameraIds: [camera.camera_id], aroundAt: null })}
        >
          <Icon name="replay" /> Replay
        </button>
      </div>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Nearest desk={desk} lon={camera.lon_deg} lat={camera.lat_deg} except={camera.camera_id} />
    </div>
  );
}
