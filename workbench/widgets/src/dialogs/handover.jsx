// The hand-over at shift change: how things stand, what happened, and what the next shift must know.
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { api } from "../core/api.js";
import { keep, kept } from "../core/kept.js";
import { clockTime, length, ms, OUTCOME_WORDS, shortTime, STEP_WORDS } from "../core/words.js";
import { Segmented } from "../parts/bits.jsx";
import { Dialog } from "./dialog.jsx";

const DRAFT = "handover.draft";

export function Handover({ desk }) {
  const { clock } = desk.store;
  const hours = useSignal(8);
  const told = useSignal(null);
  const failed = useSignal("");
  const text = useSignal(kept(DRAFT, ""));
  const saved = useSignal(false);
  const since = () => new Date(clock.now() - hours.value * 3600000).toISOString();
  const load = () =>
    api.handover(since()).then(
      (answer) => ([told.value, failed.value] = [answer, ""]),
      (error) => (failed.value = error.message),
    );
  useEffect(() => void load(), [hours.value]);
  const write = (words) => {
    text.value = words;
    saved.value = false;
    keep(DRAFT, words); // a cut connection must not cost a page of writing
  };
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api.writeHandover({
        text: text.value.trim(),
        shift_from: since(),
        shift_until: new Date(clock.now()).toISOString(),
      });
      write("");
      saved.value = true;
      load();
    } catch (error) {
      failed.value = error.message;
    }
  };
  return (
    <Dialog title="Hand-over" testid="handover" wide="wide" onClose={() => (desk.dialog.value = null)}>
      <div class="handover-head">
        <Segmented
          label="Since when"
          value={hours.value}
          onPick={(value) => (hours.value = value)}
          options={[
            [4, "4 h"],
            [8, "8 h"],
            [12, "12 h"],
            [24, "24 h"],
          ]}
        />
        {told.value && <Summary summary={told.value.summary} />}
      </div>
      <div class="handover">
        <section aria-label="Incident log">
          <h3>What happened</h3>
          <Log desk={desk} steps={told.value?.log} />
        </section>
        <form onSubmit={submit} aria-label="Note for the next shift">
          <h3>For the next shift</h3>
          <textarea
            data-testid="handover-text"
            data-first
            aria-label="Note for the next shift"
            rows="7"
            placeholder="What is still open, who is where, what to look out for"
            value={text.value}
            onInput={(e) => write(e.currentTarget.value)}
          />
          {failed.value && (
            <p class="said refused" role="alert">
              {failed.value}
            </p>
          )}
          {saved.value && (
            <p class="said good" role="status" data-testid="handover-saved">
              Kept. The next shift sees it here.
            </p>
          )}
          <footer>
            <button
              type="button"
              disabled={!told.value}
              onClick={() => write(`${text.value}${text.value && "\n"}${inWords(desk, told.value.summary)}`)}
            >
              Add the figures
            </button>
            <button type="submit" class="loud" data-testid="handover-save" disabled={!text.value.trim()}>
              Hand over
            </button>
          </footer>
          <h3>Earlier notes</h3>
          <Notes desk={desk} notes={told.value?.notes} />
        </form>
      </div>
    </Dialog>
  );
}

function Summary({ summary }) {
  const outcomes = Object.entries(summary.by_outcome);
  const figures = [
    [summary.open, "open"],
    [summary.unacknowledged, "unacknowledged", summary.unacknowledged ? "warn" : ""],
    [summary.oldest_open_s === null ? "–" : length(summary.oldest_open_s), "oldest open"],
    [
      summary.closed,
      outcomes.map(([key, count]) => `${count} ${(OUTCOME_WORDS[key] ?? key).toLowerCase()}`).join(", ") ||
        "closed",
    ],
    [summary.cameras_down, "cameras down"],
  ];
  return (
    <div class="figures">
      {figures.map(([value, words, tone]) => (
        <div key={words} class={`kpi ${tone ?? ""}`}>
          <b>{value ?? "–"}</b>
          <span>{words}</span>
        </div>
      ))}
    </div>
  );
}

export function Log({ desk, steps, untitled }) {
  if (!steps) return <p class="hint">Loading…</p>;
  if (!steps.length) return <p class="hint">Nothing yet.</p>;
  return (
    <ol class="log" tabIndex={0} aria-label="Steps">
      {newestFirst(steps).map((step) => (
        <li key={`${step.alert_id} ${step.version} ${step.stepped_at}`}>
          <time>{clockTime(ms(step.stepped_at))}</time>
          <p>
            {!untitled && <b>{step.title} </b>}
            {desk.nameOf(step.actor)} {deed(step)}
            {step.assignee && step.kind === "assign" && ` to ${desk.nameOf(step.assignee)}`}
            {step.outcome && ` · ${OUTCOME_WORDS[step.outcome] ?? step.outcome}`}
            {step.until && ` until ${shortTime(ms(step.until))}`}
            {step.note && <q>{step.note}</q>}
          </p>
        </li>
      ))}
    </ol>
  );
}

const deed = (step) =>
  step.kind === "verify" && step.plate_matches !== null && step.plate_matches !== undefined
    ? step.plate_matches && step.vehicle_matches
      ? "verified plate and vehicle"
      : "found plate or vehicle unlike"
    : (STEP_WORDS[step.kind] ?? step.kind);

const newestFirst = (steps) => [...steps].sort((a, b) => Date.parse(b.stepped_at) - Date.parse(a.stepped_at));

function Notes({ desk, notes }) {
  if (!notes?.length) return <p class="hint">None in this span.</p>;
  return (
    <ol class="notes" tabIndex={0} aria-label="Earlier notes">
      {notes.map((note) => (
        <li key={note.note_id}>
          <b>{desk.nameOf(note.actor)}</b> <time>{shortTime(ms(note.written_at))}</time>
          <p>{note.text}</p>
        </li>
      ))}
    </ol>
  );
}

function inWords(desk, summary) {
  const open = desk.queue.value
    .filter((alert) => alert.state !== "raised")
    .map(
      (alert) => `- ${alert.priority} ${alert.title}: ${desk.nameOf(alert.assigned_to ?? alert.acknowledged_by)}`,
    );
  return [
    `${summary.open} open, ${summary.unacknowledged} unacknowledged, ${summary.closed} closed.`,
    ...open,
  ].join("\n");
}
