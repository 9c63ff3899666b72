// The ground of the map: GeoJSON or PMTiles the city supplies, drawn dark and quiet. Nothing comes from outside.
import { addProtocol } from "maplibre-gl";

const width = (narrow, middle, wide) => [
  "interpolate",
  ["exponential", 1.6],
  ["zoom"],
  10,
  narrow,
  13,
  middle,
  17,
  wide,
];

// Cities name things differently: the first of these that a feature has says what it is.
const KIND = [
  "downcase",
  [
    "to-string",
    [
      "coalesce",
      ["get", "kind"],
      ["get", "class"],
      ["get", "cls"],
      ["get", "type"],
      ["get", "highway"],
      ["get", "natural"],
      ["get", "leisure"],
      ["get", "landuse"],
      ["get", "waterway"],
      "",
    ],
  ],
];
const RANK = [
  "downcase",
  [
    "to-string",
    [
      "coalesce",
      ["get", "cls"],
      ["get", "class"],
      ["get", "rank"],
      ["get", "highway"],
      ["get", "kind_detail"],
      ["get", "kind"],
      "",
    ],
  ],
];
const oneOf = (value, words) => ["match", value, words, true, false];
const shape = (name) => ["==", ["geometry-type"], name];

const WATER = ["water", "river", "lake", "reservoir", "riverbank", "basin", "stream", "canal", "ocean"];
const GREEN = [
  "park",
  "green",
  "grass",
  "wood",
  "forest",
  "cemetery",
  "golf_course",
  "recreation_ground",
  "nature_reserve",
  "garden",
  "pitch",
];
const HIGHWAYS = ["highway", "motorway", "trunk", "motorway_link", "trunk_link", "freeway", "interstate"];
const MAINS = ["major", "main", "primary", "secondary", "major_road", "arterial", "primary_link"];
const STREETS = ["mid", "tertiary", "medium_road", "collector", "unclassified", "street"];
const EDGES = ["boundary", "admin", "city_limit", "limits", "extent"];

/** Layers over one source; with vector tiles, over each of its layers. */
export function groundLayers(ink, sourceLayers, scale) {
  const line = (colour, ...widths) => ({
    "line-color": colour,
    "line-width": width(...widths.map((one) => one * scale)),
  });
  const roadLine = shape("LineString");
  const known = [...WATER, ...EDGES];
  const groups = [
    ["green", "fill", ["all", shape("Polygon"), oneOf(KIND, GREEN)], { "fill-color": ink["map-park"] }],
    [
      "minor",
      "line",
      ["all", roadLine, ["!", oneOf(KIND, known)], ["!", oneOf(RANK, [...HIGHWAYS, ...MAINS, ...STREETS])]],
      line(ink["map-minor"], 0.5, 1, 6),
    ],
    ["street", "line", ["all", roadLine, oneOf(RANK, STREETS)], line(ink["map-street"], 0.6, 1.4, 8)],
    [
      "water",
      "fill",
      ["all", shape("Polygon"), oneOf(KIND, WATER)],
      { "fill-color": ink["map-water"], "fill-outline-color": ink["map-shore"] },
    ],
    ["stream", "line", ["all", roadLine, oneOf(KIND, WATER)], line(ink["map-shore"], 0.8, 1.6, 6)],
    ["main", "line", ["all", roadLine, oneOf(RANK, MAINS)], line(ink["map-main"], 1, 2.2, 11)],
    ["highway-case", "line", ["all", roadLine, oneOf(RANK, HIGHWAYS)], line(ink["map-land"], 3, 5.4, 18)],
    ["highway", "line", ["all", roadLine, oneOf(RANK, HIGHWAYS)], line(ink["map-highway"], 1.6, 3.2, 13)],
    [
      "edge",
      "line",
      ["all", roadLine, oneOf(KIND, EDGES)],
      { ...line(ink["map-edge"], 1, 1.4, 2), "line-dasharray": [3, 3] },
    ],
  ];
  const layers = [];
  for (const [name, type, filter, paint] of groups)
    for (const source of sourceLayers ?? [null]) {
      const layer = { id: source ? `${name}-${source}` : name, type, source: "ground", filter, paint };
      if (type === "line") layer.layout = { "line-cap": "round", "line-join": "round" };
      layers.push(source ? { ...layer, "source-layer": source } : layer);
    }
  return layers;
}

const SITES = ["site", "poi", "camera"];

/** Names of places, written by the browser: there is no server of glyphs. Those of single sites only close by. */
export function placeLayers(ink, sourceLayers, scale) {
  const named = ["all", shape("Point"), ["has", "name"]];
  const label = (id, source, more) => ({
    id: source ? `${id}-${source}` : id,
    type: "symbol",
    source: "ground",
    ...(source && { "source-layer": source }),
    ...more,
  });
  const paint = { "text-color": ink["map-place"], "text-halo-color": ink["map-land"], "text-halo-width": 1.8 };
  const font = { "text-font": ["Inter Variable"], "text-padding": 6 };
  return (sourceLayers ?? [null]).flatMap((source) => [
    label("place", source, {
      filter: [...named, ["!", oneOf(KIND, SITES)]],
      layout: {
        ...font,
        "text-field": ["upcase", ["get", "name"]],
        "text-letter-spacing": 0.12,
        "text-max-width": 7,
        "text-size": ["interpolate", ["linear"], ["zoom"], 10, 11 * scale, 13, 13 * scale, 16, 16 * scale],
      },
      paint,
    }),
    label("site", source, {
      filter: [...named, oneOf(KIND, SITES)],
      layout: {
        ...font,
        "text-anchor": "top",
        "text-field": ["get", "name"],
        "text-offset": [0, 0.9],
        "text-size": 12 * scale,
      },
      minzoom: 14.5,
      paint,
    }),
  ]);
}

/** Read the ground: its source, its layers' names, its bounds `[west, south, east, north]`, null where unknown. */
export async function readGround(basemap) {
  const url = basemap?.url && new URL(basemap.url, location.href).href;
  if (!url) return { source: null, sourceLayers: null, bounds: null };
  if (basemap.kind === "pmtiles") {
    const { PMTiles, Protocol } = await import("pmtiles");
    const protocol = new Protocol();
    const tiles = new PMTiles(url);
    protocol.add(tiles);
    addProtocol("pmtiles", protocol.tile);
    const [head, told] = await Promise.all([tiles.getHeader(), tiles.getMetadata()]);
    const sourceLayers = (told.vector_layers ?? []).map((layer) => layer.id);
    return {
      source: { type: "vector", url: `pmtiles://${url}` },
      sourceLayers,
      bounds: [head.minLon, head.minLat, head.maxLon, head.maxLat],
    };
  }
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) return { source: null, sourceLayers: null, bounds: null };
  const data = await answer.json();
  return {
    source: { type: "geojson", data },
    sourceLayers: null,
    bounds: data.bbox?.length === 4 ? data.bbox : boundsOf(data),
  };
}

function boundsOf(data) {
  const bounds = [180, 90, -180, -90];
  const take = (points) => {
    if (typeof points[0] !== "number") return points.forEach(take);
    bounds[0] = Math.min(bounds[0], points[0]);
    bounds[1] = Math.min(bounds[1], points[1]);
    bounds[2] = Math.max(bounds[2], points[0]);
    bounds[3] = Math.max(bounds[3], points[1]);
  };
  for (const feature of data.features ?? []) if (feature.geometry?.coordinates) take(feature.geometry.coordinates);
  return bounds[0] > bounds[2] ? null : bounds;
}
