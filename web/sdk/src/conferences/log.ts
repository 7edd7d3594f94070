import { Emitter } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import { collected } from '../transport/pages.js';
import type { Wapi } from '../transport/wapi.js';
import type { ConferenceFinished, ConferenceLogEntry, Milliseconds } from '../wire.js';

/** Which entries of the log. */
export interface ConferenceLogQuery {
  /** Created before. */
  before?: Milliseconds;
  /** Created after. */
  after?: Milliseconds;
  /** At most so many (default 10). */
  limit?: number;
}

/** Entries that {@link ConferenceLog.list} brings. */
const LIMIT_DEFAULT = 10;
/** Entries read at a time. */
const PAGE_DEFAULT = 100;
/** Most entries that the server gives at a time. */
const PAGE_MAX = 1_000;

/** What happens to the log. */
export interface ConferenceLogEvents {
  /** A conference of this person is over; its whole entry can be read. */
  finished: ConferenceFinished;
}

/**
 * The conferences this person was in.
 *
 * @example
 * ```ts
 * for (const entry of await session.conferences.log.list({ limit: 20 })) console.log(entry.createdAt, entry.state);
 * ```
 */
export class ConferenceLog extends Emitter<ConferenceLogEvents> {
  readonly #wapi: Wapi;

  /** @internal */
  constructor(wapi: Wapi) {
    super();
    this.#wapi = wapi;
    wapi.on('push', ({ url, body }) => {
      if (url === '/conferences') this.emit('finished', body as ConferenceFinished);
    });
  }

  /**
   * Some entries, newest first.
   *
   * @example
   * ```ts
   * const lately = await session.conferences.log.list({ after: Date.now() - 86_400_000, limit: 50 });
   * ```
   */
  list(query: ConferenceLogQuery = {}, options: RequestOptions = {}): Promise<ConferenceLogEntry[]> {
    const { limit = LIMIT_DEFAULT, ...when } = query;
    const pageSize = Math.min(limit, PAGE_MAX);
    return collected(this.#wapi.each('/conferences', { ...when, limit: pageSize }, options), limit);
  }

  /**
   * All entries one after the other, newest first, read as they are needed.
   *
   * @param query - `limit`: how many are read at a time (default 100).
   *
   * @example
   * ```ts
   * for await (const { createdAt, roomId } of session.conferences.log.all()) console.log(createdAt, roomId);
   * ```
   */
  all(
    query: ConferenceLogQuery = {},
    options: RequestOptions = {},
  ): AsyncGenerator<ConferenceLogEntry, void, undefined> {
    return this.#wapi.each('/conferences', { limit: PAGE_DEFAULT, ...query }, options);
  }

  /**
   * One entry: that of a conference that is going on, or over.
   *
   * @example
   * ```ts
   * session.conferences.log.on('finished', async ({ id }) => console.log(await session.conferences.log.get(id)));
   * ```
   */
  get(id: string, options: RequestOptions = {}): Promise<ConferenceLogEntry> {
    return this.#wapi.get(`/conferences/${encodeURIComponent(id)}`, {}, options);
  }
}
