// The page's one connection to the gateway: it comes back by itself, and knows when it only looks alive.
import { signal } from "@preact/signals";
import { api, signedOut, socketUrl } from "./api.js";

const SILENT_MS = 4000; // heartbeats come each second: after this the connection is dead, whatever the socket says
const LONGEST_WAIT_MS = 3000;
const OPENING_MS = 4000;
const LONGEST_OPENING_MS = 15000; // a gateway that has just come back to many pages on a full machine
const LATE_MS = 1500;
const SAY_EVERY_MS = 20000; // that somebody is still there
const SIGNED_OUT = 4401;

/** Wait before the n-th try: doubled up to a cap, never the same for everybody. */
export const wait = (tries) => Math.min(LONGEST_WAIT_MS, 250 * 2 ** tries) * (0.6 + 0.4 * Math.random());

/** How long the n-th try may take to bring a message: longer each time, or on a full machine none would ever do. */
export const patience = (tries) => Math.min(LONGEST_OPENING_MS, OPENING_MS * 1.4 ** tries);

export class Link {
  constructor(path, take) {
    this.path = path;
    this.take = take;
    /** `connecting`, `live`, `down` or `signed_out`. */
    this.state = signal("connecting");
    /** When the gateway was last heard, this page's ms; what staleness is counted from. */
    this.heardAt = Date.now();
    this.tries = 0;
    this.stopped = false;
    this.poke = this.poke.bind(this);
    for (const name of ["online", "pageshow", "focus"]) addEventListener(name, this.poke);
    document.addEventListener("visibilitychange", this.poke);
    this.watch = setInterval(() => this.listen(), 500);
    this.say = setInterval(
      () => this.state.peek() === "live" && this.socket?.send('{"type":"here"}'),
      SAY_EVERY_MS,
    );
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.drop();
    const socket = (this.socket = new WebSocket(socketUrl(this.path)));
    this.openedAt = Date.now();
    let opened = false;
    socket.onmessage = (message) => {
      this.heardAt = Date.now();
      if (!opened) {
        opened = true;
        this.tries = 0;
        this.state.value = "live";
      }
      this.take(JSON.parse(message.data));
    };
    socket.onclose = (event) => this.lost(event.code);
  }

  /** Let go of the socket without waiting for it: a half-open one takes minutes to say that it is closed. */
  drop() {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  async lost(code) {
    this.socket = null;
    if (this.stopped) return;
    if (this.state.value !== "signed_out") this.state.value = "down";
    if (code === SIGNED_OUT || this.tries > 0) {
      const out = await api.me().then(() => false, signedOut);
      if (out) this.state.value = "signed_out";
      else if (this.state.value === "signed_out") this.state.value = "down";
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait(this.tries++));
  }

  listen() {
    const late = Date.now() - (this.listenedAt ?? Date.now()) > LATE_MS;
    this.listenedAt = Date.now();
    // After a pause of the page itself, what came meanwhile has yet to be taken.
    if (!this.socket || late) return;
    const silent = Date.now() - Math.max(this.heardAt, this.openedAt);
    if (silent > (this.state.value === "live" ? SILENT_MS : patience(this.tries))) {
      this.drop();
      this.lost(0);
    }
  }

  /** Begin anew at once: messages were missed, or the machine woke up. */
  again() {
    this.drop();
    this.open();
  }

  poke() {
    if (document.hidden || this.stopped) return;
    if (this.socket) this.listen();
    else this.open();
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    clearInterval(this.say);
    clearTimeout(this.timer);
    for (const name of ["online", "pageshow", "focus"]) removeEventListener(name, this.poke);
    document.removeEventListener("visibilitychange", this.poke);
    this.drop();
  }
}
