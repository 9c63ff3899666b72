// What a person does at the desk: which alert and camera are in hand, which steps are under way, what was refused.
import { batch, computed, signal } from "@preact/signals";
import { api, signedOut } from "../core/api.js";
import { kept, keep } from "../core/kept.js";
import { snoozed } from "../core/words.js";
import { WallState } from "./wall_state.js";

const STATE_ORDER = { raised: 0, acknowledged: 1, assigned: 2, on_scene: 3, closed: 4 };
const ALWAYS = ["note", "merge"]; // steps that change nothing others could have changed
export const SUPERVISING = ["supervisor", "admin"];

/** Most urgent first; of two as urgent the one nobody answered, then the newer; the snoozed after their like. */
export function byUrgency(a, b) {
  return (
    a.rank - b.rank ||
    Number(snoozed(a, Date.now())) - Number(snoozed(b, Date.now())) ||
    STATE_ORDER[a.state] - STATE_ORDER[b.state] ||
    Date.parse(b.last_onset_at ?? b.onset_at) - Date.parse(a.last_onset_at ?? a.onset_at)
  );
}

const OF_REPEATS = ["version", "repeats", "last_onset_at", "firm"];

const onlyRepeated = (seen, now) =>
  Object.keys({ ...seen, ...now }).every(
    (key) => OF_REPEATS.includes(key) || JSON.stringify(seen[key]) === JSON.stringify(now[key]),
  );

export class Desk {
  constructor(store, page) {
    this.store = store;
    this.wall = new WallState(store);
    /** Which page it is: `operations`, `supervisor` or `phone`. */
    this.page = page;
    this.alertId = signal(null);
    this.cameraId = signal(null);
    this.filter = signal("open");
    this.words = signal("");
    /** The dialog in front: `{kind, ...}` or null. */
    this.dialog = signal(null);
    /** What cameras are replayed: `{cameraIds, aroundAt}` or null. */
    this.replay = signal(null);
    /** `split`, `wall` or `map`: what the left side shows. */
    this.view = signal(kept("view", "split"));
    this.keys = signal(kept("keys", true));
    /** Alert id → what was said about the last step. */
    this.notes = signal(new Map());
    /** Alert id → the last step asked for, until it is answered. */
    this.running = new Map();
    /** Alert id → the version that the last step of one's own made. */
    this.own = new Map();
    /** Alert id → kind of the step that is under way. */
    this.underWay = signal(new Map());
    /** What a screen reader is told. */
    this.said = signal("");
    this.banner = signal(null);
    this.queue = computed(() => this.sorted());
    this.alert = computed(() => store.alerts.value.get(this.alertId.value) ?? null);
    this.camera = computed(() => store.cameras.value.get(this.cameraId.value) ?? null);
    this.names = computed(() => new Map(store.people.value.map((person) => [person.actor, person.display])));
  }

  sorted() {
    const { alerts, me } = this.store;
    const filter = this.filter.value;
    const words = this.words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const mine = me.value?.actor;
    return [...alerts.value.values()]
      .filter((alert) => alert.state !== "closed")
      .filter((alert) => filter !== "p1" || alert.priority === "P1")
      .filter((alert) => filter !== "mine" || ownerOf(alert) === mine)
      .filter((alert) => words.every((word) => textOf(alert).includes(word)))
      .sort(byUrgency);
  }

  /** How a person is called; their account's name where they are not known to be on. */
  nameOf(actor) {
    const me = this.store.me.value;
    return (actor === me?.actor ? me.display : this.names.value.get(actor)) ?? actor ?? "";
  }

  pick(alert) {
    batch(() => {
      this.alertId.value = alert?.alert_id ?? null;
      this.cameraId.value = alert?.camera_id ?? null;
    });
  }

  pickCamera(cameraId) {
    batch(() => {
      this.cameraId.value = cameraId;
      this.alertId.value = null;
    });
  }

  move(by) {
    const queue = this.queue.value;
    const at = queue.findIndex((alert) => alert.alert_id === this.alertId.value);
    const next = queue[at < 0 ? 0 : Math.min(queue.length - 1, Math.max(0, at + by))];
    if (next) this.pick(next);
  }

  can(kind) {
    return this.store.me.value?.actions?.includes(kind) ?? false;
  }

  supervising() {
    return SUPERVISING.includes(this.store.me.value?.role);
  }

  /** Which steps make sense for this alert and this person; the gateway decides all the same. */
  steps(alert) {
    const mine = ownerOf(alert) === this.store.me.value?.actor;
    const unverified = alert.plate !== null && alert.plate !== undefined && !alert.plate.verified;
    const resting = snoozed(alert, this.store.clock.now());
    const fits = {
      acknowledge: alert.state === "raised",
      verify: unverified && alert.state !== "closed",
      assign: alert.state !== "closed" && alert.state !== "on_scene" && !unverified,
      on_scene: alert.state === "assigned" && (mine || this.supervising()),
      close: alert.state !== "closed" && (mine || this.supervising()),
      escalate: alert.state !== "closed" && !alert.escalated_at,
      snooze: (alert.state === "raised" || alert.state === "acknowledged") && !resting,
      wake: resting && alert.state !== "closed",
      release: Boolean(ownerOf(alert)) && mine && alert.state !== "closed" && alert.state !== "raised",
    };
    return Object.keys(fits).filter((kind) => fits[kind] && this.can(kind));
  }

  /**
   * Ask for a step. Nothing changes on the page before the gateway said yes; a refusal is shown on the alert.
   * A step asked for while another is under way waits for it, and is left out where it makes no sense any more.
   */
  async step(alert, kind, extra = {}) {
    const id = alert.alert_id;
    const before = this.running.get(id);
    const work = (async () => {
      if (!before) return this.send(this.seen(alert), kind, extra);
      await before;
      const now = this.store.alerts.peek().get(id) ?? alert;
      return ALWAYS.includes(kind) || this.steps(now).includes(kind) ? this.send(now, kind, extra) : null;
    })();
    this.running.set(id, work);
    try {
      return await work;
    } finally {
      if (this.running.get(id) === work) this.running.delete(id);
    }
  }

  /** The alert as the person saw it; what they changed themselves since then counts as seen. */
  seen(alert) {
    const now = this.store.alerts.peek().get(alert.alert_id);
    return now && this.own.get(alert.alert_id) === now.version ? now : alert;
  }

  /**
   * Send a step. Where only repeats were counted since the person looked, what they decided on is as it was, and it
   * is sent once more; but nobody closes an alert over repeats they have not seen.
   */
  async send(alert, kind, extra, again = false) {
    const id = alert.alert_id;
    this.underWay.value = new Map(this.underWay.value).set(id, kind);
    this.note(id, null);
    try {
      const told = await api.step(id, { kind, version: alert.version, ...extra });
      this.own.set(id, told.alert.version);
      this.store.take_alert(told);
      return told;
    } catch (error) {
      const now = error.status === 409 ? error.body?.alert : null;
      if (now) this.store.take_alert({ alert: now });
      const stands = now && kind !== "close" && onlyRepeated(alert, now);
      if (stands && !again) return await this.send(now, kind, extra, true);
      if (signedOut(error)) this.store.link.state.value = "signed_out";
      this.note(id, { tone: error.status === 409 ? "conflict" : "refused", text: this.refusal(error) });
      return null;
    } finally {
      const underWay = new Map(this.underWay.value);
      underWay.delete(id);
      this.underWay.value = underWay;
    }
  }

  refusal(error) {
    if (error.status !== 409) return error.message;
    const alert = error.body?.alert;
    const owner = alert && ownerOf(alert);
    if (!owner || owner === this.store.me.value?.actor) return "It changed meanwhile: look again before you go on.";
    return `${this.nameOf(owner)} has it. Nothing of yours was sent.`;
  }

  note(id, said) {
    const notes = new Map(this.notes.value);
    if (said) notes.set(id, said);
    else notes.delete(id);
    this.notes.value = notes;
  }

  open(kind, more = {}) {
    this.dialog.value = { kind, ...more };
  }

  /** Put a camera on the wall; with the alert in hand as its reason, where there is one. */
  toWall(cameraId, at = null) {
    const camera = this.store.cameras.value.get(cameraId);
    if (!camera) return;
    this.wall.put(cameraId, { at, alertId: this.alertId.value });
    if (this.view.value === "map") this.show("split");
  }

  /** Say what a tile is watched for; the wall remembers it. */
  keepWatching(tap, reason) {
    tap.keep(reason);
    const at = this.wall.slots.value.findIndex((slot) => slot?.camera_id === tap.cameraId);
    if (at >= 0) this.wall.because(at, reason);
  }

  show(view) {
    this.view.value = view;
    keep("view", view);
  }

  hearKeys(on) {
    this.keys.value = on;
    keep("keys", on);
  }
}

export const ownerOf = (alert) => alert.assigned_to ?? alert.acknowledged_by ?? null;

const textOf = (alert) =>
  [alert.title, alert.detail, alert.rule, alert.camera_id, alert.camera_name, alert.place_kind, alert.priority]
    .concat(alert.source, alert.assigned_to, alert.acknowledged_by)
    .join(" ")
    .toLowerCase();
