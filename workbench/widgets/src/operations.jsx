// The operations page: map, alerts, wall and response on one screen.
import { effect, untracked, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Sound } from "./core/sound.js";
import { Store } from "./core/store.js";
import { Desk } from "./desk/desk.js";
import { Dock } from "./desk/dock.jsx";
import { listen } from "./desk/keys.js";
import { Front } from "./dialogs/front.jsx";
import { mounted } from "./mount.jsx";
import { Header, Notice } from "./parts/header.jsx";
import { Queue } from "./queue/queue.jsx";
import { Wall } from "./wall/wall.jsx";

/** A part that is loaded when it is first needed. */
export function Later({ load, ...props }) {
  const View = useSignal(null);
  const failed = useSignal(false);
  useEffect(() => void load().then((part) => (View.value = part.default), () => (failed.value = true)), []);
  if (failed.value) return <p class="hint">This part could not be loaded. Reload the page.</p>;
  return View.value && <View.value {...props} />;
}

function Operations({ desk, root }) {
  const { store } = desk;
  const view = desk.view.value;
  return (
    <div class={`ops view-${view}`}>
      <Header store={store} desk={desk} title="Real-time command center" where="Operations" />
      <main class="left">
        <section class="pane map" aria-label="Map of cameras and alerts">
          {store.known.value && <Later load={() => import("./map/map_pane.jsx")} desk={desk} root={root} />}
          <Dock desk={desk} />
        </section>
        {store.known.value ? <Wall desk={desk} /> : <section class="pane wall" aria-label="Video wall" />}
        {desk.replay.value && <Later load={() => import("./replay/replay.jsx")} desk={desk} />}
      </main>
      <Queue desk={desk} />
      <Notice store={store} />
      <Front desk={desk} />
      <p class="unseen" role="status" aria-live="polite" data-testid="announcer">{desk.said.value}</p>
    </div>
  );
}

/** Everything that happens by itself; returns what ends it. */
export function attend(desk, root) {
  const { store, wall } = desk;
  const sound = new Sound(store);
  const tell = (alert) => (desk.said.value = `New ${alert.priority} alert: ${alert.title}, ${alert.camera_name ?? alert.source ?? ""}`);
  store.onNew.add(tell);
  const stops = [
    listen(desk, root),
    () => sound.stop(),
    () => store.onNew.delete(tell),
    effect(() => {
      const { palette, reduced_motion: still } = store.settings.value;
      root.dataset.palette = palette;
      root.classList.toggle("still", still);
    }),
    effect(() => {
      if (!store.known.value || !store.me.value) return;
      const orders = store.orders.value;
      untracked(() => {
        wall.begin(store.me.value.actor);
        for (const order of orders) if (wall.obey(order)) desk.banner.value = order;
      });
    }),
    effect(() => {
      const fresh = [...store.alerts.value.values()].filter((alert) => alert.state === "raised").length;
      document.title = `${fresh ? `(${fresh}) ` : ""}Operations`;
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

export default mounted("operations", (model, root) => {
  const store = new Store();
  const desk = new Desk(store);
  desk.handover = true;
  const end = attend(desk, root);
  return {
    view: <Operations desk={desk} root={root} />,
    dispose() {
      end();
      store.stop();
    },
  };
});
