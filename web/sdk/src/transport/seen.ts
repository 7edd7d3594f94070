import type { Position } from '../wire.js';

/** The greatest position that this session was told of, by any frame of either socket. */
export class Seen {
  #position: Position | undefined;

  /** `undefined` before anything was told. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Looks at the `position` of a frame, if it has one. */
  note(position: unknown): void {
    if (typeof position === 'number') this.#position = Math.max(this.#position ?? 0, position);
  }
}
