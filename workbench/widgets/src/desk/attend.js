// What happens by itself at a desk: sound, what screen readers are told, colours, orders to the wall.
import { effect, untracked } from "@preact/signals";
import { Sound } from "../core/sound.js";
import { listen } from "./keys.js";

/** Begin all of it; returns what ends it. */
export function attend(desk, root, title) {
  const { store, wall } = desk;
  const sound = new Sound(store);
  const tell = (alert) =>
    (desk.said.value = `New ${alert.priority} alert: ${alert.title}, ${alert.camera_name ?? alert.source ?? ""}`);
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
      document.title = `${fresh ? `(${fresh}) ` : ""}${title}`;
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
