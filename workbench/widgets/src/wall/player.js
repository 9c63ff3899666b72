// One endless MP4 in a video element: appended as it comes, played close to its end, trimmed behind.
import { decodeTicks, ticksPerSecond } from "./boxes.js";
import { Shown } from "./shown.js";

const TARGET_S = 0.1; // behind the newest frame; raised for a camera whose frames come in bursts
const TARGET_MOST_S = 0.8;
const SEEK_PAST_S = 1.5; // further behind than that, catching up by speed takes too long to look live
const FASTEST = 1.1; // more is seen as hurry
const KEEP_BEHIND_S = 4;
const MOST_QUEUED = 400;

export class Player {
  constructor(video, { onFrame, onBroken }) {
    this.video = video;
    this.onFrame = onFrame;
    this.onBroken = onBroken;
    this.shown = new Shown();
    this.target = TARGET_S;
    this.queue = [];
    this.broken = () => this.onBroken(video.error?.message || "the picture could not be decoded");
    this.waiting = () => this.stalled();
    video.addEventListener("error", this.broken);
    video.addEventListener("waiting", this.waiting);
    this.frame = (_, told) => {
      if (!this.video) return;
      const us = this.shown.at(told.mediaTime);
      if (us !== null) this.onFrame(us);
      this.asked = video.requestVideoFrameCallback(this.frame);
    };
  }

  /** A new stream begins; what there was is forgotten. */
  begin(mime, head) {
    this.unload();
    this.ticks = ticksPerSecond(head);
    this.queue = [head];
    const media = (this.media = new MediaSource());
    this.url = URL.createObjectURL(media);
    media.onsourceopen = () => {
      if (this.media !== media) return;
      try {
        this.buffer = media.addSourceBuffer(mime);
      } catch {
        this.onBroken(`this browser cannot show ${mime}`);
        return;
      }
      this.buffer.onupdateend = () => this.append();
      this.append();
    };
    this.video.src = this.url;
    this.asked = this.video.requestVideoFrameCallback(this.frame);
  }

  /** Take a frame seen at `us`, µs since 1970. */
  push(us, bytes) {
    const ticks = decodeTicks(bytes);
    if (ticks !== null) this.shown.add(ticks / this.ticks, us);
    this.queue.push(bytes);
    if (this.queue.length > MOST_QUEUED) this.onBroken("frames come faster than they can be shown");
    else this.append();
  }

  append() {
    const { buffer, queue } = this;
    if (!buffer || buffer.updating || !queue.length || this.media.readyState !== "open") return;
    const bytes = queue.length === 1 ? queue[0] : joined(queue);
    queue.length = 0;
    try {
      buffer.appendBuffer(bytes);
    } catch (error) {
      this.onBroken(error.message);
    }
  }

  /** Stay close to the newest frame; called a few times a second. */
  chase() {
    const { video, buffer } = this;
    if (!buffer || !this.media || this.media.readyState !== "open") return;
    const { buffered } = buffer;
    if (!buffered.length) return;
    const end = buffered.end(buffered.length - 1);
    const first = buffered.start(buffered.length - 1);
    const lag = end - video.currentTime;
    if (video.currentTime < first || lag > SEEK_PAST_S + this.target)
      video.currentTime = Math.max(first, end - this.target);
    const behind = lag - this.target;
    video.playbackRate = behind > 0.4 ? FASTEST : behind > 0.12 ? 1.04 : 1;
    if (video.paused) video.play().catch(() => {});
    if (!buffer.updating && buffered.start(0) < video.currentTime - 2 * KEEP_BEHIND_S)
      buffer.remove(0, video.currentTime - KEEP_BEHIND_S);
    this.target = Math.max(TARGET_S, this.target - 0.002);
  }

  stalled() {
    this.target = Math.min(TARGET_MOST_S, this.target + 0.03);
  }

  unload() {
    const { video } = this;
    if (this.asked) video.cancelVideoFrameCallback(this.asked);
    this.asked = 0;
    if (this.media) this.media.onsourceopen = null;
    if (this.buffer) this.buffer.onupdateend = null;
    this.media = this.buffer = null;
    this.queue.length = 0;
    this.shown.clear();
    if (this.url) {
      URL.revokeObjectURL(this.url);
      this.url = null;
    }
  }

  stop() {
    const { video } = this;
    video.removeEventListener("error", this.broken);
    video.removeEventListener("waiting", this.waiting);
    this.unload();
    video.removeAttribute("src");
    video.load();
    this.video = null;
  }
}

function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}
