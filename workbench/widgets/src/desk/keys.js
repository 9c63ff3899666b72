// The keyboard: one key a gesture, none while a person writes or a dialog is open.
import { stepBy } from "./gestures.js";

/** Keys with their meaning; those of the operations page first. */
export const KEYS = [
  ["J", "next alert"],
  ["K", "previous alert"],
  ["A", "acknowledge"],
  ["V", "verify the plate"],
  ["S", "assign to me"],
  ["O", "on scene"],
  ["C", "close with outcome"],
  ["E", "escalate"],
  ["Z", "snooze"],
  ["W", "put the camera on the wall"],
  ["R", "replay"],
  ["1", "wall of 4"],
  ["2", "wall of 9"],
  ["3", "wall of 16"],
  ["M", "map, wall, or both"],
  ["/", "filter the queue"],
  ["N", "new alert by hand"],
  ["H", "hand-over"],
  ["?", "these keys"],
  ["Esc", "back"],
];

const EVERYWHERE = ["N", "H", "?", "Esc"];

export const keysOf = (page) => KEYS.filter(([key]) => page === "operations" || EVERYWHERE.includes(key));

const STEPS = { a: "acknowledge", v: "verify", s: "assign", o: "on_scene", c: "close", e: "escalate", z: "snooze" };
const SIZES = { 1: 4, 2: 9, 3: 16 };
const VIEWS = { split: "wall", wall: "map", map: "split" };

const writing = (target) =>
  target?.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

/** Listen on the page (or, inside a notebook, on the widget alone); returns what stops it. */
export function listen(desk, root) {
  const where = document.documentElement.classList.contains("rtcc-page") ? window : root;
  const hear = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape") return back(desk, event);
    if (!desk.keys.value || desk.dialog.value || writing(event.target)) return;
    if (gesture(desk, event.key.toLowerCase(), root)) event.preventDefault();
  };
  where.addEventListener("keydown", hear);
  return () => where.removeEventListener("keydown", hear);
}

function back(desk, event) {
  if (desk.dialog.value) desk.dialog.value = null;
  else if (desk.replay.value) desk.replay.value = null;
  else if (writing(event.target)) {
    desk.words.value = "";
    event.target.blur();
  } else {
    desk.alertId.value = desk.cameraId.value = null;
  }
}

function gesture(desk, key, root) {
  if (key === "n") desk.can("note") && desk.open("raise");
  else if (key === "h") desk.open("handover");
  else if (key === "?") desk.open("help");
  else return desk.page === "operations" && operating(desk, key, root);
  return true;
}

function operating(desk, key, root) {
  const alert = desk.alert.value;
  if (key === "j" || key === "k") desk.move(key === "j" ? 1 : -1);
  else if (STEPS[key]) alert && stepBy(desk, alert, STEPS[key]);
  else if (SIZES[key]) desk.wall.resize(SIZES[key]);
  else if (key === "w") desk.cameraId.value && desk.toWall(desk.cameraId.value);
  else if (key === "r") replay(desk);
  else if (key === "m") desk.show(VIEWS[desk.view.value]);
  else if (key === "/") root.querySelector("[data-testid=filter-words]")?.focus();
  else return false;
  return true;
}

/** Replay the camera in hand, or the whole wall. */
export function replay(desk) {
  const { alert, camera, wall } = desk;
  const cameraIds = camera.value ? [camera.value.camera_id] : [...wall.onWall.value];
  if (cameraIds.length) desk.replay.value = { cameraIds, aroundAt: alert.value?.onset_at ?? null };
}
