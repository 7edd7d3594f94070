import type { Emitter, Unsubscribe, WaitOptions } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { Conference, InviteOptions } from './conference.js';
import type { RingingInvitation } from './incoming.js';
import type { ConferenceLog } from './log.js';
import { type Invitation, InvitationRequest } from './outgoing.js';
import type { ConferenceManagerEvents, Registry } from './registry.js';

/** How to create a conference. */
export interface ConferenceOptions extends RequestOptions {
  /** Whether it is to be recorded. */
  record?: boolean;
  /** Who may join without an invitation: addresses. */
  acl?: string[];
}

/** A conference with the invitation into it. */
export interface Call {
  conference: Conference;
  invitation: Invitation;
}

/** The address of the pool of agents. */
const AGENT_POOL = 'wac-agent';

/**
 * Conferences, invitations and the conference log of a session.
 *
 * @example
 * ```ts
 * session.conferences.on('conferenceInvitation', invitation => ring(invitation));
 * const { conference, invitation } = await session.conferences.call('bob');
 * ```
 */
export class ConferenceManager {
  /** The conferences this person was in. */
  readonly log: ConferenceLog;
  readonly #registry: Registry;

  /** @internal */
  constructor(registry: Registry, log: ConferenceLog) {
    this.#registry = registry;
    this.log = log;
  }

  /** The conferences this device has a seat in. */
  get conferences(): Conference[] {
    return [...this.#registry.conferences.values()];
  }

  /** What rings on this device, as far as it knows. */
  get invitations(): RingingInvitation[] {
    return [...this.#registry.ringing.values()];
  }

  /**
   * Subscribes; see {@link Emitter.on}.
   *
   * @example
   * ```ts
   * const stop = session.conferences.on('conferenceInvitation', invitation => invitation.decline());
   * ```
   */
  on<Name extends keyof ConferenceManagerEvents>(
    name: Name,
    listener: (event: ConferenceManagerEvents[Name]) => void,
  ): Unsubscribe {
    return this.#registry.on(name, listener);
  }

  /**
   * The next such event; see {@link Emitter.once}.
   *
   * @example
   * ```ts
   * const invitation = await session.conferences.once('conferenceInvitation');
   * ```
   */
  once<Name extends keyof ConferenceManagerEvents>(
    name: Name,
    options?: WaitOptions,
  ): Promise<ConferenceManagerEvents[Name]> {
    return this.#registry.once(name, options);
  }

  /**
   * All such events; see {@link Emitter.events}.
   *
   * @example
   * ```ts
   * for await (const conference of session.conferences.events('conferenceEnded')) console.log(conference.endReason);
   * ```
   */
  events<Name extends keyof ConferenceManagerEvents>(
    name: Name,
    options?: WaitOptions,
  ): AsyncIterableIterator<ConferenceManagerEvents[Name]> {
    return this.#registry.events(name, options);
  }

  /**
   * Makes a room, with this device as its first participant and owner.
   *
   * @example
   * ```ts
   * const conference = await session.conferences.createConference({ record: false });
   * ```
   */
  createConference(options: ConferenceOptions = {}): Promise<Conference> {
    const { record, acl } = options;
    const payload = { ...(record === undefined ? {} : { record }), ...(acl === undefined ? {} : { acl }) };
    return this.#registry.request('createRoom', payload, options, room => this.#registry.adopt(room));
  }

  /**
   * Makes a room and rings somebody.
   *
   * @example
   * ```ts
   * const { conference, invitation } = await session.conferences.call('bob@demo');
   * await invitation.outcome();
   * ```
   */
  async call(to: string, options: InviteOptions & ConferenceOptions = {}): Promise<Call> {
    const conference = await this.createConference(options);
    try {
      return { conference, invitation: await conference.invite(to, options) };
    } catch (error) {
      // Nobody will come: the empty room is of no use.
      await conference.leave().catch(() => {});
      throw error;
    }
  }

  /**
   * Rings the agent who is free.
   *
   * @example
   * ```ts
   * const { invitation } = await session.conferences.callAgent({ context: { page: location.href } });
   * ```
   */
  callAgent(options: InviteOptions & ConferenceOptions = {}): Promise<Call> {
    return this.call(AGENT_POOL, options);
  }

  /**
   * Joins a room whose access list has this person.
   *
   * @example
   * ```ts
   * const conference = await session.conferences.join(roomId);
   * ```
   */
  join(roomId: string, options: RequestOptions = {}): Promise<Conference> {
    return this.#registry.request('joinRoom', { roomId }, options, room => this.#registry.adopt(room));
  }

  /**
   * Joins the conference that everybody with this URI meets in.
   *
   * @param uri - `wac-conf` and 20 digits, unless the deployment says otherwise.
   *
   * @example
   * ```ts
   * const conference = await session.conferences.getQuickConference('wac-conf00000000000000000042');
   * ```
   */
  getQuickConference(uri: string, options: RequestOptions = {}): Promise<Conference> {
    return this.#registry.request('joinQuickConference', { uri }, options, room => this.#registry.adopt(room));
  }

  /**
   * Asks somebody to let this device into a conference of his.
   *
   * @example
   * ```ts
   * const request = await session.conferences.requestInvitation('alice');
   * const conference = await request.outcome();
   * ```
   */
  requestInvitation(to: string, options: InviteOptions = {}): Promise<InvitationRequest> {
    const { mediatypes = { audio: true, video: true }, context = {} } = options;
    return this.#registry.request('inviteRequest', { to, mediatypes, context }, options, ({ inviteId }) => {
      const request = new InvitationRequest(this.#registry, inviteId, to);
      this.#registry.follow(request);
      return request;
    });
  }

  /**
   * Asks the server what rings for this person.
   *
   * @example
   * ```ts
   * for (const invitation of await session.conferences.getCurrentInvitations()) console.log(invitation.from);
   * ```
   */
  getCurrentInvitations(options: RequestOptions = {}): Promise<RingingInvitation[]> {
    return this.#registry.request('currentInvitations', {}, options, ({ payload }) => {
      this.#registry.currentInvitations(payload.currentInvitations);
      return this.invitations;
    });
  }
}
