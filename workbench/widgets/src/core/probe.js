// What benchmarks read from a running page: `window.rtccProbe`. Bounded, and free while nobody reads.
const KEPT = 4000;

export class Probe {
  constructor() {
    /** Milliseconds from leaving the gateway to the frame that shows it, one a message. */
    this.update_ms = [];
    /** Milliseconds from a frame's own instant to its being shown, one a shown frame. */
    this.tile_ms = [];
    /** The map and its signs, once they are there. */
    this.map = this.signs = null;
    this.waiting = [];
    window.rtccProbe = this;
  }

  update(message, offsetMs) {
    if (!message.sent_us) return;
    this.waiting.push(message.sent_us / 1000 + offsetMs);
    if (this.waiting.length > 1) return;
    requestAnimationFrame(() => {
      // The frame that this one begins is shown when the next task runs.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        for (const sentMs of this.waiting.splice(0)) note(this.update_ms, Date.now() - sentMs);
        channel.port1.close();
      };
      channel.port2.postMessage(null);
    });
  }

  tile(ageMs) {
    note(this.tile_ms, ageMs);
  }
}

function note(figures, value) {
  figures.push(value);
  if (figures.length > KEPT) figures.shift();
}
