// A camera by HLS, where its tap will not do: seconds behind, but it goes through anything.
import Hls from "hls.js/dist/hls.light.mjs";
import { playlistUrl } from "../core/api.js";

export function watchSlower(video, cameraId, { onFrame, onBroken }) {
  const hls = new Hls({ backBufferLength: 4, enableWorker: false, liveSyncDurationCount: 1, maxBufferLength: 8 });
  const look = setInterval(() => {
    const at = hls.playingDate;
    if (at) onFrame(at.getTime() * 1000);
  }, 250);
  hls.on(Hls.Events.ERROR, (_, told) => {
    if (!told.fatal) return;
    if (told.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else onBroken(told.details);
  });
  hls.loadSource(playlistUrl(cameraId));
  hls.attachMedia(video);
  video.play().catch(() => {});
  return () => {
    clearInterval(look);
    hls.destroy();
  };
}
