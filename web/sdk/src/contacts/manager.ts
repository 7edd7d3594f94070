import { Emitter } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { Wapi } from '../transport/wapi.js';
import type { ContactResource } from '../wire.js';

/** A person of the domain. */
export type Contact = Readonly<ContactResource>;

/** What happens to contacts. */
export interface ContactManagerEvents {
  /** A contact is new, or has changed. */
  contact: Contact;
  /** A contact is gone. */
  contactRemoved: { id: string };
}

/** The path of one contact. */
const OF_ONE = /^\/contacts\/([^/]+)$/;

/**
 * The people of this session's domain.
 *
 * @example
 * ```ts
 * for (const contact of await session.contacts.list()) console.log(contact.displayName ?? contact.username);
 * ```
 */
export class ContactManager extends Emitter<ContactManagerEvents> {
  readonly #wapi: Wapi;

  /** @internal */
  constructor(wapi: Wapi) {
    super();
    this.#wapi = wapi;
    wapi.on('push', ({ method, url, body }) => {
      const id = OF_ONE.exec(url)?.[1];
      if (id !== undefined && method === 'DELETE') this.emit('contactRemoved', { id: decodeURIComponent(id) });
      else if (id !== undefined || url === '/contacts') this.emit('contact', body as ContactResource);
    });
  }

  /**
   * All contacts.
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
