// Which instant the picture shown is of: fragments say when their frame was seen, the video says which it shows.
const KEPT = 900;

export class Shown {
  constructor() {
    this.clear();
  }

  clear() {
    this.marks = [];
  }

  /** A frame at `mediaS` of the stream was seen at `us`, µs since 1970. */
  add(mediaS, us) {
    this.marks.push([mediaS, us]);
    if (this.marks.length > KEPT) this.marks.splice(0, KEPT / 3);
  }

  /** Instant of the frame shown at `mediaS`, µs; null before any frame. */
  at(mediaS) {
    const { marks } = this;
    let low = 0;
    let high = marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (marks[middle][0] <= mediaS + 0.002) low = middle + 1;
      else high = middle;
    }
    return low ? marks[low - 1][1] : null;
  }
}
