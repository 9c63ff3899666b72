// The map beside its legend, fed from the store; loaded after the first paint, because it is the largest part.
import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameraLook, LOOK_WORDS, snoozed } from "../core/words.js";
import { Icon } from "../parts/icons.jsx";
import { makeCityMap } from "./city_map.js";
import { inkOf } from "./marks.js";
import { makePulses } from "./pulses.js";

const CAMERAS_EVERY_MS = 300; // 640 cameras change many times a second; the eye needs less
const CLOSE_ZOOM = 14.4;

const standing = ({ lon_deg: lon, lat_deg: lat }) => ({ lon, lat });
const placed = (thing) => thing && thing.lon_deg !== null && thing.lon_deg !== undefined;

/** Where an alert is: as reported, or where its camera is. */
function placeOf(alert, cameras) {
  if (placed(alert)) return [alert.lon_deg, alert.lat_deg];
  const camera = cameras.get(alert.camera_id);
  return placed(camera) ? [camera.lon_deg, camera.lat_deg] : null;
}

function boundsOf(cameras) {
  const there = [...cameras.values()].filter(placed);
  if (!there.length) return null;
  const sorted = (name) => there.map((camera) => camera[name]).sort((a, b) => a - b);
  const [lons, lats] = [sorted("lon_deg"), sorted("lat_deg")];
  return {
    all: [lons[0], lats[0], lons.at(-1), lats.at(-1)],
    most: [within(lons, 0.02), within(lats, 0.02), within(lons, 0.98), within(lats, 0.98)],
  };
}

const within = (sorted, share) => sorted[Math.round((sorted.length - 1) * share)];

const ORDER = { unknown: 0, live: 1, degraded: 2, lost: 3 };

function cameraSign(camera) {
  const look = cameraLook(camera);
  return {
    ...standing(camera),
    id: camera.camera_id,
    mark: `camera-${camera.owner === "city" ? "city" : "private"}-${look}`,
    over: ORDER[look],
    bearing: camera.bearing_deg ?? undefined,
  };
}

function alertSign(alert, [lon, lat]) {
  const answered = alert.state !== "raised";
  return {
    lon,
    lat,
    id: alert.alert_id,
    mark: `alert-${alert.priority}-${answered ? "answered" : "new"}`,
    over: (answered ? 0 : 10) - alert.rank,
  };
}

/** Keep the signs as the store says; returns what stops it. Only what looks different is drawn anew. */
function follow(signs, desk) {
  const { store, wall } = desk;
  const drawn = new Map();
  const set = (layer, wanted) => {
    const looks = JSON.stringify(wanted);
    if (drawn.get(layer) === looks) return;
    drawn.set(layer, looks);
    signs.set(layer, wanted);
  };
  let timer = null;
  const cameras = () => {
    timer = null;
    set("cameras", [...store.cameras.peek().values()].filter(placed).map(cameraSign));
  };
  cameras();
  const stops = [
    effect(() => {
      store.cameras.value;
      timer ??= setTimeout(cameras, CAMERAS_EVERY_MS);
    }),
    effect(() => {
      const on = [...wall.onWall.value].map((id) => store.cameras.peek().get(id)).filter(placed);
      set(
        "rings",
        on.map((camera) => ({ ...standing(camera), mark: "ring-wall" })),
      );
    }),
    effect(() => {
      const known = store.cameras.peek();
      const open = [...store.alerts.value.values()].filter((alert) => alert.state !== "closed");
      set(
        "alerts",
        open.flatMap((alert) => (placeOf(alert, known) ? [alertSign(alert, placeOf(alert, known))] : [])),
      );
    }),
    effect(() => {
      const place = chosenPlace(desk);
      set("chosen", place ? [{ lon: place[0], lat: place[1], mark: "ring-chosen" }] : []);
    }),
  ];
  return () => (clearTimeout(timer), stops.forEach((stop) => stop()));
}

function chosenPlace(desk) {
  const alert = desk.alert.value;
  const cameras = desk.store.cameras.peek();
  const camera = desk.cameraId.value && cameras.get(desk.cameraId.value);
  return alert ? placeOf(alert, cameras) : placed(camera) ? [camera.lon_deg, camera.lat_deg] : null;
}

/** The map in the colours of the palette; another palette makes another map. */
export default function MapPane({ desk, root }) {
  return <CityMap key={desk.store.settings.value.palette} desk={desk} root={root} />;
}

function CityMap({ desk, root }) {
  const box = useRef();
  const shown = useRef(null);
  const hover = useSignal(null);
  useEffect(() => {
    let gone = false;
    const ends = [];
    start({ desk, root, box: box.current, hover, gone: () => gone, ends }).then((made) => (shown.current = made));
    return () => {
      gone = true;
      ends.reverse().forEach((end) => end());
    };
  }, []);
  const zoom = (by) =>
    shown.current?.map.zoomTo(shown.current.map.getZoom() + by, {
      animate: !desk.store.settings.value.reduced_motion,
    });
  return (
    <>
      <div class="map-box" ref={box} data-testid="map" data-ready="0" />
      <Hover desk={desk} hover={hover} />
      <Legend />
      <div class="zooms" role="group" aria-label="Map">
        <button type="button" aria-label="Closer" title="Closer" onClick={() => zoom(1)}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label="Further" title="Further" onClick={() => zoom(-1)}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label="Whole city" title="Whole city" onClick={() => shown.current?.home()}>
          <Icon name="fit" />
        </button>
      </div>
    </>
  );
}

async function start({ desk, root, box, hover, gone, ends }) {
  const { store } = desk;
  const still = () =>
    store.settings.peek().reduced_motion || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const ink = inkOf(root);
  await document.fonts.load('600 13px "Inter Variable"').catch(() => {});
  const made = await makeCityMap(box, {
    basemap: store.basemap.peek(),
    cameras: boundsOf(store.cameras.peek()),
    ink,
    scale: rem / 14.6,
    still,
  });
  if (gone()) return made.map.remove();
  const { map, signs } = made;
  Object.assign(store.probe, { map, signs });
  const sizes = new ResizeObserver(() => map.resize());
  sizes.observe(box);
  ends.push(
    () => map.remove(),
    () => sizes.disconnect(),
    follow(signs, desk),
  );
  const pulses = makePulses(map, box, () => pulsing(desk));
  ends.push(
    pulses.stop,
    effect(() => void (store.alerts.value, pulses.renew())),
  );
  ends.push(
    effect(() => {
      const alert = desk.alert.value;
      const place = alert && placeOf(alert, store.cameras.peek());
      if (!place) return;
      const padding = { right: root.querySelector(".dock")?.offsetWidth ?? 0, top: 0, left: 0, bottom: 0 };
      map.easeTo({
        center: place,
        zoom: Math.max(map.getZoom(), CLOSE_ZOOM),
        padding,
        duration: still() ? 0 : 500,
      });
    }),
  );
  listen(map, signs, desk, hover);
  map.once("idle", () => (box.dataset.ready = "1"));
  box.querySelector("canvas").setAttribute("aria-label", "Map of cameras and alerts");
  return made;
}

/** Where a P1 waits for somebody. */
function pulsing(desk) {
  const cameras = desk.store.cameras.peek();
  return [...desk.store.alerts.peek().values()]
    .filter(
      (alert) =>
        alert.state === "raised" &&
        alert.priority === "P1" &&
        !snoozed(alert, desk.store.clock.now()) &&
        placeOf(alert, cameras),
    )
    .map((alert) => [alert.alert_id, ...placeOf(alert, cameras)]);
}

function listen(map, signs, desk, hover) {
  map.on("click", (event) => {
    const found = signs.under(event.point);
    if (!found) return;
    if (found.layer === "alerts") desk.pick(desk.store.alerts.peek().get(found.id));
    else desk.pickCamera(found.id);
  });
  map.on("dblclick", (event) => {
    const found = signs.under(event.point);
    if (found?.layer !== "cameras") return;
    event.preventDefault();
    desk.toWall(found.id);
  });
  map.on("mousemove", (event) => {
    const found = signs.under(event.point);
    map.getCanvas().style.cursor = found ? "pointer" : "";
    const same = hover.peek()?.id === found?.id;
    if (!same) hover.value = found ? { ...found, x: event.point.x, y: event.point.y } : null;
  });
  map.on("mouseout", () => (hover.value = null));
}

function Hover({ desk, hover }) {
  const at = hover.value;
  if (!at) return null;
  const alert = at.layer === "alerts" && desk.store.alerts.value.get(at.id);
  const camera = at.layer === "cameras" && desk.store.cameras.value.get(at.id);
  if (!alert && !camera) return null;
  const owner = camera && (camera.owner === "city" ? "City" : "Partner");
  return (
    <div class="hover" style={{ left: `${at.x}px`, top: `${at.y}px` }} role="tooltip">
      <b>{alert ? `${alert.priority} ${alert.title}` : camera.name}</b>
      <span>
        {alert
          ? (alert.camera_name ?? alert.source)
          : `${camera.camera_id} · ${owner} · ${LOOK_WORDS[cameraLook(camera)]}`}
      </span>
    </div>
  );
}

const SIGNS = [
  ["city", "City"],
  ["partner", "Partner"],
  ["degraded", "Degraded"],
  ["lost", "Lost"],
  ["unknown", "Not watched"],
  ["on-wall", "On the wall"],
];

const Legend = () => (
  <ul class="legend" aria-label="Signs on the map">
    {SIGNS.map(([sign, words]) => (
      <li key={sign}>
        <svg class={`sign ${sign}`} viewBox="-9 -9 18 18" aria-hidden="true">
          <Sign sign={sign} />
        </svg>
        {words}
      </li>
    ))}
  </ul>
);

function Sign({ sign }) {
  if (sign === "partner") return <path d="M0-6.5 6.5 0 0 6.5-6.5 0Z" class="full" />;
  if (sign === "degraded")
    return (
      <>
        <circle r="5.4" class="hollow" />
        <path d="M-5.4 0a5.4 5.4 0 0 0 10.8 0Z" class="full" />
      </>
    );
  if (sign === "lost")
    return (
      <>
        <circle r="5.4" class="hollow" />
        <path d="M-2.6-2.6 2.6 2.6M-2.6 2.6 2.6-2.6" class="hollow" />
      </>
    );
  if (sign === "on-wall")
    return (
      <>
        <circle r="7.6" class="hollow" />
        <circle r="3.4" class="full" />
      </>
    );
  return <circle r="5.4" class={sign === "city" ? "full" : "hollow"} />;
}
