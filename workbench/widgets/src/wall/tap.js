// One camera watched live. A tap says how old its picture is, and never lets an old one look live.
import { batch, signal } from "@preact/signals";
import { socketUrl } from "../core/api.js";
import { wait } from "../core/link.js";
import { Player } from "./player.js";

const TURN_MS = 250;
const SILENT_S = 6; // nothing for so long: the connection is tried anew
const PATIENT_S = 10; // without a first picture for so long, it counts as lost
const FALL_BACK_AFTER = 3;
const FALL_BACK_S = 60;
const LATE_S = 10; // past this even a moving picture is not live
const LATE_SLOWER_S = 30;
const WARN_S = 60; // before an idle watch is closed

const CLOSINGS = {
  4403: ["forbidden", "You may not watch this camera"],
  4404: ["lost", "Nobody records this camera just now"],
  4408: ["closed", "Closed: nobody said what it was watched for"],
};
const ASK_AGAIN_MS = { forbidden: 60000, lost: 5000 };

/** What a camera is watched for that belongs to an alert. */
export const answering = (alert) => `Answering: ${alert.title}`;

const taps = new Set();
let turns = null;

/** One timer for all taps of the page. */
function enroll(tap, on) {
  if (on) taps.add(tap);
  else taps.delete(tap);
  if (taps.size && !turns) turns = setInterval(() => taps.forEach((one) => one.turn()), TURN_MS);
  if (!taps.size) turns = clearInterval(turns) ?? null;
}

export class Tap {
  constructor(video, cameraId, { store, alertId, reason, camera }) {
    Object.assign(this, { video, cameraId, store, alertId, reason, camera });
    /** `connecting`, `live`, `stale`, `lost`, `forbidden` or `closed`. */
    this.state = signal("connecting");
    /** Age of the picture, seconds; null before the first. */
    this.age = signal(null);
    /** Why there is no picture, for the person who looks. */
    this.why = signal("");
    /** Seconds until it is closed for want of a reason; null while that is far. */
    this.closesIn = signal(null);
    /** True while the slower HLS stands in. */
    this.slower = signal(false);
    this.shownUs = null;
    this.failures = 0;
    this.tries = 0;
    this.startedAt = Date.now();
    this.open();
    enroll(this, true);
  }

  open() {
    this.close();
    this.said = null;
    this.heardAt = this.openedAt = Date.now();
    const { alertId, reason } = this;
    const why = new URLSearchParams({ ...(reason && { reason }), ...(alertId && { alert_id: alertId }) });
    const path = `/v1/cameras/${encodeURIComponent(this.cameraId)}/tap`;
    const socket = (this.socket = new WebSocket(socketUrl(`${path}${why.size ? `?${why}` : ""}`)));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.take(data);
    socket.onclose = ({ code }) => this.closed(code);
  }

  take(data) {
    this.heardAt = Date.now();
    if (typeof data === "string") {
      const told = JSON.parse(data);
      if (told.error) this.said = told;
      else if (told.mime) this.mime = told.mime;
      return;
    }
    const us = Number(new DataView(data).getBigUint64(0));
    const bytes = new Uint8Array(data, 8);
    if (us === 0) {
      this.player ??= new Player(this.video, {
        onFrame: (at) => this.frame(at),
        onBroken: (why) => this.broken(why),
      });
      this.player.begin(this.mime, bytes);
    } else this.player?.push(us, bytes);
  }

  frame(us) {
    this.show(us);
    this.failures = this.tries = 0;
    this.store.probe.tile(this.store.clock.now() - us / 1000);
  }

  /** The picture of that instant is on the screen. */
  show(us) {
    if (this.shownUs === null || us > this.shownUs) this.freshAt = Date.now();
    this.shownUs = us;
  }

  closed(code) {
    this.socket = null;
    const closing = CLOSINGS[code];
    if (closing) {
      batch(() => {
        [this.state.value, this.why.value] = [closing[0], this.said?.message || closing[1]];
        this.closesIn.value = null;
      });
      if (closing[0] !== "lost") this.forget();
      this.over = code === 4408;
      if (ASK_AGAIN_MS[closing[0]]) this.later(ASK_AGAIN_MS[closing[0]]);
      return;
    }
    if (code !== 1012) this.failures += 1;
    this.later(wait(this.tries++));
  }

  /** Take the picture away: whoever may not watch any more keeps no still either. */
  forget() {
    this.player?.stop();
    this.player = null;
    this.shownUs = this.age.value = null;
  }

  broken(why) {
    this.failures += 1;
    this.why.value = why;
    this.close();
    this.later(wait(this.tries++));
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.failures >= FALL_BACK_AFTER ? this.fallBack() : this.open()), delay);
  }

  /** The slower way, for a while: whole segments as HLS. */
  async fallBack() {
    this.close();
    this.failures = 0;
    this.player?.stop();
    this.player = null;
    const { watchSlower } = await import("./slower.js");
    if (this.stopped) return;
    this.slower.value = true;
    this.stopSlower = watchSlower(this.video, this.cameraId, {
      onFrame: (us) => this.show(us),
      onBroken: () => this.later(wait(this.tries++)),
    });
    this.later(FALL_BACK_S * 1000);
  }

  /** Look where it stands; four times a second. */
  turn() {
    if (this.over) return;
    this.player?.chase();
    const nowMs = Date.now();
    const { stale_s: staleS, watch_s: watchS } = this.store.policy.value;
    const late = nowMs - (this.turnedAt ?? nowMs) > 4 * TURN_MS; // the page itself paused
    this.turnedAt = nowMs;
    if (this.socket && !late && (nowMs - this.heardAt) / 1000 > SILENT_S) {
      this.close();
      this.later(wait(this.tries++));
    }
    const age = this.shownUs === null ? null : Math.max(0, this.store.clock.now() - this.shownUs / 1000) / 1000;
    const left = this.reason || this.alertId ? null : watchS - (nowMs - this.openedAt) / 1000;
    batch(() => {
      this.age.value = age === null ? null : Math.round(age * 10) / 10;
      this.closesIn.value = left !== null && this.socket && left < WARN_S ? Math.max(0, Math.ceil(left)) : null;
      if (this.state.value !== "forbidden" || this.socket) this.state.value = this.standing(age, staleS);
    });
  }

  /** Stale is a picture after which none came for a while, or that is of too long ago however it moves. */
  standing(age, staleS) {
    if (age !== null) {
      const still = (Date.now() - this.freshAt) / 1000;
      const late = Math.max(staleS, this.slower.peek() ? LATE_SLOWER_S : LATE_S);
      return still < staleS && age < late ? "live" : "stale";
    }
    if (this.state.value === "lost" && !this.socket) return "lost";
    const waited = (Date.now() - this.startedAt) / 1000;
    return this.camera()?.state === "lost" || waited > PATIENT_S ? "lost" : "connecting";
  }

  /** Say what it is watched for: it stays open, or opens again. */
  keep(reason) {
    this.reason = reason;
    this.closesIn.value = null;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ keep: true, reason }));
      return;
    }
    this.over = false;
    this.startedAt = Date.now();
    batch(() => ([this.state.value, this.why.value, this.shownUs] = ["connecting", "", null]));
    this.open();
  }

  /** It is watched for an alert now: that is reason enough. */
  belongsTo(alert) {
    this.alertId = alert.alert_id;
    if (!this.reason) this.keep(answering(alert));
  }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.stopSlower?.();
    this.stopSlower = null;
    this.slower.value = false;
  }

  stop() {
    this.stopped = true;
    enroll(this, false);
    this.close();
    this.player?.stop();
  }
}
