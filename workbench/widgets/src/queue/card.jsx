// One alert in the queue: what, where, since when, how sure, who has it, and the steps that make sense now.
import { pictureUrl } from "../core/api.js";
import { percent, shortTime, snoozed, ms, STATE_WORDS } from "../core/words.js";
import { stepBy } from "../desk/gestures.js";
import { ownerOf } from "../desk/desk.js";
import { Age, Picture, Priority, still } from "../parts/bits.jsx";
import { Icon } from "../parts/icons.jsx";

export const BUTTONS = {
  acknowledge: ["Acknowledge", "btn-acknowledge", "A"],
  verify: ["Verify plate", "btn-verify", "V"],
  assign: ["Assign", "btn-assign", "S"],
  on_scene: ["On scene", "btn-on-scene", "O"],
  close: ["Close", "btn-close", "C"],
  escalate: ["Escalate", "btn-escalate", "E"],
  snooze: ["Snooze", "btn-snooze", "Z"],
  wake: ["Wake", "btn-wake", ""],
};

/** The step that takes the alert on: its button is the loud one. */
const ONWARD = ["acknowledge", "verify", "on_scene", "assign", "close"];
const onward = (steps) => ONWARD.find((kind) => steps.includes(kind));

export function Steps({ desk, alert, size }) {
  const steps = desk.steps(alert);
  const underWay = desk.underWay.value.get(alert.alert_id);
  const loud = onward(steps);
  return (
    <div class={`steps ${size ?? ""}`} role="group" aria-label={`Steps for ${alert.title}`}>
      {Object.keys(BUTTONS)
        .filter((kind) => steps.includes(kind))
        .map((kind) => {
          const step = (
            <Step key={kind} desk={desk} alert={alert} kind={kind} underWay={underWay} loud={kind === loud} />
          );
          return kind === "assign" ? (
            <AssignPair key={kind} desk={desk} alert={alert} step={step} loud={kind === loud} />
          ) : (
            step
          );
        })}
    </div>
  );
}

function Step({ desk, alert, kind, underWay, loud }) {
  const [words, testid, key] = BUTTONS[kind];
  return (
    <button
      type="button"
      data-testid={testid}
      disabled={underWay === kind}
      aria-busy={underWay === kind}
      class={loud ? "loud" : ""}
      title={key && `${kind === "assign" ? "Assign to me" : words} (${key})`}
      onClick={(event) => (event.stopPropagation(), stepBy(desk, alert, kind))}
    >
      {underWay === kind ? "Sending…" : words}
    </button>
  );
}

/** To oneself in one go; to somebody else by the arrow beside it. */
function AssignPair({ desk, alert, step, loud }) {
  const mine = alert.assigned_to && alert.assigned_to === desk.store.me.value?.actor;
  return (
    <span class="pair">
      {!mine && step}
      <button
        type="button"
        class={loud && !mine ? "loud" : ""}
        data-testid="btn-assign-to"
        aria-label="Assign to somebody else"
        title="Assign to somebody else"
        onClick={(event) => (event.stopPropagation(), desk.open("assign", { alertId: alert.alert_id }))}
      >
        {mine ? "Hand on" : <Icon name="down" />}
      </button>
    </span>
  );
}

export function Plate({ plate }) {
  if (!plate) return null;
  return plate.verified ? (
    <span class="chip ok" data-testid="plate">
      <Icon name="check" /> {plate.text}
    </span>
  ) : (
    <span class="chip doubt" data-testid="plate">
      Plate not verified
    </span>
  );
}

export function Standing({ desk, alert }) {
  const owner = ownerOf(alert);
  return (
    <>
      {alert.state !== "raised" && (
        <span class={`chip state-${alert.state}`}>
          {STATE_WORDS[alert.state]}
          {owner && ` · ${desk.nameOf(owner)}`}
        </span>
      )}
      {alert.escalated_at && alert.state !== "closed" && <span class="chip bad">Escalated</span>}
      {snoozed(alert, desk.store.clock.second.value) && (
        <span class="chip">Snoozed until {shortTime(ms(alert.snoozed_until))}</span>
      )}
    </>
  );
}

function CardView({ desk, alert, chosen, noted, underWay, at, count }) {
  const { store } = desk;
  const place = alert.camera_name ?? alert.camera_id ?? alert.source;
  const loud = alert.state === "raised" && !snoozed(alert, store.clock.now());
  return (
    <li
      class={`card ${alert.priority.toLowerCase()} ${loud ? "loud" : "quiet"} ${chosen ? "chosen" : ""}`}
      data-testid="alert-card"
      data-alert-id={alert.alert_id}
      data-state={alert.state}
      data-under-way={underWay}
      aria-current={chosen ? "true" : undefined}
      aria-setsize={count}
      aria-posinset={at + 1}
      onClick={() => desk.pick(alert)}
    >
      <div class="thumb">
        <Picture src={pictureUrl(alert, 240)} alt="" lazy width="112" height="63" />
        <Priority alert={alert} />
      </div>
      <div class="what">
        <h3>
          <button type="button" class="title" onClick={() => desk.pick(alert)}>
            {alert.title || alert.rule}
          </button>
          {alert.repeats > 0 && (
            <span class="repeats" title={`Raised ${alert.repeats + 1} times`}>
              ×{alert.repeats + 1}
            </span>
          )}
        </h3>
        <p class="where">
          {alert.camera_id && alert.camera_name ? (
            <>
              <b>{alert.camera_id}</b> {alert.camera_name}
            </>
          ) : (
            place || "Place unknown"
          )}
        </p>
        <p class="meta">
          <span class="age">
            <Age store={store} at={alert.last_onset_at ?? alert.onset_at} />
          </span>
          {alert.confidence !== null && alert.confidence !== undefined && (
            <span title="Raw score of the detector">conf {percent(alert.confidence)}</span>
          )}
          <Plate plate={alert.plate} />
          <Standing desk={desk} alert={alert} />
        </p>
      </div>
      {noted && (
        <p class={`said ${noted.tone}`} role="alert" data-testid="card-note">
          {noted.text}
        </p>
      )}
      <Steps desk={desk} alert={alert} />
    </li>
  );
}

export const Card = still(CardView);
