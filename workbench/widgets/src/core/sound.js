// One sound for each priority, made here: no files. Silent unless the reader's settings say otherwise.
const TUNES = {
  panic: { notes: [880, 660, 880, 660, 880, 660], each: 0.16, wave: "square" },
  P1: { notes: [660, 880, 1100], each: 0.15, wave: "triangle" },
  P2: { notes: [620, 620], each: 0.16, wave: "sine" },
  P3: { notes: [520], each: 0.14, wave: "sine" },
};
const APART_MS = 1500; // a burst of alerts is one sound of the most urgent, not a siren

export class Sound {
  constructor(store) {
    this.store = store;
    this.playedAt = -APART_MS;
    this.hear = (alert) => this.announce(alert);
    store.onNew.add(this.hear);
  }

  announce(alert) {
    const { sound, volume } = this.store.settings.value;
    const now = performance.now();
    if (!sound || volume <= 0 || now - this.playedAt < APART_MS) return;
    this.playedAt = now;
    this.play(TUNES[alert.kind === "panic" ? "panic" : alert.priority] ?? TUNES.P3, volume);
  }

  play({ notes, each, wave }, volume) {
    const context = (this.context ??= new AudioContext());
    context.resume().catch(() => {}); // a browser lets a page sound only after a first key or click
    notes.forEach((pitch, at) => {
      const tone = new OscillatorNode(context, { frequency: pitch, type: wave });
      const gain = new GainNode(context, { gain: 0 });
      const start = context.currentTime + at * each;
      gain.gain.setTargetAtTime(volume * 0.25, start, 0.01);
      gain.gain.setTargetAtTime(0, start + each * 0.7, 0.03);
      tone.connect(gain).connect(context.destination);
      tone.start(start);
      tone.stop(start + each + 0.15);
    });
  }

  stop() {
    this.store.onNew.delete(this.hear);
    this.context?.close();
  }
}
