// The supervisor's panels: people and load, ageing alerts, outcomes, rules, watches, cameras.
import {
  cameraLook,
  capital,
  length,
  LOOK_WORDS,
  ms,
  OUTCOME_WORDS,
  percent,
  figure,
  snoozed,
} from "../core/words.js";
import { byUrgency, ownerOf } from "../desk/desk.js";
import { Priority } from "../parts/bits.jsx";
import { Standing } from "../queue/card.jsx";
import { Bar, Share, Waited } from "./charts.jsx";

const AWAY_S = 90; // no sign from the page for so long

export function Panel({ title, count, tone, testid, children, note }) {
  return (
    <section class={`pane panel ${testid}`} data-testid={testid} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note && <span class="hint">{note}</span>}
        {count !== undefined && <b class={`panel-count ${tone ?? ""}`}>{count}</b>}
      </header>
      <div class="scroll" tabIndex={0} role="group" aria-label={`${title}, list`}>
        {children}
      </div>
    </section>
  );
}

/** Who is on, and what each has in hand: one mark an alert, coloured by priority. */
export function People({ desk }) {
  const { store } = desk;
  const now = store.clock.second.value;
  const open = [...store.alerts.value.values()].filter((alert) => alert.state !== "closed");
  const people = store.people.value;
  const known = new Set(people.map((person) => person.actor));
  const absent = [...new Set(open.map(ownerOf).filter((actor) => actor && !known.has(actor)))];
  const rows = [
    ...people,
    ...absent.map((actor) => ({ actor, display: actor, role: "not on", since_at: null, last_seen_at: null })),
  ];
  return (
    <Panel title="Who is on" count={people.length} testid="people">
      <ul class="rows">
        {rows.map((person) => {
          const theirs = open.filter((alert) => ownerOf(alert) === person.actor).sort(byUrgency);
          const away = person.last_seen_at ? (now - ms(person.last_seen_at)) / 1000 : null;
          const oldest = theirs.length
            ? Math.max(...theirs.map((alert) => (now - ms(alert.raised_at)) / 1000))
            : null;
          return (
            <li key={person.actor} class="person" data-actor={person.actor}>
              <div>
                <b>{person.display}</b>
                <small class={away > AWAY_S || away === null ? "warn" : ""}>
                  {capital(person.role)}
                  {person.since_at && ` · ${presence(person, away, now)}`}
                </small>
              </div>
              <div class="marks" role="img" aria-label={`${theirs.length} in hand`}>
                {theirs.slice(0, 12).map((alert) => (
                  <i key={alert.alert_id} class={alert.priority.toLowerCase()} title={alert.title} />
                ))}
              </div>
              <div class="load">
                <b>{theirs.length || "–"}</b>
                <small>{oldest === null ? "free" : `oldest ${length(oldest)}`}</small>
              </div>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

const presence = (person, away, now) =>
  away > AWAY_S ? `no sign for ${length(away)}` : `on for ${length((now - ms(person.since_at)) / 1000)}`;

export function Ageing({ desk }) {
  const { store } = desk;
  const now = store.clock.second.value;
  const limits = store.policy.value.escalate_s;
  const waited = (alert) => (now - ms(alert.raised_at)) / 1000;
  const open = [...store.alerts.value.values()].filter(
    (alert) => alert.state !== "closed" && alert.state !== "on_scene" && !snoozed(alert, now),
  );
  const aged = open.sort((a, b) => waited(b) / limits[b.priority] - waited(a) / limits[a.priority]);
  const late = aged.filter((alert) => alert.state === "raised" && waited(alert) > limits[alert.priority]).length;
  return (
    <Panel
      title="Ageing alerts"
      count={late ? `${late} late` : "none late"}
      tone={late ? "bad" : ""}
      testid="ageing"
    >
      <ul class="rows">
        {aged.map((alert) => (
          <li key={alert.alert_id} class="aged" data-testid="ageing-row" data-alert-id={alert.alert_id}>
            <Priority alert={alert} />
            <button type="button" class="title" onClick={() => desk.open("incident", { alertId: alert.alert_id })}>
              <b>{alert.title}</b>
              <small>{alert.camera_name ?? alert.source}</small>
            </button>
            <span class="meta">
              <Standing desk={desk} alert={alert} />
            </span>
            <span class="wait">
              <b
                class={
                  alert.state === "raised" && waited(alert) > limits[alert.priority]
                    ? `late ${alert.priority.toLowerCase()}`
                    : ""
                }
              >
                {length(waited(alert))}
              </b>
              <Waited
                seconds={waited(alert)}
                limit={limits[alert.priority]}
                tone={alert.state === "raised" ? alert.priority.toLowerCase() : "answered"}
              />
            </span>
            <button
              type="button"
              data-testid="ageing-assign"
              disabled={!desk.steps(alert).includes("assign")}
              onClick={() => desk.open("assign", { alertId: alert.alert_id })}
            >
              Assign…
            </button>
          </li>
        ))}
        {!aged.length && <li class="empty">Nothing waits.</li>}
      </ul>
    </Panel>
  );
}

export function Outcomes({ outcomes }) {
  const all = outcomes.reduce((sum, one) => sum + one.count, 0);
  const most = Math.max(1, ...outcomes.map((one) => one.count));
  return (
    <Panel title="Outcomes" note="last 8 h" count={all} testid="outcomes">
      <ul class="rows">
        {[...outcomes]
          .sort((a, b) => b.count - a.count)
          .map(({ outcome, count }) => (
            <li key={outcome} class="outcome">
              <span>{OUTCOME_WORDS[outcome] ?? capital(outcome)}</span>
              <b>{count}</b>
              <Bar share={count / most} />
              <small>{all ? percent(count / all) : ""}</small>
            </li>
          ))}
        {!all && <li class="empty">Nothing was closed yet.</li>}
      </ul>
    </Panel>
  );
}

export function Scorecards({ cards }) {
  return (
    <Panel title="Rules" note="last four weeks" testid="scorecards">
      <table>
        <thead>
          <tr>
            <th scope="col">Rule</th>
            <th scope="col" class="n">
              Alerts
            </th>
            <th scope="col" class="n">
              False
            </th>
            <th scope="col" class="n">
              Open
            </th>
            <th scope="col" class="n">
              To ack.
            </th>
            <th scope="col">Resolved of judged, 95 %</th>
          </tr>
        </thead>
        <tbody>
          {[...cards]
            .sort((a, b) => b.alerts - a.alerts)
            .map((card) => (
              <tr key={card.rule}>
                <th scope="row">{capital(card.rule)}</th>
                <td class="n">{card.alerts}</td>
                <td class="n">{card.false_alarm}</td>
                <td class="n">{card.open}</td>
                <td class="n">{figure(card.ack_median_s).join(" ")}</td>
                <td class="share-cell">
                  <b>{card.precision === null ? "" : percent(card.precision)}</b>
                  <Share value={card.precision} low={card.precision_low} high={card.precision_high} />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      {!cards.length && <p class="empty">No rule has raised an alert yet.</p>}
    </Panel>
  );
}

/** A watch that nobody said anything for: no reason, no alert. */
const isIdle = (watch) => watch.idle_s > 0;

export function Watches({ desk, watches, at }) {
  const idle = watches.filter(isIdle).length;
  return (
    <Panel title="Watching" note={idle ? `${idle} without a reason` : ""} count={watches.length} testid="watches">
      <ul class="rows">
        {[...watches]
          .sort((a, b) => b.idle_s - a.idle_s)
          .map((watch) => (
            <Watch key={`${watch.actor} ${watch.camera_id} ${watch.since_at}`} desk={desk} watch={watch} at={at} />
          ))}
        {!watches.length && <li class="empty">Nobody has a tile open.</li>}
      </ul>
    </Panel>
  );
}

function Watch({ desk, watch, at }) {
  const { store } = desk;
  const now = store.clock.second.value;
  const left = store.policy.value.watch_s - watch.idle_s - (now - at) / 1000; // figures are as old as their answer
  return (
    <li class="watch">
      <div>
        <b>{store.cameras.value.get(watch.camera_id)?.name ?? watch.camera_id}</b>
        <small>
          {desk.nameOf(watch.actor)}, for {length((now - ms(watch.since_at)) / 1000)}
        </small>
      </div>
      {isIdle(watch) ? (
        <span class="chip doubt">No reason, closes in {length(left)}</span>
      ) : (
        <span class="chip">{watch.reason || "For an alert"}</span>
      )}
    </li>
  );
}

const WORST = { lost: 0, degraded: 1, unknown: 2, live: 3 };

export function Health({ desk }) {
  const { store } = desk;
  const now = store.clock.second.value;
  const all = [...store.cameras.value.values()];
  const looks = { live: 0, degraded: 0, lost: 0, unknown: 0 };
  for (const camera of all) looks[cameraLook(camera)] += 1;
  const bad = all.filter((camera) => ["lost", "degraded"].includes(cameraLook(camera)));
  bad.sort((a, b) => WORST[cameraLook(a)] - WORST[cameraLook(b)] || (ms(a.since_at) ?? 0) - (ms(b.since_at) ?? 0));
  return (
    <Panel title="Cameras" count={`${looks.live}/${all.length}`} testid="health">
      <div
        class="looks"
        role="img"
        aria-label={Object.entries(looks)
          .map(([look, count]) => `${count} ${LOOK_WORDS[look]}`)
          .join(", ")}
      >
        {Object.entries(looks).map(
          ([look, count]) => count > 0 && <i key={look} class={look} style={{ flexGrow: count }} />,
        )}
      </div>
      <ul class="look-words" aria-hidden="true">
        {Object.entries(looks).map(([look, count]) => (
          <li key={look} class={look}>
            <b>{count}</b> {LOOK_WORDS[look].toLowerCase()}
          </li>
        ))}
      </ul>
      <ul class="rows">
        {bad.map((camera) => (
          <li key={camera.camera_id} class="ill">
            <div>
              <b>{camera.name}</b>
              <small>
                {camera.camera_id}
                {camera.detail && ` · ${camera.detail}`}
              </small>
            </div>
            <span class={`look ${cameraLook(camera)}`}>
              {capital(camera.state)}
              {camera.since_at && ` ${length((now - ms(camera.since_at)) / 1000)}`}
            </span>
          </li>
        ))}
        {!bad.length && <li class="empty">Every watched camera records.</li>}
      </ul>
    </Panel>
  );
}
