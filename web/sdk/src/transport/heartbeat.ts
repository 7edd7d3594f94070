/** When a silent socket is asked, and when it counts as dead. */
export interface HeartbeatOptions {
  /** Silence after which the server is asked, in milliseconds (default 25,000). */
  idleMs?: number;
  /** How long it may take to say anything then, in milliseconds (default 10,000). */
  answerMs?: number;
}

/**
 * Finds dead sockets. A browser answers the server's pings by itself and tells nobody, so a silent
 * socket is asked something; if nothing at all arrives in time, it is dead.
 */
export class Heartbeat {
  readonly #idleMs: number;
  readonly #answerMs: number;
  readonly #ask: () => void;
  readonly #dead: () => void;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #answer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;

  constructor(options: HeartbeatOptions, ask: () => void, dead: () => void) {
    this.#idleMs = options.idleMs ?? 25_000;
    this.#answerMs = options.answerMs ?? 10_000;
    this.#ask = ask;
    this.#dead = dead;
  }

  start(): void {
    this.stop();
    this.#heardAt = Date.now();
    this.#idle = setTimeout(() => this.#idleOver(), this.#idleMs);
  }

  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#answer);
    this.#idle = undefined;
    this.#answer = undefined;
  }

  /** Something has arrived. */
  heard(): void {
    this.#heardAt = Date.now();
    clearTimeout(this.#answer);
    this.#answer = undefined;
  }

  /** Asks now, for instance after the machine has slept or the network has changed. */
  askNow(): void {
    if (this.#idle === undefined || this.#answer !== undefined) return;
    this.#answer = setTimeout(() => {
      this.stop();
      this.#dead();
    }, this.#answerMs);
    this.#ask();
  }

  #idleOver(): void {
    const silent = Date.now() - this.#heardAt;
    const left = this.#idleMs - silent;
    if (left <= 0) this.askNow();
    this.#idle = setTimeout(() => this.#idleOver(), left <= 0 ? this.#idleMs : left);
  }
}
