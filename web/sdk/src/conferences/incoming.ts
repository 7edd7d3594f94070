import { Emitter } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { CallerDetails, InviteContext, InviteNotice, MediaTypes } from '../wire.js';
import type { Conference } from './conference.js';
import type { Context } from './context.js';

/** Default code of a refusal. */
const DECLINED = 603;

/** Why an invitation does not ring any more. */
export type IncomingEndReason =
  | 'accepted'
  | 'declined'
  /** Another device of this person, or another member of the group, was quicker. */
  | 'accepted_elsewhere'
  | 'declined_elsewhere'
  | 'cancelled'
  | 'expired'
  /** It has ended in a way that this device was not told. */
  | 'gone';

/** What happens to an invitation that rings here. */
export interface IncomingInvitationEvents {
  ended: { reason: IncomingEndReason };
}

/** Something that rings on this device: {@link ConferenceInvitation} or {@link ConferenceInvitationRequest}. */
export abstract class RingingInvitation extends Emitter<IncomingInvitationEvents> {
  /** The `inviteId`. */
  readonly id: string;
  /** The caller. */
  readonly from: string;
  /** What the server tells of the caller. */
  readonly fromDetails: CallerDetails;
  /** The media that the caller wishes for. */
  readonly mediatypes: MediaTypes;
  /** What the caller's application handed along. */
  readonly context: InviteContext;
  /** When it stops ringing at the latest, in milliseconds since the epoch. */
  readonly ringUntil: number;
  protected readonly registry: Context;
  #endReason: IncomingEndReason | undefined;

  /** @internal */
  constructor(registry: Context, notice: InviteNotice) {
    super();
    this.registry = registry;
    this.id = notice.inviteId;
    this.from = notice.from;
    this.fromDetails = notice.fromDetails ?? {};
    this.mediatypes = notice.mediatypes;
    this.context = notice.context ?? {};
    this.ringUntil = notice.ringUntil;
  }

  /** Whether it can still be accepted. */
  get isRinging(): boolean {
    return this.#endReason === undefined;
  }

  /** Why it does not ring any more. */
  get endReason(): IncomingEndReason | undefined {
    return this.#endReason;
  }

  /**
   * Refuses it, on all devices of this person.
   *
   * @param options - `errorCode`: what the caller is told, 603 (declined) if left out; 486 is "busy".
   *
   * @example
   * ```ts
   * await invitation.decline({ errorCode: 486 });
   * ```
   */
  async decline(options: RequestOptions & { errorCode?: number } = {}): Promise<void> {
    const payload = { inviteId: this.id, errorCode: options.errorCode ?? DECLINED };
    await this.registry.request('decline', payload, options, () => this.end('declined'));
  }

  /** @internal */
  end(reason: IncomingEndReason): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.emit('ended', { reason });
  }

  protected take(roomId: string | undefined, options: RequestOptions): Promise<Conference> {
    const payload = roomId === undefined ? { inviteId: this.id } : { inviteId: this.id, roomId };
    return this.registry.request('accept', payload, options, room => {
      this.end('accepted');
      return this.registry.adopt(room);
    });
  }
}

/**
 * Somebody invites this person into his conference.
 *
 * @example
 * ```ts
 * session.conferences.on('conferenceInvitation', async invitation => {
 *   const conference = await invitation.accept();
 * });
 * ```
 */
export class ConferenceInvitation extends RingingInvitation {
  /** The room it leads to. */
  readonly roomId: string | undefined;

  /** @internal */
  constructor(registry: Context, notice: InviteNotice) {
    super(registry, notice);
    this.roomId = notice.roomId ?? undefined;
  }

  /**
   * Accepts it: this device is in the conference then. When the room is full (`RoomFullError`), it goes on ringing.
   *
   * @example
   * ```ts
   * const conference = await invitation.accept();
   * ```
   */
  accept(options: RequestOptions = {}): Promise<Conference> {
    return this.take(undefined, options);
  }
}

/**
 * Somebody asks to be let into a conference of this person.
 *
 * @example
 * ```ts
 * session.conferences.on('conferenceInvitationRequest', async request => {
 *   await request.accept(await session.conferences.createConference());
 * });
 * ```
 */
export class ConferenceInvitationRequest extends RingingInvitation {
  /**
   * Lets the caller into `conference`.
   *
   * @example
   * ```ts
   * await request.accept(conference);
   * ```
   */
  accept(conference: Conference, options: RequestOptions = {}): Promise<Conference> {
    return this.take(conference.id, options);
  }
}
