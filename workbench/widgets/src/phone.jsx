// The phone page: one alert for an officer in the field, its picture, its place, and what they can say about it.
import { effect, signal } from "@preact/signals";
import { api, pictureUrl } from "./core/api.js";
import { Store } from "./core/store.js";
import { capital, clockTime, ms, percent } from "./core/words.js";
import { byUrgency, Desk, ownerOf } from "./desk/desk.js";
import { attend } from "./desk/attend.js";
import { IncidentLog } from "./desk/dock.jsx";
import { Front } from "./dialogs/front.jsx";
import { mounted } from "./mount.jsx";
import { LinkState, Notice } from "./parts/header.jsx";
import { Age, Picture, Priority } from "./parts/bits.jsx";
import { Later } from "./parts/later.jsx";
import { Plate, Standing, Steps } from "./queue/card.jsx";

/** Which alert the page is about: as the kernel says, or the page's address, or none yet. */
function wanted(model) {
  const asked = new URLSearchParams(location.search);
  const inPath = /\/phone\/([^/]+)$/.exec(location.pathname)?.[1];
  return model.get("alert_id") || asked.get("alert_id") || asked.get("alert") || inPath || "";
}

function Phone({ desk, root, missing }) {
  const { store } = desk;
  const alert = desk.alert.value;
  return (
    <div class="phone">
      <header class="phone-top">
        {desk.alertId.value ? (
          <button type="button" data-testid="phone-back" onClick={() => (desk.alertId.value = null)}>
            All
          </button>
        ) : (
          <h1>Alerts</h1>
        )}
        <span>{store.me.value?.display}</span>
        <LinkState store={store} />
      </header>
      <main class="phone-main">
        {alert ? (
          <One key={alert.alert_id} desk={desk} alert={alert} root={root} />
        ) : desk.alertId.value ? (
          <p class="empty">{missing.value || "Looking for it…"}</p>
        ) : (
          <Choice desk={desk} />
        )}
      </main>
      <Notice store={store} />
      <Front desk={desk} />
      <p class="unseen" role="status" aria-live="polite" data-testid="announcer">
        {desk.said.value}
      </p>
    </div>
  );
}

function One({ desk, alert, root }) {
  const noted = desk.notes.value.get(alert.alert_id);
  return (
    <article
      class={`one ${alert.priority.toLowerCase()}`}
      data-testid="alert-card"
      data-alert-id={alert.alert_id}
      data-state={alert.state}
      aria-label={alert.title}
    >
      {alert.picture && (
        <a class="one-picture" href={pictureUrl(alert, 1920)} target="_blank" rel="noopener">
          <Picture src={pictureUrl(alert, 800)} alt="What was seen; opens large" />
        </a>
      )}
      <div class="one-head">
        <Priority alert={alert} />
        <h1>{alert.title}</h1>
        <p>
          {alert.camera_name ?? alert.source}
          {alert.place_kind && ` · ${capital(alert.place_kind)}`}
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
          <Plate plate={alert.plate} />
          <Standing desk={desk} alert={alert} />
        </p>
        {alert.detail && <p class="detail">{alert.detail}</p>}
      </div>
      {noted && (
        <p class={`said ${noted.tone}`} role="alert" data-testid="card-note">
          {noted.text}
        </p>
      )}
      <Steps desk={desk} alert={alert} size="large" />
      {alert.lon_deg !== null && (
        <section class="one-map" aria-label="Where it is">
          <Later load={() => import("./map/small_map.jsx")} desk={desk} alert={alert} root={root} />
        </section>
      )}
      <IncidentLog desk={desk} alert={alert} />
    </article>
  );
}

function Choice({ desk }) {
  const { alerts, me, known } = desk.store;
  const mine = me.value?.actor;
  const open = [...alerts.value.values()].filter((alert) => alert.state !== "closed");
  const sorted = open.sort((a, b) => Number(ownerOf(b) === mine) - Number(ownerOf(a) === mine) || byUrgency(a, b));
  return (
    <ul class="choice-list">
      {sorted.map((alert) => (
        <li key={alert.alert_id}>
          <button
            type="button"
            class={alert.priority.toLowerCase()}
            data-testid="phone-choice"
            data-alert-id={alert.alert_id}
            onClick={() => desk.pick(alert)}
          >
            <Priority alert={alert} />
            <span>
              <b>{alert.title}</b>
              <small>{alert.camera_name ?? alert.source}</small>
            </span>
            <small>
              <Age store={desk.store} at={alert.onset_at} after="" />
            </small>
          </button>
        </li>
      ))}
      {!open.length && <li class="empty">{known.value ? "Nothing is open." : "Waiting for the gateway…"}</li>}
    </ul>
  );
}

export default mounted("phone", (model, root) => {
  const store = new Store();
  const desk = new Desk(store, "phone");
  const missing = signal("");
  desk.alertId.value = wanted(model) || null;
  const end = attend(desk, root, "Alert");
  const look = effect(() => {
    // Closed ones are in no snapshot: ask for it by itself.
    if (!store.known.value || !desk.alertId.value || desk.alert.value) return;
    api.alert(desk.alertId.value).then(
      (told) => store.take_alert(told),
      (error) => (missing.value = error.message),
    );
  });
  return {
    view: <Phone desk={desk} root={root} missing={missing} />,
    dispose() {
      look();
      end();
      store.stop();
    },
  };
});
