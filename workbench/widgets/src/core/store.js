// What the page knows: the gateway's last word on cameras, alerts, figures and people.
import { batch, computed, signal } from "@preact/signals";
import { makeClock } from "./clock.js";
import { Link } from "./link.js";
import { Probe } from "./probe.js";

const CLOSED_KEPT = 100; // closed alerts that stay at hand, for whoever still looks at one
const ANEW_EVERY_MS = 2000;

export const POLICY = { escalate_s: { P1: 60, P2: 300, P3: 900 }, watch_s: 900, stale_s: 3 };

const SETTINGS = { sound: false, volume: 0.5, palette: "standard", reduced_motion: false };

export class Store {
  constructor() {
    this.clock = makeClock();
    this.probe = new Probe();
    this.cameras = signal(new Map());
    this.alerts = signal(new Map());
    this.kpi = signal(null);
    this.people = signal([]);
    this.me = signal(null);
    this.policy = signal(POLICY);
    this.basemap = signal(null);
    this.orders = signal([]);
    this.known = signal(false);
    /** Called with each alert that had not been seen before; not for those of the first snapshot. */
    this.onNew = new Set();
    this.settings = computed(() => ({ ...SETTINGS, ...this.me.value?.settings }));
    this.seq = null;
    this.anewAt = 0;
    this.link = new Link("/v1/stream", (message) => this.take(message));
  }

  /** Seconds since the gateway was last heard. */
  silence() {
    return (Date.now() - this.link.heardAt) / 1000;
  }

  take(message) {
    if (message.sent_us) this.clock.learn(message.sent_us / 1000);
    if (message.type !== "snapshot" && this.missed(message.seq)) return;
    this.seq = message.seq ?? this.seq;
    batch(() => this[`take_${message.type}`]?.(message));
    this.probe.update(message, this.clock.offset());
  }

  /** True where a message before this one never came: what is shown may be wrong, so begin anew. */
  missed(seq) {
    if (seq === undefined || this.seq === null || seq <= this.seq + 1) return false;
    if (Date.now() - this.anewAt < ANEW_EVERY_MS) return false;
    this.anewAt = Date.now();
    this.seq = null;
    this.link.again();
    return true;
  }

  take_snapshot(told) {
    if (!this.clock.offset()) this.clock.learn(Date.parse(told.as_of_at));
    const before = this.alerts.value;
    this.cameras.value = new Map(told.cameras.map((camera) => [camera.camera_id, camera]));
    const alerts = new Map();
    for (const alert of told.alerts) {
      const held = before.get(alert.alert_id);
      alerts.set(alert.alert_id, held && held.version > alert.version ? held : alert);
    }
    this.alerts.value = alerts;
    this.kpi.value = told.kpi;
    this.people.value = told.people;
    this.me.value = told.me;
    this.policy.value = { ...POLICY, ...told.policy };
    if (this.basemap.value?.url !== told.basemap?.url) this.basemap.value = told.basemap;
    this.orders.value = told.wall ?? [];
    if (this.known.value) for (const [id, alert] of alerts) if (!before.has(id)) this.announce(alert);
    this.known.value = true;
  }

  take_alert({ alert }) {
    const alerts = new Map(this.alerts.value);
    const held = alerts.get(alert.alert_id);
    if (held && held.version > alert.version) return;
    alerts.set(alert.alert_id, alert);
    const closed = [...alerts.values()].filter((one) => one.state === "closed");
    for (const one of closed.slice(0, Math.max(0, closed.length - CLOSED_KEPT))) alerts.delete(one.alert_id);
    this.alerts.value = alerts;
    if (!held && alert.state === "raised") this.announce(alert);
  }

  take_cameras({ cameras }) {
    const all = new Map(this.cameras.value);
    for (const camera of cameras) all.set(camera.camera_id, camera);
    this.cameras.value = all;
  }

  take_kpi({ kpi }) {
    this.kpi.value = kpi;
  }

  take_people({ people }) {
    this.people.value = people;
  }

  take_wall(order) {
    this.orders.value = [...this.orders.value.filter((one) => one.alert_id !== order.alert_id), order];
  }

  announce(alert) {
    for (const hear of this.onNew) hear(alert);
  }

  stop() {
    this.link.stop();
    this.clock.stop();
  }
}
