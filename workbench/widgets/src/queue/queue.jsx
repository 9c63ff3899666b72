// The alert queue: most urgent on top; of many, only those in sight are drawn.
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Segmented } from "../parts/bits.jsx";
import { Icon } from "../parts/icons.jsx";
import { Card } from "./card.jsx";

const WHOLE_UP_TO = 100;
const BEYOND_PX = 600; // drawn above and below what is in sight

/** Which part of the list to draw, and the room the rest takes; heights are measured as cards come by. */
function windowOf(queue, heights, top, height) {
  if (queue.length <= WHOLE_UP_TO) return { first: 0, last: queue.length, above: 0, below: 0 };
  const usual = heights.size ? [...heights.values()].reduce((all, one) => all + one, 0) / heights.size : 130;
  const of = (alert) => heights.get(alert.alert_id) ?? usual;
  let [at, above] = [0, 0];
  while (at < queue.length && above + of(queue[at]) < top - BEYOND_PX) above += of(queue[at++]);
  const first = at;
  let reach = above;
  while (at < queue.length && reach < top + height + BEYOND_PX) reach += of(queue[at++]);
  const below = queue.slice(at).reduce((all, alert) => all + of(alert), 0);
  return { first, last: at, above, below };
}

function Cards({ desk }) {
  const list = useRef();
  const heights = useRef(new Map());
  const seen = useSignal({ top: 0, height: 900 });
  const queue = desk.queue.value;
  const chosen = desk.alertId.value;
  const { first, last, above, below } = windowOf(queue, heights.current, seen.value.top, seen.value.height);
  useLayoutEffect(() => {
    if (queue.length <= WHOLE_UP_TO) return;
    for (const card of list.current.querySelectorAll("[data-alert-id]"))
      heights.current.set(card.dataset.alertId, card.offsetHeight);
  });
  useLayoutEffect(() => {
    const at = queue.findIndex((alert) => alert.alert_id === chosen);
    if (at < 0) return;
    const card = list.current.querySelector(`[data-alert-id="${CSS.escape(chosen)}"]`);
    if (card) card.scrollIntoView({ block: "nearest" });
    else list.current.scrollTop = at * ((list.current.scrollHeight || 1) / queue.length);
  }, [chosen]);
  const look = ({ currentTarget: { scrollTop, clientHeight } }) =>
    (seen.value = { top: scrollTop, height: clientHeight });
  return (
    <ol
      class="cards"
      ref={list}
      onScroll={queue.length > WHOLE_UP_TO ? look : undefined}
      tabIndex={0}
      aria-label="Alerts, most urgent first"
    >
      {above > 0 && <li aria-hidden="true" style={{ height: `${above}px` }} />}
      {queue.slice(first, last).map((alert, at) => (
        <Card
          key={alert.alert_id}
          desk={desk}
          alert={alert}
          at={first + at}
          count={queue.length}
          chosen={alert.alert_id === chosen}
          noted={desk.notes.value.get(alert.alert_id)}
          underWay={desk.underWay.value.get(alert.alert_id)}
          names={desk.names.value}
          me={desk.store.me.value}
        />
      ))}
      {below > 0 && <li aria-hidden="true" style={{ height: `${below}px` }} />}
      {!queue.length && <Empty desk={desk} />}
    </ol>
  );
}

function Empty({ desk }) {
  if (!desk.store.known.value) return <li class="empty">Waiting for the gateway…</li>;
  const filtered = desk.filter.value !== "open" || desk.words.value;
  return (
    <li class="empty">
      <Icon name="check" />
      {filtered ? "No alert in this view." : "Nothing is open."}
    </li>
  );
}

export function Queue({ desk }) {
  const { store } = desk;
  const open = [...store.alerts.value.values()].filter((alert) => alert.state !== "closed");
  const fresh = open.filter((alert) => alert.state === "raised").length;
  return (
    <section class="pane queue" aria-labelledby="queue-head">
      <header>
        <h2 id="queue-head">Alerts {fresh > 0 && <span class="count">{fresh} new</span>}</h2>
        <Segmented
          label="Which alerts"
          value={desk.filter.value}
          onPick={(key) => (desk.filter.value = key)}
          options={[
            ["open", "Open", "filter-open"],
            ["p1", "P1", "filter-p1"],
            ["mine", "Mine", "filter-mine"],
          ]}
        />
      </header>
      <div class="finder">
        <input
          type="search"
          data-testid="filter-words"
          aria-label="Filter alerts by words"
          placeholder="Filter by words   /"
          value={desk.words.value}
          onInput={(event) => (desk.words.value = event.currentTarget.value)}
        />
        {desk.can("note") && (
          <button
            type="button"
            data-testid="raise-by-hand"
            title="New alert by hand (N)"
            onClick={() => desk.open("raise")}
          >
            <Icon name="plus" /> New
          </button>
        )}
      </div>
      <Cards desk={desk} />
      <footer class="keys" aria-hidden="true">
        <kbd>?</kbd> keys <kbd>J</kbd>
        <kbd>K</kbd> move <kbd>A</kbd> acknowledge <kbd>S</kbd> to me <kbd>W</kbd> wall
      </footer>
    </section>
  );
}
