// One camera's recorded minutes in a video element: told an instant, it shows that instant, or that there is none.
import Hls from "hls.js/dist/hls.light.mjs";
import { signal } from "@preact/signals";
import { playlistUrl } from "../core/api.js";

const OFF_S = 0.35; // further from where it should be: jump instead of drifting there
const NUDGE = 0.06;

export class Track {
  constructor(video, cameraId, sinceMs, untilMs) {
    this.video = video;
    /** Recorded stretches `[fromMs, untilMs]`. */
    this.pieces = signal([]);
    /** `loading`, `ready`, `none` (nothing recorded) or `failed`. */
    this.state = signal("loading");
    /** True where nothing was recorded at the instant asked for. */
    this.gap = signal(false);
    this.why = signal("");
    this.map = [];
    const hls = (this.hls = new Hls({
      autoStartLoad: true,
      backBufferLength: 60,
      enableWorker: false,
      maxBufferLength: 30,
      startPosition: 0,
    }));
    hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => this.learn(details.fragments));
    hls.on(Hls.Events.ERROR, (_, told) => this.failed(told));
    hls.loadSource(playlistUrl(cameraId, new Date(sinceMs).toISOString(), new Date(untilMs).toISOString()));
    hls.attachMedia(video);
    video.muted = true;
  }

  /** From the playlist: which stretch of the stream was recorded when. */
  learn(fragments) {
    this.map = fragments
      .filter((one) => one.programDateTime !== null)
      .map((one) => ({
        from: one.programDateTime,
        until: one.programDateTime + one.duration * 1000,
        start: one.start,
      }));
    const pieces = [];
    for (const { from, until } of this.map) {
      const last = pieces.at(-1);
      if (last && from - last[1] < 500) last[1] = until;
      else pieces.push([from, until]);
    }
    this.pieces.value = pieces;
    this.state.value = pieces.length ? "ready" : "none";
  }

  failed(told) {
    if (!told.fatal) return;
    if (told.type === Hls.ErrorTypes.MEDIA_ERROR) return this.hls.recoverMediaError();
    const status = told.response?.code;
    this.state.value = status === 404 ? "none" : "failed";
    this.why.value =
      status === 403
        ? "You may not watch this camera."
        : status === 404
          ? ""
          : "Its recording cannot be had just now.";
  }

  /** Show the instant `atMs`, at that speed; 0 stands still. */
  show(atMs, speed) {
    const { video } = this;
    const piece = this.map.find(({ from, until }) => from <= atMs && atMs < until);
    this.gap.value = this.state.value === "ready" && !piece;
    if (!piece) return void video.pause();
    const wanted = piece.start + (atMs - piece.from) / 1000;
    const off = wanted - video.currentTime;
    if (Math.abs(off) > (speed ? OFF_S * Math.max(1, speed) : 0.02)) video.currentTime = wanted;
    if (!speed) return void video.pause();
    video.playbackRate = Math.max(0.1, speed * (1 + Math.max(-NUDGE, Math.min(NUDGE, off))));
    if (video.paused) video.play().catch(() => {});
  }

  /** True where its picture has to be waited for. */
  get busy() {
    return (
      this.state.value === "loading" ||
      (this.state.value === "ready" && !this.gap.value && (this.video.seeking || this.video.readyState < 2))
    );
  }

  stop() {
    this.hls.destroy();
  }
}
