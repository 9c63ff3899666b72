// The supervisor's page: people, load, what ages, what came of it, and how far the rules can be trusted.
import { signal } from "@preact/signals";
import { api, signedOut } from "./core/api.js";
import { Store } from "./core/store.js";
import { length } from "./core/words.js";
import { attend } from "./desk/attend.js";
import { Desk } from "./desk/desk.js";
import { Front } from "./dialogs/front.jsx";
import { mounted } from "./mount.jsx";
import { Header, Notice } from "./parts/header.jsx";
import { Ageing, Health, Outcomes, People, Scorecards, Watches } from "./supervisor/panels.jsx";

const EVERY_MS = 5000;
const OLD_S = 20;

/** Figures that are asked for, not told: outcomes, rules, watches. */
class Figures {
  constructor(store) {
    this.store = store;
    this.told = signal({ outcomes: [], scorecards: [], watches: [] });
    this.at = signal(store.clock.now());
    this.why = signal("");
    this.forbidden = signal(false);
    this.ask = this.ask.bind(this);
    this.timer = setInterval(this.ask, EVERY_MS);
    this.ask();
  }

  async ask() {
    if (document.hidden) return;
    try {
      this.told.value = await api.supervisor();
      this.at.value = this.store.clock.now();
      this.why.value = "";
    } catch (error) {
      if (signedOut(error)) this.store.link.state.value = "signed_out";
      this.why.value = error.message;
      this.forbidden.value = error.status === 403;
    }
  }

  stop() {
    clearInterval(this.timer);
  }
}

function Supervisor({ desk, figures }) {
  const { store } = desk;
  const told = figures.told.value;
  const old = (store.clock.second.value - figures.at.value) / 1000;
  return (
    <div class="supervision">
      <Header store={store} desk={desk} title="Real-time command center" where="Supervision" />
      <main class="panels">
        <People desk={desk} />
        <Ageing desk={desk} />
        <Outcomes outcomes={told.outcomes} />
        <Scorecards cards={told.scorecards} />
        <Watches desk={desk} watches={told.watches} at={figures.at.value} />
        <Health desk={desk} />
      </main>
      {figures.why.value && (old > OLD_S || figures.forbidden.value) && (
        <p class="notice warn" role="status">
          {!figures.forbidden.value && `Outcomes, rules and watches are ${length(old)} old.`} {figures.why.value}
        </p>
      )}
      <Notice store={store} />
      <Front desk={desk} />
      <p class="unseen" role="status" aria-live="polite" data-testid="announcer">
        {desk.said.value}
      </p>
    </div>
  );
}

export default mounted("supervisor", (model, root) => {
  const store = new Store();
  const desk = new Desk(store, "supervisor");
  const figures = new Figures(store);
  const end = attend(desk, root, "Supervision");
  return {
    view: <Supervisor desk={desk} figures={figures} />,
    dispose() {
      end();
      figures.stop();
      store.stop();
    },
  };
});
