// The line on top: key figures, how fresh they are, the clock, who is signed in.
import { useComputed } from "@preact/signals";
import { clockTime, dayName, figure, length, ms } from "../core/words.js";
import { Icon } from "./icons.jsx";
import { Settings } from "./settings.jsx";

const LIVE_STALE_S = 10; // figures of live work come each second; older ones say nothing of now

function Kpi({ value, unit, label, tone, testid, title }) {
  return (
    <div class={`kpi ${tone ?? ""}`} title={title}>
      <b data-testid={testid}>
        {value ?? "–"}
        {unit && <small>{unit}</small>}
      </b>
      <span>{label}</span>
    </div>
  );
}

function Figures({ store }) {
  const kpi = store.kpi.value;
  const now = store.clock.second.value;
  if (!kpi) return <div class="kpis" aria-hidden="true" />;
  const [ack, ackUnit] = figure(kpi.ack_median_s);
  const [lag, lagUnit] = figure(kpi.lag_s);
  const old = kpi.live_as_of_at ? (now - ms(kpi.live_as_of_at)) / 1000 : null;
  const stale = old === null || old > LIVE_STALE_S;
  const since = old === null ? "never heard" : `${length(old)} old`;
  return (
    <div class="kpis" role="group" aria-label="Key figures">
      <Kpi testid="kpi-open" value={kpi.open} label="open alerts" />
      <Kpi
        testid="kpi-unacknowledged"
        value={kpi.unacknowledged}
        label={kpi.p1_unacknowledged ? `unacknowledged · ${kpi.p1_unacknowledged} P1` : "unacknowledged"}
        tone={kpi.p1_unacknowledged ? "bad" : kpi.unacknowledged ? "warn" : ""}
      />
      <Kpi
        testid="kpi-ack"
        value={ack}
        unit={ackUnit}
        label="median to acknowledge"
        title="Over the last eight hours"
      />
      <Kpi
        testid="kpi-cameras"
        value={`${kpi.cameras_live}/${kpi.cameras_total}`}
        label={stale ? `cameras live, ${since}` : "cameras live"}
        tone={stale ? "warn" : ""}
      />
      <Kpi
        testid="kpi-lag"
        value={stale ? "–" : lag}
        unit={stale ? "" : lagUnit}
        label="camera lag"
        title="Median of the live cameras"
      />
    </div>
  );
}

const LINK_WORDS = { live: "Live", connecting: "Connecting", down: "No connection", signed_out: "Signed out" };

export function LinkState({ store }) {
  const now = store.clock.second.value; // ticks, so that the silence counts on
  const silent = Math.floor(store.silence());
  const state = store.link.state.value === "live" && silent >= 3 ? "stale" : store.link.state.value;
  const words = state === "stale" ? "No news" : LINK_WORDS[state];
  return (
    <span class={`link ${state}`} data-testid="link-state" data-state={state} data-now={now}>
      {words}
      {state !== "live" && silent > 0 && <b> {length(silent)}</b>}
    </span>
  );
}

function Clock({ store }) {
  const now = store.clock.second.value;
  return (
    <time class="clock" dateTime={new Date(now).toISOString()}>
      {clockTime(now)}
      <small>{dayName(now)}</small>
    </time>
  );
}

export function Header({ store, desk, title, where }) {
  const me = useComputed(() => store.me.value);
  return (
    <header class="top">
      <div class="brand">
        <i aria-hidden="true" />
        <div>
          <h1>{title}</h1>
          <span>{where}</span>
        </div>
      </div>
      <Figures store={store} />
      <div class="right">
        <LinkState store={store} />
        <Clock store={store} />
        <span class="me" title={me.value?.actor}>
          {me.value?.display ?? " "}
          <small>{me.value?.role ?? ""}</small>
        </span>
        <div class="tools">
          {desk.supervising() && <OtherPages desk={desk} />}
          <button
            type="button"
            class="tool"
            data-testid="open-handover"
            aria-label="Hand-over"
            title="Hand-over (H)"
            onClick={() => desk.open("handover")}
          >
            <Icon name="note" />
          </button>
          <button
            type="button"
            class="tool"
            data-testid="open-help"
            aria-label="Keys"
            title="Keys (?)"
            onClick={() => desk.open("help")}
          >
            <Icon name="keys" />
          </button>
          <Settings store={store} desk={desk} />
        </div>
      </div>
    </header>
  );
}

const PAGES = [
  ["/operations", "Operations"],
  ["/supervisor", "Supervision"],
  ["/impact", "Impact lab"],
];

/** From operations to supervision; from there to all others: the wall's line on top has no room to spare. */
const OtherPages = ({ desk }) =>
  PAGES.filter(([href]) => (desk.page === "operations" ? href === "/supervisor" : href !== `/${desk.page}`)).map(
    ([href, words]) => (
      <a class="other-page" key={href} href={href}>
        {words}
      </a>
    ),
  );

/** What must be said across the page: no connection, signed out. */
export function Notice({ store }) {
  const now = store.clock.second.value;
  const state = store.link.state.value;
  if (state === "signed_out")
    return (
      <div class="notice bad" role="alert" data-testid="signed-out">
        <b>Your session has ended.</b> What you see stays as it was {length(store.silence())} ago.
        <a
          href={`/login?next=${encodeURIComponent(location.pathname + location.search)}`}
          target="_blank"
          rel="noopener"
        >
          Sign in again
        </a>
        <span>in a new tab; this page goes on by itself.</span>
      </div>
    );
  if (!store.known.value || state === "live" || store.silence() < 2) return null;
  return (
    <div class="notice warn" role="status" data-testid="no-connection" data-now={now}>
      <b>No connection.</b> Nothing here is newer than {length(store.silence())}. It comes back by itself.
    </div>
  );
}
