// The operations page: map, alerts, wall and response on one screen.
import { useRef } from "preact/hooks";
import { Store } from "./core/store.js";
import { attend } from "./desk/attend.js";
import { Desk } from "./desk/desk.js";
import { Dock } from "./desk/dock.jsx";
import { Front } from "./dialogs/front.jsx";
import { mounted } from "./mount.jsx";
import { Header, Notice } from "./parts/header.jsx";
import { Later } from "./parts/later.jsx";
import { Queue } from "./queue/queue.jsx";
import { Wall } from "./wall/wall.jsx";

function Operations({ desk, root }) {
  const { store } = desk;
  const view = desk.view.value;
  const mapped = useRef(false); // a screen that shows the wall alone does not pay for the map
  mapped.current ||= store.known.value && view !== "wall";
  return (
    <div class={`ops view-${view}`}>
      <Header store={store} desk={desk} title="Real-time command center" where="Operations" />
      <main class="left">
        <section class="pane map" aria-label="Map of cameras and alerts">
          {mapped.current && <Later load={() => import("./map/map_pane.jsx")} desk={desk} root={root} />}
          {view !== "wall" && <Dock desk={desk} />}
        </section>
        {store.known.value ? <Wall desk={desk} /> : <section class="pane wall" aria-label="Video wall" />}
        {view === "wall" && <Dock desk={desk} />}
        {desk.replay.value && <Later load={() => import("./replay/replay.jsx")} desk={desk} />}
      </main>
      <Queue desk={desk} />
      <Notice store={store} />
      <Front desk={desk} />
      <p class="unseen" role="status" aria-live="polite" data-testid="announcer">
        {desk.said.value}
      </p>
    </div>
  );
}

export default mounted("operations", (model, root) => {
  const store = new Store();
  const desk = new Desk(store, "operations");
  const end = attend(desk, root, "Operations");
  return {
    view: <Operations desk={desk} root={root} />,
    dispose() {
      end();
      store.stop();
    },
  };
});
