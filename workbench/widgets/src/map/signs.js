// Cameras, alerts and rings, on a canvas over the ground: the ground, which is dear, is drawn anew only when the
// view moves; these change all day.
import { makeMarks } from "./marks.js";

const WEDGE_ZOOM = 14.2; // below that, fields of view would cover each other
const REACH_PX = 5;

/** Which signs there are, from the lowest up, and how large they are at zooms 10, 13 and 16.5. */
const LAYERS = {
  wedges: [0.4, 0.7, 1.5],
  rings: [0.6, 0.8, 1.25],
  cameras: [0.58, 0.78, 1.3],
  alerts: [0.72, 0.95, 1.25],
  chosen: [0.75, 0.95, 1.3],
};
const ZOOMS = [10, 13, 16.5];

function grown(zoom, sizes) {
  if (zoom <= ZOOMS[0]) return sizes[0];
  if (zoom >= ZOOMS[2]) return sizes[2];
  const at = zoom < ZOOMS[1] ? 0 : 1;
  const share = (zoom - ZOOMS[at]) / (ZOOMS[at + 1] - ZOOMS[at]);
  return sizes[at] + share * (sizes[at + 1] - sizes[at]);
}

/** A sign stands at a place: `{ id, lon, lat, mark, over, bearing }`, the higher `over` the later drawn. */
export class Signs {
  constructor(map, ink, scale) {
    this.map = map;
    this.scale = scale;
    this.marks = makeMarks(ink);
    this.scaled = new Map();
    this.layers = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, []]));
    this.canvas = document.createElement("canvas");
    this.canvas.className = "signs";
    this.canvas.setAttribute("aria-hidden", "true");
    map.getCanvasContainer().append(this.canvas);
    this.pen = this.canvas.getContext("2d");
    this.due = 0;
    // In step with the ground: where it is slow, signs would else run ahead of their streets.
    map.on("render", () => this.draw());
  }

  /** Show these in a layer, and nothing else there. */
  set(layer, signs) {
    this.layers[layer] = signs.toSorted((a, b) => (a.over ?? 0) - (b.over ?? 0));
    if (layer === "cameras") this.layers.wedges = signs.filter((sign) => sign.bearing !== undefined);
    this.due ||= requestAnimationFrame(() => this.draw());
  }

  /** What stands under a point of the map, `{ layer, id }` or null: alerts before cameras, the highest first. */
  under(at) {
    for (const layer of ["alerts", "cameras"]) {
      const size = this.size(layer);
      const near = ({ lon, lat, mark }) => {
        const place = this.map.project([lon, lat]);
        return Math.hypot(place.x - at.x, place.y - at.y) < (this.marks[mark].width * size) / 3 + REACH_PX;
      };
      const found = this.layers[layer].findLast(near);
      if (found) return { layer, id: found.id };
    }
    return null;
  }

  size(layer) {
    return grown(this.map.getZoom(), LAYERS[layer]) * this.scale;
  }

  draw() {
    cancelAnimationFrame(this.due);
    this.due = 0;
    this.fit();
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.map.getZoom() >= WEDGE_ZOOM) this.layers.wedges.forEach((sign) => this.wedge(sign));
    for (const layer of ["rings", "cameras", "alerts", "chosen"]) {
      const size = this.size(layer);
      for (const sign of this.layers[layer]) this.put(sign, this.image(sign.mark, size));
    }
  }

  /** Be as large as the map, in the screen's own pixels. */
  fit() {
    const { clientWidth, clientHeight } = this.map.getCanvas();
    this.ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [clientWidth, clientHeight].map((size) => Math.round(size * this.ratio));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  place({ lon, lat }) {
    const { x, y } = this.map.project([lon, lat]);
    return [x * this.ratio, y * this.ratio];
  }

  put(sign, image) {
    const [x, y] = this.place(sign);
    this.pen.drawImage(image, Math.round(x - image.width / 2), Math.round(y - image.height / 2));
  }

  wedge(sign) {
    const image = this.image("wedge", this.size("wedges"));
    this.pen.save();
    this.pen.translate(...this.place(sign));
    this.pen.rotate(((sign.bearing - this.map.getBearing()) * Math.PI) / 180);
    this.pen.drawImage(image, -image.width / 2, -image.height / 2);
    this.pen.restore();
  }

  /** A mark at that size, made once for each size in whole pixels. */
  image(mark, size) {
    const { width, canvas } = this.marks[mark];
    const px = Math.max(1, Math.round(width * size * this.ratio));
    const key = `${mark} ${px}`;
    if (!this.scaled.has(key)) this.scaled.set(key, shrunk(canvas, px));
    return this.scaled.get(key);
  }
}

function shrunk(canvas, px) {
  const small = new OffscreenCanvas(px, px);
  const pen = small.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(canvas, 0, 0, px, px);
  return small;
}
