// What the page knows: which studies there are, the one that is open, and whether the gateway still answers.
import { batch, computed, signal } from "@preact/signals";
import { api, ask, signedOut } from "../core/api.js";
import { kept, keep } from "../core/kept.js";

const ALIVE_EVERY_MS = 5000;
const LIST_EVERY_MS = 60000; // studies are published a few times a month; each look is a line in the audit
const SETTINGS = { sound: false, volume: 0.5, palette: "standard", reduced_motion: false };

const q = encodeURIComponent;
export const studyUrl = (slug, rest = "") => `/v1/impact/studies/${q(slug)}${rest}`;

export class Shelf {
  constructor(wanted) {
    this.me = signal(null);
    this.settings = computed(() => ({ ...SETTINGS, ...this.me.value?.settings }));
    this.link = { state: signal("connecting") };
    this.clock = { second: signal(Date.now()) };
    this.heardAt = Date.now();
    this.keys = signal(kept("keys", true));
    /** Null until the gateway has said which there are. */
    this.studies = signal(null);
    this.unreadable = signal([]);
    this.known = computed(() => this.studies.value !== null);
    /** Why there is no list; `forbidden` where the role reads none. */
    this.why = signal("");
    this.forbidden = signal(false);
    this.slug = signal(wanted);
    /** The open study: `{slug, version, findings, figures, methods}`. */
    this.open = signal(null);
    this.openWhy = signal("");
    this.outcome = signal("");
    this.listed = computed(() => this.studies.value?.find((one) => one.slug === this.slug.value) ?? null);
    this.outdated = computed(() => {
      const [open, listed] = [this.open.value, this.listed.value];
      return Boolean(open && listed && open.slug === listed.slug && open.version !== listed.version);
    });
    this.again = () => document.hidden || this.list();
    document.addEventListener("visibilitychange", this.again);
    this.timers = [
      setInterval(() => (this.clock.second.value = Date.now()), 1000),
      setInterval(() => document.hidden || this.alive(), ALIVE_EVERY_MS),
      setInterval(this.again, LIST_EVERY_MS),
    ];
    this.alive();
    this.list();
  }

  /** Seconds since the gateway was last heard. */
  silence() {
    return (Date.now() - this.heardAt) / 1000;
  }

  /** Ask, and learn from the answer whether the gateway is there and we are signed in. */
  async heard(asking) {
    const state = this.link.state;
    try {
      const told = await asking;
      batch(() => ((this.heardAt = Date.now()), (state.value = "live")));
      return told;
    } catch (error) {
      if (signedOut(error)) state.value = "signed_out";
      else if (error.status === 0) state.value = "down";
      else batch(() => ((this.heardAt = Date.now()), (state.value = "live")));
      throw error;
    }
  }

  async alive() {
    const before = this.link.state.value;
    const me = await this.heard(api.me()).catch(() => null);
    if (!me) return;
    this.me.value = me;
    const missing = this.why.value && !this.forbidden.value;
    if (before !== "connecting" && (before !== "live" || missing)) this.list();
  }

  async list() {
    try {
      const told = await this.heard(ask("GET", "/v1/impact/studies"));
      batch(() => {
        this.studies.value = told.studies;
        this.unreadable.value = told.unreadable;
        this.why.value = "";
        this.forbidden.value = false;
      });
    } catch (error) {
      batch(() => ((this.why.value = error.message), (this.forbidden.value = error.status === 403)));
      return;
    }
    if (!this.slug.value && this.studies.value.length) this.pick(this.studies.value[0].slug);
    else if (this.slug.value && this.open.value?.slug !== this.slug.value) this.read();
  }

  pick(slug) {
    if (slug === this.slug.value && this.open.value) return;
    this.slug.value = slug;
    const address = new URL(location.href);
    address.searchParams.set("study", slug);
    history.replaceState(null, "", address);
    this.read();
  }

  move(by) {
    const all = this.studies.value ?? [];
    const at = all.findIndex((one) => one.slug === this.slug.value);
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    if (next) this.pick(next.slug);
  }

  /** Read the picked study; what was open stays until its figures and words are there. */
  async read() {
    const slug = this.slug.value;
    this.openWhy.value = "";
    try {
      const asked = ["", "/figures", "/methods"].map((rest) => ask("GET", studyUrl(slug, rest)));
      const [findings, drawn, named] = await this.heard(Promise.all(asked));
      if (slug !== this.slug.value) return;
      const methods = new Map(named.methods.map((one) => [one.method, one]));
      batch(() => {
        this.open.value = { slug, version: drawn.version, figures: drawn.figures, findings, methods };
        if (!findings.outcomes.includes(this.outcome.value)) this.outcome.value = findings.primary_outcome;
      });
    } catch (error) {
      if (slug === this.slug.value) this.openWhy.value = error.message;
    }
  }

  /** Show what was published last. */
  async renew() {
    await this.list();
    await this.read();
  }

  hearKeys(on) {
    this.keys.value = on;
    keep("keys", on);
  }

  stop() {
    this.timers.forEach(clearInterval);
    document.removeEventListener("visibilitychange", this.again);
  }
}
