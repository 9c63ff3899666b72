// The line on top: which page it is, whether the gateway answers, who reads.
import { length } from "../core/words.js";
import { Settings } from "../parts/settings.jsx";

const LINK_WORDS = { live: "Connected", connecting: "Connecting", down: "No connection", signed_out: "Signed out" };

function LinkState({ shelf }) {
  const state = shelf.link.state.value;
  const now = shelf.clock.second.value; // ticks, so that the silence counts on
  const silent = Math.floor(shelf.silence());
  return (
    <span class={`link ${state}`} data-testid="link-state" data-state={state} data-now={now}>
      {LINK_WORDS[state]}
      {state === "down" && silent > 0 && <b> {length(silent)}</b>}
    </span>
  );
}

export function Top({ shelf }) {
  const me = shelf.me.value;
  const studies = shelf.studies.value;
  return (
    <header class="top">
      <div class="brand">
        <i aria-hidden="true" />
        <div>
          <h1>Real-time command center</h1>
          <span>Impact lab</span>
        </div>
      </div>
      <p class="motto">
        Did the cameras change crime, and can we know?
        {studies?.length > 0 && <small> A figure without a counterfactual is no finding.</small>}
      </p>
      <div class="right">
        <LinkState shelf={shelf} />
        <span class="me" title={me?.actor}>
          {me?.display ?? " "}
          <small>{me?.role ?? ""}</small>
        </span>
        <div class="tools">
          <a class="other-page" href="/" title="Where your role begins">
            Your page
          </a>
          <Settings store={shelf} desk={shelf} />
        </div>
      </div>
    </header>
  );
}
