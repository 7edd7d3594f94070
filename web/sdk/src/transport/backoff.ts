/** How the pauses between attempts grow. */
export interface BackoffOptions {
  /** Upper bound of the first pause, in milliseconds (default 500). */
  firstMs?: number;
  /** Upper bound of every pause, in milliseconds (default 30,000). */
  maxMs?: number;
  /** By how much the bound grows each time (default 2). */
  factor?: number;
}

/** Pauses that grow exponentially, each spread over the upper half of its bound, so that clients cut together do not return together. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #factor: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: BackoffOptions = {}, random: () => number = Math.random) {
    this.#firstMs = options.firstMs ?? 500;
    this.#maxMs = options.maxMs ?? 30_000;
    this.#factor = options.factor ?? 2;
    this.#random = random;
  }

  /** Attempts since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The next pause, in milliseconds. */
  next(): number {
    const bound = Math.min(this.#maxMs, this.#firstMs * this.#factor ** this.#attempts);
    this.#attempts += 1;
    return bound / 2 + (bound / 2) * this.#random();
  }

  /** Counts an attempt that needs no pause. */
  count(): void {
    this.#attempts += 1;
  }

  /** An attempt was a success: start small again. */
  reset(): void {
    this.#attempts = 0;
  }
}
