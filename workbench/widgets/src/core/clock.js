// What time it is at the gateway: a page's own clock may be wrong by minutes, a picture's age may not.
import { signal } from "@preact/signals";

const REMEMBERED = 60; // heartbeats come each second: the quickest of the last minute tells the offset best

export function makeClock() {
  const heard = [];
  let offsetMs = 0;
  const now = () => Date.now() - offsetMs;
  const second = signal(now());
  const timer = setInterval(() => (second.value = now()), 1000);
  return {
    /** Instant at the gateway, ms since 1970. */
    now,
    /** The same, as a signal that ticks each second. */
    second,
    /** Milliseconds that this page's clock is ahead of the gateway's. */
    offset: () => offsetMs,
    /** Learn from a message that left the gateway then, ms. */
    learn(sentMs) {
      heard.push(Date.now() - sentMs);
      if (heard.length > REMEMBERED) heard.shift();
      // The quickest message took next to no time; slower ones would make the gateway look behind.
      offsetMs = Math.min(...heard);
    },
    /** Forget what was learnt: after sleep or a change of the clock it is wrong. */
    forget: () => heard.splice(0),
    stop: () => clearInterval(timer),
  };
}
