/** Notices kept for those who will ask for them. */
const KEPT_MAX = 64;

/**
 * Outcomes that were told before anybody asked: the answer that makes an invitation known may come
 * after the notice that ends it. The oldest is dropped when there are too many.
 */
export class Early<T> {
  readonly #kept = new Map<string, T>();

  /** Keeps what is told of `id`. */
  keep(id: string, notice: T): void {
    this.#kept.set(id, notice);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Hands out what was told of `id`, once. */
  take(id: string): T | undefined {
    const notice = this.#kept.get(id);
    this.#kept.delete(id);
    return notice;
  }
}

/** Invitations whose ids are remembered. */
const REMEMBERED_MAX = 1_000;

/** Ids that were there already; the oldest are forgotten when there are too many. */
export class Remembered {
  readonly #ids = new Set<string>();

  /** Whether `id` is new, and if so, remembers it. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > REMEMBERED_MAX && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}
