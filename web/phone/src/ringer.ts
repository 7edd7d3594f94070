/** How often it rings, in milliseconds. */
const EVERY_MS = 3_000;
/** The two tones, in hertz. */
const TONES = [660, 880] as const;

/** Rings, softly, for as long as somebody calls. */
export class Ringer {
  #context: AudioContext | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins or ends. */
  ring(on: boolean): void {
    if (on === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!on) return;
    this.#once();
    this.#timer = setInterval(() => this.#once(), EVERY_MS);
  }

  #once(): void {
    this.#context ??= new AudioContext();
    const context = this.#context;
    // Before the user has touched the page there is no sound.
    if (context.state === 'suspended') void context.resume().catch(() => {});
    for (const [index, hertz] of TONES.entries()) {
      const start = context.currentTime + index * 0.25;
      const gain = context.createGain();
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.12, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, start + 0.9);
      const tone = context.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(gain).connect(context.destination);
      tone.start(start);
      tone.stop(start + 1);
    }
  }
}
