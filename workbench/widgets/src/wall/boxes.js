// What the page reads of MP4: the clock of a track, and the decode time of a fragment.
const code = (name) => [...name].reduce((all, letter) => all * 256 + letter.charCodeAt(0), 0);
const MDHD = code("mdhd");
const TFDT = code("tfdt");

/** Position of the first box of that name, behind its name; -1 where there is none. */
function after(view, name) {
  for (let at = 4; at + 4 <= view.byteLength; at++) if (view.getUint32(at) === name) return at + 4;
  return -1;
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Ticks a second of the (one) track that an init segment describes. */
export function ticksPerSecond(bytes) {
  const view = viewOf(bytes);
  const at = after(view, MDHD);
  if (at < 0) return 90000;
  return view.getUint32(at + (view.getUint8(at) === 1 ? 20 : 12));
}

/** Decode time of a fragment's first frame, ticks; null where it says none. */
export function decodeTicks(bytes) {
  const view = viewOf(bytes.subarray(0, 400)); // it stands in the moof, ahead of every picture
  const at = after(view, TFDT);
  if (at < 0) return null;
  return view.getUint8(at) === 1 ? Number(view.getBigUint64(at + 4)) : view.getUint32(at + 4);
}
