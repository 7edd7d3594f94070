import { Emitter } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
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
   * const older = await session.conferences.log.list({ before: entries.at(-1)?.createdAt });
   * ```
   */
  list(query: ConferenceLogQuery = {}, options: RequestOptions = {}): Promise<ConferenceLogEntry[]> {
    return this.#wapi.get('/conferences', { ...query }, options);
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
