// What needs a person pulses, on a canvas of its own: the map is drawn anew only when something on it changed.
const EVERY_MS = 66;
const LASTS_MS = 1700;

export function makePulses(map, element, { wanted, still }) {
  const canvas = document.createElement("canvas");
  canvas.className = "pulses";
  canvas.setAttribute("aria-hidden", "true");
  element.append(canvas);
  const pen = canvas.getContext("2d");
  const draw = () => {
    if (document.hidden) return;
    const { clientWidth: width, clientHeight: height } = element;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    else pen.clearRect(0, 0, width, height);
    if (still()) return;
    const phase = (performance.now() % LASTS_MS) / LASTS_MS;
    for (const { lon, lat, colour, reach } of wanted()) {
      const at = map.project([lon, lat]);
      pen.beginPath();
      pen.arc(at.x, at.y, reach * (0.45 + 0.55 * phase), 0, 2 * Math.PI);
      pen.strokeStyle = colour;
      pen.globalAlpha = 0.8 * (1 - phase);
      pen.lineWidth = 2;
      pen.stroke();
    }
  };
  // A timer, not every frame: fifteen a second look smooth and cost little.
  const timer = setInterval(() => {
    if (wanted().length || canvas.dataset.drawn) {
      draw();
      canvas.dataset.drawn = wanted().length && !still() ? "1" : "";
    }
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    canvas.remove();
  };
}
