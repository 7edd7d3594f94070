import type { RequestOptions } from '../transport/outbox.js';
import { collected } from '../transport/pages.js';
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
   * All contacts, with their presence.
   *
   * @example
   * ```ts
   * const contacts = await session.contacts.list();
   * ```
   */
  list(options: RequestOptions = {}): Promise<Contact[]> {
    return collected(this.all(options));
  }

  /**
   * The same one after the other, read as they are needed.
   *
   * @example
   * ```ts
   * for await (const { displayName } of session.contacts.all()) if (displayName === 'Bob') break;
   * ```
   */
  all(options: RequestOptions = {}): AsyncGenerator<Contact, void, undefined> {
    return this.#wapi.each('/contacts', {}, options);
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
