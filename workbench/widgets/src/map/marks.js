// What stands on the map, drawn once each: cameras told apart by shape as well as colour, alerts by numeral.
const SCALE = 3; // drawn that much larger, so that they stay sharp up to 4K

function drawn(size, draw) {
  const canvas = new OffscreenCanvas(size * SCALE, size * SCALE);
  const pen = canvas.getContext("2d");
  pen.scale(SCALE, SCALE);
  pen.translate(size / 2, size / 2);
  pen.lineJoin = pen.lineCap = "round";
  draw(pen);
  return { width: size, canvas };
}

const circle = (pen, r) => (pen.beginPath(), pen.arc(0, 0, r, 0, 2 * Math.PI));
const square = (pen, r) => (pen.beginPath(), pen.rect(-r, -r, 2 * r, 2 * r));

function diamond(pen, r) {
  pen.beginPath();
  for (const [x, y] of [
    [0, -r],
    [r, 0],
    [0, r],
    [-r, 0],
  ])
    pen.lineTo(x, y);
  pen.closePath();
}

function octagon(pen, r) {
  pen.beginPath();
  for (let at = 0; at < 8; at++) {
    const angle = Math.PI / 8 + (at * Math.PI) / 4;
    pen.lineTo(r * Math.cos(angle), r * Math.sin(angle));
  }
  pen.closePath();
}

/** City cameras are round, private ones diamonds; live ones full, degraded half, lost crossed, others hollow. */
function camera(owner, look, ink) {
  const shape = owner === "city" ? circle : diamond;
  const r = owner === "city" ? 5 : 6;
  const colour =
    look === "degraded" ? ink.warn : look === "lost" ? ink.bad : owner === "city" ? ink.city : ink.partner;
  return drawn(18, (pen) => {
    shape(pen, r + 1.6);
    pen.fillStyle = ink.ground;
    pen.fill();
    shape(pen, r);
    pen.lineWidth = 1.7;
    pen.strokeStyle = pen.fillStyle = colour;
    if (look === "live") pen.fill();
    else if (look === "degraded") {
      pen.stroke();
      pen.save();
      pen.clip();
      pen.fillRect(-9, 0, 18, 9);
      pen.restore();
    } else {
      if (look === "unknown") pen.globalAlpha = 0.75;
      pen.stroke();
      if (look !== "lost") return;
      pen.beginPath();
      for (const [x, y] of [
        [-1, -1],
        [1, 1],
      ])
        pen.lineTo(x * 2.6, y * 2.6);
      pen.moveTo(-2.6, 2.6);
      pen.lineTo(2.6, -2.6);
      pen.stroke();
    }
  });
}

/** P1 is an octagon, P2 a diamond on its side, P3 a circle; full until somebody has it, hollow then. */
function alert(priority, answered, ink) {
  const colour = ink[priority.toLowerCase()];
  const shape = priority === "P1" ? octagon : priority === "P2" ? square : circle;
  const r = priority === "P1" ? 11 : priority === "P2" ? 8.5 : 9;
  return drawn(30, (pen) => {
    shape(pen, r + 1.8);
    pen.fillStyle = ink.ground;
    pen.fill();
    shape(pen, r);
    pen.lineWidth = 2;
    pen.strokeStyle = pen.fillStyle = colour;
    if (answered) pen.stroke();
    else pen.fill();
    pen.fillStyle = answered ? ink.text : ink.on;
    pen.font = `700 12.5px "Inter Variable", sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(priority[1], 0, 0.8);
  });
}

function ring(width, r, colour) {
  return drawn(44, (pen) => {
    circle(pen, r);
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.stroke();
  });
}

/** The field of view of a camera that looks north: turned on the map by its bearing. */
function wedge(colour) {
  return drawn(96, (pen) => {
    const fade = pen.createRadialGradient(0, 0, 4, 0, 0, 46);
    fade.addColorStop(0, `${colour}88`);
    fade.addColorStop(1, `${colour}00`);
    pen.beginPath();
    pen.moveTo(0, 0);
    pen.arc(0, 0, 46, -Math.PI / 2 - 0.5, -Math.PI / 2 + 0.5);
    pen.closePath();
    pen.fillStyle = fade;
    pen.fill();
  });
}

/** Every mark by its name: `{ width, canvas }`, the width in CSS pixels at size 1, the canvas larger by `SCALE`. */
export function makeMarks(ink) {
  const marks = {
    "ring-wall": ring(1.8, 10, ink.text),
    "ring-chosen": ring(2.6, 17, ink.text),
    wedge: wedge(ink.city),
  };
  for (const owner of ["city", "private"])
    for (const look of ["live", "degraded", "lost", "unknown"])
      marks[`camera-${owner}-${look}`] = camera(owner, look, ink);
  for (const priority of ["P1", "P2", "P3"]) {
    marks[`alert-${priority}-new`] = alert(priority, false, ink);
    marks[`alert-${priority}-answered`] = alert(priority, true, ink);
  }
  return marks;
}

/** The page's colours, as the palette has them now. */
export function inkOf(root) {
  const style = getComputedStyle(root);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["bad", "city", "ground", "on", "p1", "p2", "p3", "partner", "text", "warn"];
  const map = ["land", "water", "shore", "park", "minor", "street", "main", "highway", "place", "edge"];
  return Object.fromEntries([...names, ...map.map((name) => `map-${name}`)].map((name) => [name, of(name)]));
}
