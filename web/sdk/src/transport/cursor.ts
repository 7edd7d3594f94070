import type { Position } from '../wire.js';

/**
 * How far this client has seen the log, and which notices it has seen already.
 *
 * Only notices move it, not answers: what lies between a notice and an answer may still be on its way.
 */
export class Cursor {
  #position: Position | undefined;
  /** Notices seen at that very position. */
  #seen = new Set<string>();

  constructor(position?: Position) {
    this.#position = position;
  }

  /** Where to resume; `undefined` before the first connection. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** A connection that does not go on from an earlier one starts at `position`. */
  startAt(position: Position): void {
    this.#position = position;
    this.#seen.clear();
  }

  /** Forgets the position: the next connection starts afresh. */
  forget(): void {
    this.#position = undefined;
    this.#seen.clear();
  }

  /**
   * Whether a notice is new, and if so, notes that it has been seen.
   *
   * @param key - Tells notices of one position apart.
   */
  accept(position: Position, key: string): boolean {
    const last = this.#position;
    if (last !== undefined && position < last) return false;
    if (position !== last) {
      this.#position = position;
      this.#seen.clear();
    }
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}
