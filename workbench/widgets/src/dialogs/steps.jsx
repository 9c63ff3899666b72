// Questions that a step asks: outcome, until when, to whom, into which.
import { useComputed, useSignal } from "@preact/signals";
import { OUTCOMES, OUTCOME_WORDS, shortTime } from "../core/words.js";
import { byUrgency } from "../desk/desk.js";
import { About, Dialog, Refusal, send } from "./dialog.jsx";

const shut = (desk) => () => (desk.dialog.value = null);

export function Close({ desk, alert }) {
  const outcome = useSignal(null);
  const note = useSignal("");
  // Told to the button at once, not with the next drawing: Enter may follow a digit that quickly.
  const waiting = useComputed(() => !outcome.value);
  const submit = (event) => {
    event.preventDefault();
    if (outcome.value) send(desk, alert, "close", { outcome: outcome.value, note: note.value });
  };
  const choose = (event) => {
    const chosen = event.target.tagName === "TEXTAREA" ? null : OUTCOMES[Number(event.key) - 1];
    if (chosen) [outcome.value] = [chosen, event.preventDefault()];
  };
  return (
    <Dialog title="Close with outcome" testid="dialog-close" onClose={shut(desk)}>
      <About alert={alert} />
      <form onSubmit={submit} onKeyDown={choose}>
        <fieldset class="choices">
          <legend>What came of it?</legend>
          {OUTCOMES.map((key, at) => (
            <label key={key} class="choice">
              <input
                type="radio"
                name="outcome"
                data-testid={`outcome-${key}`}
                data-first={at === 0 ? "" : undefined}
                checked={outcome.value === key}
                onChange={() => (outcome.value = key)}
              />
              <kbd>{at + 1}</kbd> {OUTCOME_WORDS[key]}
            </label>
          ))}
        </fieldset>
        <label class="field">
          Note, if there is more to say
          <textarea rows="3" value={note.value} onInput={(e) => (note.value = e.currentTarget.value)} />
        </label>
        <Refusal desk={desk} alert={alert} />
        <footer>
          <button type="button" onClick={shut(desk)}>
            Back
          </button>
          <button type="submit" class="loud" data-testid="confirm-close" disabled={waiting}>
            Close alert
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

const SNOOZES_MIN = [5, 10, 30, 60];

export function Snooze({ desk, alert }) {
  const now = desk.store.clock.now();
  const until = (minutes) => new Date(now + minutes * 60000);
  return (
    <Dialog title="Snooze" testid="dialog-snooze" onClose={shut(desk)}>
      <About alert={alert} />
      <p class="hint">It stays open and comes back by itself. Repeats are still counted.</p>
      <div class="tiles-of-choice">
        {SNOOZES_MIN.map((minutes, at) => (
          <button
            key={minutes}
            type="button"
            data-testid={`snooze-${minutes}`}
            data-first={at === 0 ? "" : undefined}
            onClick={() => send(desk, alert, "snooze", { until: until(minutes).toISOString() })}
          >
            <b>{minutes} min</b>
            <span>until {shortTime(until(minutes).getTime())}</span>
          </button>
        ))}
      </div>
      <Refusal desk={desk} alert={alert} />
    </Dialog>
  );
}

export function Assign({ desk, alert }) {
  const me = desk.store.me.value;
  const people = desk.store.people.value.filter((person) =>
    ["officer", "supervisor", "admin"].includes(person.role),
  );
  const all = people.some((person) => person.actor === me.actor) ? people : [{ ...me }, ...people];
  return (
    <Dialog title="Assign to" testid="dialog-assign" onClose={shut(desk)}>
      <About alert={alert} />
      <ul class="people-choice">
        {all.map((person, at) => (
          <li key={person.actor}>
            <button
              type="button"
              data-testid="assign-person"
              data-actor={person.actor}
              data-first={at === 0 ? "" : undefined}
              onClick={() => send(desk, alert, "assign", { assignee: person.actor })}
            >
              <b>
                {person.display}
                {person.actor === me.actor && " (you)"}
              </b>
              <span>{person.role}</span>
            </button>
          </li>
        ))}
      </ul>
      <Refusal desk={desk} alert={alert} />
    </Dialog>
  );
}

export function Merge({ desk, alert }) {
  const others = [...desk.store.alerts.value.values()]
    .filter((one) => one.state !== "closed" && one.alert_id !== alert.alert_id)
    .sort(byUrgency);
  const near = others
    .sort((a, b) => Number(b.camera_id === alert.camera_id) - Number(a.camera_id === alert.camera_id))
    .slice(0, 40);
  return (
    <Dialog title="Merge into" testid="dialog-merge" onClose={shut(desk)}>
      <About alert={alert} />
      <p class="hint">This alert is closed as a repeat; the other one counts it.</p>
      <ul class="people-choice">
        {near.map((one) => (
          <li key={one.alert_id}>
            <button type="button" onClick={() => send(desk, alert, "merge", { into: one.alert_id })}>
              <b>
                {one.priority} {one.title}
              </b>
              <span>{one.camera_name ?? one.source}</span>
            </button>
          </li>
        ))}
        {!near.length && <li class="empty">No other alert is open.</li>}
      </ul>
      <Refusal desk={desk} alert={alert} />
    </Dialog>
  );
}
