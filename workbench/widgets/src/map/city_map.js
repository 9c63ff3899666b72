// The map itself: the ground, and the signs over it. It is told what to show; it knows no store.
import { Map as Ground, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { groundLayers, placeLayers, readGround } from "./basemap.js";
import { Signs } from "./signs.js";

setWorkerUrl(new URL(`/assets/${MAP_WORKER}`, location.href).href);

const FAR_ZOOM = 9;
const NEAR_ZOOM = 17.5;
const GRID_DEG = 0.02;

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
  return {
    map,
    signs: new Signs(map, ink, scale),
    home: () => map.fitBounds(around(first, 0.04), { animate: !still() }),
  };
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
    ...(ground.source ? placeLayers(ink, ground.sourceLayers, scale) : []),
  ];
  return { version: 8, sources, layers };
}
