// What needs a person pulses, in small elements over the map: the map itself is drawn anew only when it changed.

/** Keep a ring at each place that `wanted()` gives as `[key, lon, lat]`; `renew` after they changed. */
export function makePulses(map, element, wanted) {
  const layer = document.createElement("div");
  layer.className = "pulses";
  layer.setAttribute("aria-hidden", "true");
  element.append(layer);
  const rings = new Map();
  const place = () => {
    for (const { ring, lon, lat } of rings.values()) {
      const at = map.project([lon, lat]);
      ring.style.translate = `${Math.round(at.x)}px ${Math.round(at.y)}px`;
    }
  };
  const renew = () => {
    const now = new Map(wanted().map(([key, lon, lat]) => [key, { lon, lat }]));
    for (const [key, { ring }] of rings)
      if (!now.has(key)) {
        ring.remove();
        rings.delete(key);
      }
    for (const [key, { lon, lat }] of now) {
      const ring = rings.get(key)?.ring ?? layer.appendChild(document.createElement("i"));
      rings.set(key, { ring, lon, lat });
    }
    place();
  };
  map.on("move", place);
  map.on("resize", place);
  return { renew, stop: () => layer.remove() };
}
