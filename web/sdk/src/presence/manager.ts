import { Emitter } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { Wapi } from '../transport/wapi.js';
import type { Activity, PresencePush, PresenceResource, WapiPush } from '../wire.js';

/** Presence of one person. */
export type Presence = Readonly<PresenceResource>;

/** What one tells of oneself; what is left out stays as it is, `null` removes it. */
export interface PresenceChange {
  activity?: Activity;
  note?: string | null;
  mood?: string | null;
}

/** What happens to presence. */
export interface PresenceManagerEvents {
  /** Somebody's presence has changed, or this person's own, on another device. */
  presence: Presence;
}

/** Nothing is known of somebody yet. */
const UNKNOWN = { online: false, activity: 'unknown', note: null, mood: null } as const;
/** What may change. */
const FIELDS = ['online', 'activity', 'note', 'mood'] as const;
/** People who are asked for one by one after changes were missed. */
const ASKED_AGAIN_MAX = 100;

/** The path of one person's presence. */
const OF_ONE = /^\/presence\/([^/]+)$/;

/**
 * Presence: this person's own, and that of others.
 *
 * @example
 * ```ts
 * session.presence.on('presence', ({ userId, online, activity }) => console.log(userId, online, activity));
 * await session.presence.subscribe([bobsId]);
 * await session.presence.set({ activity: 'meeting', note: 'until noon' });
 * ```
 */
export class PresenceManager extends Emitter<PresenceManagerEvents> {
  readonly #wapi: Wapi;
  readonly #known = new Map<string, Presence>();
  readonly #users = new Set<string>();
  #domain = false;
  #self = '';

  /** @internal */
  constructor(wapi: Wapi) {
    super();
    this.#wapi = wapi;
    wapi.on('push', push => this.#push(push));
    wapi.on('open', ({ hello, resync }) => {
      this.#self = hello.userId;
      this.#renew(resync);
    });
  }

  /** What is known of everybody, by user id. */
  get known(): ReadonlyMap<string, Presence> {
    return this.#known;
  }

  /** This person's own presence, as far as it is known. */
  get own(): Presence | undefined {
    return this.#known.get(this.#self);
  }

  /**
   * Changes this person's own presence.
   *
   * @example
   * ```ts
   * await session.presence.set({ activity: 'away', note: null });
   * ```
   */
  async set(change: PresenceChange, options: RequestOptions = {}): Promise<Presence> {
    const presence = await this.#wapi.put<PresenceResource>('/presence', change, options);
    this.#known.set(presence.userId, presence);
    return presence;
  }

  /**
   * Asks for somebody's presence, or this person's own.
   *
   * @example
   * ```ts
   * const { online } = await session.presence.get(bobsId);
   * ```
   */
  async get(userId?: string, options: RequestOptions = {}): Promise<Presence> {
    const presence = await this.#ask(userId, options);
    this.#known.set(presence.userId, presence);
    return presence;
  }

  /**
   * Follows some people, or everybody of the domain. It holds across reconnections.
   * In small domains everybody is followed from the start.
   *
   * @example
   * ```ts
   * await session.presence.subscribe('domain');
   * ```
   */
  async subscribe(whom: readonly string[] | 'domain', options: RequestOptions = {}): Promise<void> {
    if (whom === 'domain') this.#domain = true;
    else for (const userId of whom) this.#users.add(userId);
    await this.#put(options);
  }

  /**
   * Takes a subscription back.
   *
   * @example
   * ```ts
   * await session.presence.unsubscribe([bobsId]);
   * ```
   */
  async unsubscribe(whom: readonly string[] | 'domain', options: RequestOptions = {}): Promise<void> {
    if (whom === 'domain') this.#domain = false;
    else for (const userId of whom) this.#users.delete(userId);
    await this.#put(options);
  }

  async #put(options: RequestOptions): Promise<void> {
    const body = this.#domain ? { domain: true } : { users: [...this.#users] };
    const answer = await this.#wapi.put<unknown>('/presence/subscriptions', body, options);
    if (Array.isArray(answer)) for (const presence of answer as PresenceResource[]) this.#note(presence);
  }

  /** Subscriptions belong to a socket: a new one has none. And if changes were missed, what was known is asked for again. */
  #renew(missed: boolean): void {
    // Refused or lost: the next connection tries again.
    if (this.#domain || this.#users.size > 0) this.#put({}).catch(() => {});
    const stale = missed ? [...this.#known.keys()].filter(userId => !this.#users.has(userId)) : [];
    for (const userId of stale.slice(0, ASKED_AGAIN_MAX)) {
      this.#ask(userId, {}).then(
        presence => this.#note(presence),
        () => this.#known.delete(userId),
      );
    }
  }

  #push({ url, body }: WapiPush): void {
    const userId = OF_ONE.exec(url)?.[1];
    if (userId === undefined) return;
    const known = this.#known.get(decodeURIComponent(userId)) ?? UNKNOWN;
    const { online, activity, ...texts } = body as PresencePush;
    this.#note({ ...known, ...texts, online: online ?? known.online, activity: activity ?? known.activity });
  }

  #ask(userId: string | undefined, options: RequestOptions): Promise<PresenceResource> {
    const url = userId === undefined ? '/presence' : `/presence/${encodeURIComponent(userId)}`;
    return this.#wapi.get<PresenceResource>(url, {}, options);
  }

  /** Tells somebody's presence if it is not what was known. */
  #note(presence: Presence): void {
    const known = this.#known.get(presence.userId);
    this.#known.set(presence.userId, presence);
    const changed = FIELDS.some(field => known?.[field] !== presence[field]);
    if (changed) this.emit('presence', presence);
  }
}
