// The map itself: ground, cameras, alerts, rings. It is told what to show; it knows no store.
import { Map as Ground, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { groundLayers, placeLayers, readGround } from "./basemap.js";
import { addMarks } from "./marks.js";

setWorkerUrl(new URL(`/assets/${MAP_WORKER}`, location.href).href);

const EMPTY = { type: "FeatureCollection", features: [] };
const FAR_ZOOM = 9;
const NEAR_ZOOM = 17.5;
const WEDGE_ZOOM = 14.2; // below that, fields of view would cover each other
const GRID_DEG = 0.02;

const grows = (by, far, middle, near) => [
  "interpolate",
  ["linear"],
  ["zoom"],
  10,
  far * by,
  13,
  middle * by,
  16.5,
  near * by,
];

export const points = (features) => ({ type: "FeatureCollection", features });
export const point = (lon, lat, properties) => ({
  type: "Feature",
  properties,
  geometry: { type: "Point", coordinates: [lon, lat] },
});

/** Bounds with a margin of that share of their size on every side. */
function around([west, south, east, north], share) {
  const x = Math.max(0.01, (east - west) * share);
  const y = Math.max(0.01, (north - south) * share);
  return [west - x, south - y, east + x, north + y];
}

const united = (a, b) =>
  a && b ? [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])] : (a ?? b);

/** Beyond the ground's edge: a faint grid, so that the city ends in a plan and not in nothing. */
function beyond(bounds) {
  const [west, south, east, north] = around(bounds, 3).map((deg) => Math.round(deg / GRID_DEG) * GRID_DEG);
  const lines = [];
  for (let lon = west; lon <= east; lon += GRID_DEG)
    lines.push([
      [lon, south],
      [lon, north],
    ]);
  for (let lat = south; lat <= north; lat += GRID_DEG)
    lines.push([
      [west, lat],
      [east, lat],
    ]);
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } };
}

const frame = ([west, south, east, north]) => ({
  type: "Feature",
  properties: {},
  geometry: {
    type: "Polygon",
    coordinates: [
      [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ],
    ],
  },
});

/** Make the map in `element`; where most cameras are is shown first. Resolves when it can be drawn on. */
export async function makeCityMap(element, { basemap, cameras, ink, scale, still }) {
  const ground = await readGround(basemap).catch(() => ({ source: null, sourceLayers: null, bounds: null }));
  const whole = united(ground.bounds, cameras?.all) ?? [-180, -60, 180, 75];
  const first = cameras?.most ?? whole;
  const map = new Ground({
    attributionControl: false,
    bounds: around(first, 0.04),
    container: element,
    dragRotate: false,
    fadeDuration: 0,
    maxBounds: around(whole, 0.35),
    maxZoom: NEAR_ZOOM,
    minZoom: FAR_ZOOM,
    pitchWithRotate: false,
    pixelRatio: Math.min(devicePixelRatio, 2),
    style: style(ground, whole, ink, scale),
    touchPitch: false,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-right");
  await new Promise((ready) => map.once("load", ready));
  addMarks(map, ink);
  addThings(map, scale);
  // Names stand above the cameras, and below what must be answered.
  if (ground.source)
    for (const layer of placeLayers(ink, ground.sourceLayers, scale)) map.addLayer(layer, "alerts");
  return { map, home: () => map.fitBounds(around(first, 0.04), { animate: !still() }) };
}

function style(ground, whole, ink, scale) {
  const sources = {
    beyond: { type: "geojson", data: beyond(whole) },
    frame: { type: "geojson", data: frame(whole) },
  };
  if (ground.source) sources.ground = ground.source;
  const layers = [
    { id: "land", type: "background", paint: { "background-color": ink["map-land"] } },
    { id: "beyond", type: "line", source: "beyond", paint: { "line-color": ink["map-minor"], "line-width": 0.8 } },
    { id: "frame", type: "fill", source: "frame", paint: { "fill-color": ink["map-land"] } },
    ...(ground.source ? groundLayers(ink, ground.sourceLayers, scale) : []),
    {
      id: "frame-line",
      type: "line",
      source: "frame",
      paint: { "line-color": ink["map-edge"], "line-width": 1.2, "line-dasharray": [4, 3] },
    },
  ];
  return { version: 8, sources, layers };
}

function addThings(map, scale) {
  for (const name of ["cameras", "rings", "alerts", "chosen"])
    map.addSource(name, { type: "geojson", data: EMPTY });
  const over = { "icon-allow-overlap": true, "icon-ignore-placement": true };
  const symbol = (id, source, layout, more) =>
    map.addLayer({ id, type: "symbol", source, layout: { ...over, ...layout }, ...more });
  const turned = {
    "icon-image": "wedge",
    "icon-rotate": ["get", "bearing"],
    "icon-rotation-alignment": "map",
    "icon-size": grows(scale, 0.4, 0.7, 1.5),
  };
  symbol("wedges", "cameras", turned, { minzoom: WEDGE_ZOOM, filter: ["has", "bearing"] });
  symbol("rings", "rings", { "icon-image": "ring-wall", "icon-size": grows(scale, 0.6, 0.8, 1.25) });
  symbol("cameras", "cameras", {
    "icon-image": ["get", "mark"],
    "icon-size": grows(scale, 0.58, 0.78, 1.3),
    "symbol-sort-key": ["get", "over"],
  });
  symbol("alerts", "alerts", {
    "icon-image": ["get", "mark"],
    "icon-size": grows(scale, 0.72, 0.95, 1.25),
    "symbol-sort-key": ["get", "over"],
  });
  symbol("chosen", "chosen", { "icon-image": "ring-chosen", "icon-size": grows(scale, 0.75, 0.95, 1.3) });
}

/** What stands under a point of the screen: alerts before cameras. */
export function under(map, at) {
  const reach = 5;
  const box = [
    [at.x - reach, at.y - reach],
    [at.x + reach, at.y + reach],
  ];
  for (const layer of ["alerts", "cameras"]) {
    const [found] = map.queryRenderedFeatures(box, { layers: [layer] });
    if (found) return { layer, id: found.properties.id };
  }
  return null;
}
