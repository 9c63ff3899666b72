// Which cameras are on the wall, where, and why. Remembered on this machine for each person.
import { computed, signal } from "@preact/signals";
import { keep, kept } from "../core/kept.js";
import { cameraLook } from "../core/words.js";

export const SIZES = [4, 9, 16];
const MOST = 16;
const ORDERS_KEPT = 50;

export class WallState {
  constructor(store) {
    this.store = store;
    this.size = signal(4);
    /** `{camera_id, alert_id, reason, placed}` or null, sixteen of them; the first `size` are shown. */
    this.slots = signal(Array(MOST).fill(null));
    this.shown = computed(() => this.slots.value.slice(0, this.size.value));
    this.onWall = computed(() => new Set(this.shown.value.filter(Boolean).map((slot) => slot.camera_id)));
    /** Which slot a key would act on. */
    this.chosen = signal(null);
    this.placed = 0;
    this.ready = false;
    this.obeyed = new Set();
    /** How the wall was before cameras were opened by themselves: `{size, slots}`, or null. */
    this.before = signal(null);
  }

  /** Fill it as it was, or with the city's own cameras nearest to the middle; once, when the cameras are known. */
  begin(actor) {
    if (this.ready) return;
    this.ready = true;
    this.key = `wall.${actor}`;
    this.obeyed = new Set(kept(`${this.key}.orders`, []));
    const before = kept(this.key, null);
    const cameras = this.store.cameras.value;
    if (before && Array.isArray(before.slots)) {
      this.size.value = SIZES.includes(before.size) ? before.size : 4;
      const known = before.slots.map((slot) =>
        slot && cameras.has(slot.camera_id) ? { ...slot, placed: 0 } : null,
      );
      this.slots.value = Array.from({ length: MOST }, (_, at) => known[at] ?? null);
      return;
    }
    const own = central([...cameras.values()].filter((camera) => camera.owner === "city" && camera.viewable));
    const first = own.sort((a, b) => Number(cameraLook(b) === "live") - Number(cameraLook(a) === "live"));
    this.slots.value = Array.from({ length: MOST }, (_, at) => (first[at] ? slotOf(first[at].camera_id) : null));
  }

  resize(size) {
    this.size.value = size;
    this.save();
  }

  /** Put a camera on the wall: where asked, where it is, on a free place, or in place of the longest there. */
  put(cameraId, { at = null, alertId = null, reason = null } = {}) {
    const slots = [...this.slots.value];
    const size = this.size.value;
    const here = slots.findIndex((slot) => slot?.camera_id === cameraId);
    let to = at ?? (here >= 0 && here < size ? here : null);
    if (to === null) {
      const shown = slots.slice(0, size);
      const free = shown.findIndex((slot) => slot === null);
      to = free >= 0 ? free : eldest(shown, this.urgent());
    }
    const before = here >= 0 ? slots[here] : null;
    if (here >= 0 && here !== to) slots[here] = here < size ? slots[to] : null;
    slots[to] = {
      camera_id: cameraId,
      alert_id: alertId ?? before?.alert_id ?? null,
      reason: reason ?? before?.reason ?? null,
      placed: ++this.placed,
    };
    this.slots.value = slots;
    this.save();
    return to;
  }

  swap(from, to) {
    const slots = [...this.slots.value];
    [slots[from], slots[to]] = [slots[to], slots[from]];
    this.slots.value = slots;
    this.save();
  }

  remove(at) {
    this.slots.value = this.slots.value.map((slot, index) => (index === at ? null : slot));
    this.save();
  }

  because(at, reason) {
    this.slots.value = this.slots.value.map((slot, index) => (index === at && slot ? { ...slot, reason } : slot));
    this.save();
  }

  /** Open what an order names, ahead of everything else; true where that changed anything. */
  obey(order) {
    if (this.obeyed.has(order.alert_id)) return false;
    this.obeyed.add(order.alert_id);
    // A reload does not undo what was rearranged since.
    keep(`${this.key}.orders`, [...this.obeyed].slice(-ORDERS_KEPT));
    const wanted = order.camera_ids.filter((id) => this.store.cameras.value.has(id)).slice(0, MOST);
    if (!wanted.length) return false;
    this.before.value ??= { size: this.size.value, slots: this.slots.value };
    const others = this.slots.value.filter((slot) => slot && !wanted.includes(slot.camera_id));
    const held = this.urgent();
    const alerting = others.filter((slot) => held.has(slot.alert_id));
    const rest = others.filter((slot) => !held.has(slot.alert_id));
    const opened = wanted.map((id) => ({ ...slotOf(id), alert_id: order.alert_id, placed: ++this.placed }));
    const slots = [...opened, ...alerting, ...rest].slice(0, MOST);
    this.size.value =
      SIZES.find((size) => size >= Math.max(opened.length + alerting.length, this.size.value)) ?? MOST;
    this.slots.value = Array.from({ length: MOST }, (_, at) => slots[at] ?? null);
    this.save();
    return true;
  }

  /** Put the wall back as it was before cameras were opened by themselves. */
  restore() {
    const before = this.before.value;
    if (!before) return;
    [this.size.value, this.slots.value, this.before.value] = [before.size, before.slots, null];
    this.save();
  }

  /** Alerts that are still open: their cameras are not pushed off the wall. */
  urgent() {
    const open = [...this.store.alerts.value.values()].filter((alert) => alert.state !== "closed");
    return new Set(open.map((alert) => alert.alert_id));
  }

  save() {
    if (this.key) keep(this.key, { size: this.size.value, slots: this.slots.value });
  }
}

const slotOf = (cameraId) => ({ camera_id: cameraId, alert_id: null, reason: null, placed: 0 });

function eldest(shown, urgent) {
  const order = shown.map((slot, at) => [urgent.has(slot.alert_id), slot.placed, at]);
  order.sort((a, b) => a[0] - b[0] || a[1] - b[1] || b[2] - a[2]);
  return order[0][2];
}

function central(cameras) {
  const placed = cameras.filter((camera) => camera.lon_deg !== null);
  if (!placed.length) return cameras;
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const lon = middle(placed.map((camera) => camera.lon_deg));
  const lat = middle(placed.map((camera) => camera.lat_deg));
  const off = (camera) =>
    Math.hypot((camera.lon_deg - lon) * Math.cos((lat * Math.PI) / 180), camera.lat_deg - lat);
  return placed.sort((a, b) => off(a) - off(b));
}
