import type { RequestOptions } from '../transport/outbox.js';
import type { Wapi } from '../transport/wapi.js';
import type { GroupResource } from '../wire.js';

/**
 * A group: people who ring together when somebody calls `wac-group:<id>`.
 *
 * @example
 * ```ts
 * const group = await session.groups.create('support');
 * await group.add(bobsId);
 * await session.conferences.call(group.address);
 * ```
 */
export class Group {
  readonly #wapi: Wapi;
  #resource: GroupResource;

  /** @internal */
  constructor(wapi: Wapi, resource: GroupResource) {
    this.#wapi = wapi;
    this.#resource = resource;
  }

  get id(): string {
    return this.#resource.id;
  }

  get name(): string {
    return this.#resource.name;
  }

  /** User id of the owner. */
  get owner(): string {
    return this.#resource.owner;
  }

  /** User ids. */
  get participants(): readonly string[] {
    return this.#resource.participants;
  }

  /** What to call to ring the group. */
  get address(): string {
    return `wac-group:${this.id}`;
  }

  /**
   * Gives it another name. For the owner.
   *
   * @example
   * ```ts
   * await group.rename('second line');
   * ```
   */
  async rename(name: string, options: RequestOptions = {}): Promise<void> {
    const answer = await this.#wapi.put<GroupResource | undefined>(this.#url, { name }, options);
    this.#resource = { ...this.#resource, ...answer, name };
  }

  /**
   * Removes it. For the owner.
   *
   * @example
   * ```ts
   * await group.delete();
   * ```
   */
  delete(options: RequestOptions = {}): Promise<void> {
    return this.#wapi.delete(this.#url, undefined, options);
  }

  /**
   * Adds somebody. For the owner.
   *
   * @example
   * ```ts
   * await group.add(bobsId);
   * ```
   */
  async add(userId: string, options: RequestOptions = {}): Promise<void> {
    await this.#wapi.post(`${this.#url}/participants`, { userId }, options);
    this.#set([...this.participants.filter(id => id !== userId), userId]);
  }

  /**
   * Removes somebody. For the owner.
   *
   * @example
   * ```ts
   * await group.remove(bobsId);
   * ```
   */
  async remove(userId: string, options: RequestOptions = {}): Promise<void> {
    await this.#wapi.delete(`${this.#url}/participants`, { userId }, options);
    this.#set(this.participants.filter(id => id !== userId));
  }

  /**
   * Removes everybody but the owner. For the owner.
   *
   * @example
   * ```ts
   * await group.removeAll();
   * ```
   */
  async removeAll(options: RequestOptions = {}): Promise<void> {
    await this.#wapi.delete(`${this.#url}/participations`, undefined, options);
    this.#set([this.owner]);
  }

  /**
   * Leaves it. When its owner leaves, the participant of longest standing owns it.
   *
   * @example
   * ```ts
   * await group.leave();
   * ```
   */
  leave(options: RequestOptions = {}): Promise<void> {
    return this.#wapi.delete(`${this.#url}/leave`, undefined, options);
  }

  /** Whether somebody is in it, as far as it is known. */
  has(userId: string): boolean {
    return this.participants.includes(userId);
  }

  /**
   * Asks the server how it is now.
   *
   * @example
   * ```ts
   * await group.refresh();
   * ```
   */
  async refresh(options: RequestOptions = {}): Promise<void> {
    this.#resource = await this.#wapi.get<GroupResource>(this.#url, {}, options);
  }

  get #url(): string {
    return `/usersGroup/${encodeURIComponent(this.id)}`;
  }

  #set(participants: string[]): void {
    this.#resource = { ...this.#resource, participants };
  }
}
