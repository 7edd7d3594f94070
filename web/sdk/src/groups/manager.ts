import type { RequestOptions } from '../transport/outbox.js';
import { collected } from '../transport/pages.js';
import type { Wapi } from '../transport/wapi.js';
import type { GroupResource } from '../wire.js';
import { Group } from './group.js';

/**
 * Groups of people who ring together.
 *
 * @example
 * ```ts
 * const groups = await session.groups.list();
 * ```
 */
export class GroupManager {
  readonly #wapi: Wapi;

  /** @internal */
  constructor(wapi: Wapi) {
    this.#wapi = wapi;
  }

  /**
   * All groups this person sees.
   *
   * @param options - `mine`: only those this person is in.
   *
   * @example
   * ```ts
   * const mine = await session.groups.list({ mine: true });
   * ```
   */
  list(options: RequestOptions & { mine?: boolean } = {}): Promise<Group[]> {
    return collected(this.all(options));
  }

  /**
   * The same one after the other, read as they are needed.
   *
   * @example
   * ```ts
   * for await (const group of session.groups.all({ mine: true })) console.log(group.name);
   * ```
   */
  async *all(options: RequestOptions & { mine?: boolean } = {}): AsyncGenerator<Group, void, undefined> {
    const query = options.mine ? { userIsParticipant: true } : {};
    const groups = this.#wapi.each<GroupResource>('/usersGroup', query, options);
    for await (const group of groups) yield new Group(this.#wapi, group);
  }

  /**
   * One group.
   *
   * @example
   * ```ts
   * const group = await session.groups.get(groupId);
   * ```
   */
  async get(id: string, options: RequestOptions = {}): Promise<Group> {
    return new Group(this.#wapi, await this.#wapi.get(`/usersGroup/${encodeURIComponent(id)}`, {}, options));
  }

  /**
   * Makes a group; this person owns it and is in it.
   *
   * @param participants - User ids of the others.
   *
   * @example
   * ```ts
   * const group = await session.groups.create('support', [bobsId, carolsId]);
   * ```
   */
  async create(name: string, participants: readonly string[] = [], options: RequestOptions = {}): Promise<Group> {
    const group = new Group(this.#wapi, await this.#wapi.post('/usersGroup', { name }, options));
    for (const userId of participants) await group.add(userId, options);
    return group;
  }

  /**
   * Leaves every group.
   *
   * @example
   * ```ts
   * await session.groups.leaveAll();
   * ```
   */
  leaveAll(options: RequestOptions = {}): Promise<void> {
    return this.#wapi.delete('/usersGroup/participations', undefined, options);
  }
}
