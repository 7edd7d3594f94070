import type { RequestOptions } from '../transport/outbox.js';
import type { Wapi } from '../transport/wapi.js';
import type { ContactResource } from '../wire.js';

/** A person of the domain. */
export type Contact = Readonly<ContactResource>;

/**
 * The people of this session's domain. How they are is told by {@link PresenceManager}.
 *
 * @example
 * ```ts
 * for (const contact of await session.contacts.list()) console.log(contact.displayName ?? contact.username);
 * ```
 */
export class ContactManager {
  readonly #wapi: Wapi;

  /** @internal */
  constructor(wapi: Wapi) {
    this.#wapi = wapi;
  }

  /**
   * The contacts, at most 1,000, with their presence.
   *
   * @example
   * ```ts
   * const contacts = await session.contacts.list();
   * ```
   */
  list(options: RequestOptions = {}): Promise<Contact[]> {
    return this.#wapi.get('/contacts', {}, options);
  }

  /**
   * One contact.
   *
   * @example
   * ```ts
   * const bob = await session.contacts.get(bobsId);
   * ```
   */
  get(id: string, options: RequestOptions = {}): Promise<Contact> {
    return this.#wapi.get(`/contacts/${encodeURIComponent(id)}`, {}, options);
  }
}
