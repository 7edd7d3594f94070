import { NotFoundError } from '../errors.js';
import { ConferenceMedia } from '../media/conference.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { InviteContext, Media, MediaTypes, Room } from '../wire.js';
import { type ConferenceEndReason, Membership } from './membership.js';
import { Invitation } from './outgoing.js';
import type { Participant } from './roster.js';
import { OutgoingTransfer } from './transfer.js';

/** How to invite. */
export interface InviteOptions extends RequestOptions {
  /** What the call is to have; audio and video if left out. */
  mediatypes?: MediaTypes;
  /** Handed to the other side as it is. */
  context?: InviteContext;
}

const AUDIO_AND_VIDEO: MediaTypes = { audio: true, video: true };

/**
 * A conference this device has a seat in. Every call is one, of two people.
 *
 * @example
 * ```ts
 * const conference = await session.conferences.createConference();
 * conference.on('participantJoined', participant => console.log(participant.userId));
 * await conference.invite('bob');
 * ```
 */
export class Conference extends Membership {
  #media: ConferenceMedia | undefined;

  /** Sound and pictures; nothing of them is used before `media.join()`. */
  get media(): ConferenceMedia {
    this.#media ??= new ConferenceMedia(this, this.context);
    return this.#media;
  }

  /**
   * Rings somebody.
   *
   * @param to - A username of the own domain, `name@domain`, `wac-user:<id>`, `wac-group:<id>`, `wac-agent`.
   *
   * @example
   * ```ts
   * const invitation = await conference.invite('bob@demo', { mediatypes: { audio: true, video: false } });
   * ```
   */
  async invite(to: string, options: InviteOptions = {}): Promise<Invitation> {
    const payload = { to, ...this.#inviting(options) };
    return this.context.request('invite', payload, options, answer =>
      this.#invited(('inviteId' in answer ? answer.inviteId : answer.invites[0]?.inviteId) ?? '', to),
    );
  }

  /**
   * Rings several at once; each has an invitation of his own.
   *
   * @example
   * ```ts
   * const invitations = await conference.inviteMany(['bob', 'carol']);
   * const outcomes = await Promise.allSettled(invitations.map(invitation => invitation.outcome()));
   * ```
   */
  async inviteMany(to: readonly string[], options: InviteOptions = {}): Promise<Invitation[]> {
    const payload = { to: [...to], ...this.#inviting(options) };
    return this.context.request('invite', payload, options, answer =>
      ('invites' in answer ? answer.invites : []).map(({ inviteId, to }) => this.#invited(inviteId, to)),
    );
  }

  /**
   * Leaves; the others stay.
   *
   * @example
   * ```ts
   * await conference.leave();
   * ```
   */
  leave(options: RequestOptions = {}): Promise<void> {
    return this.#goodbye('leaveRoom', 'left', options);
  }

  /**
   * Ends it for everybody. For its owner; without one, for any participant.
   *
   * @example
   * ```ts
   * await conference.close();
   * ```
   */
  close(options: RequestOptions = {}): Promise<void> {
    return this.#goodbye('closeRoom', 'closed', options);
  }

  /**
   * Tells the others that this person is away for a while.
   *
   * @example
   * ```ts
   * await conference.hold();
   * ```
   */
  async hold(options: RequestOptions = {}): Promise<void> {
    await this.context.request('hold', { roomId: this.id }, options, () => this.roster.hold(this.context.userId, true));
  }

  /**
   * Tells the others that this person is back.
   *
   * @example
   * ```ts
   * await conference.unhold();
   * ```
   */
  async unhold(options: RequestOptions = {}): Promise<void> {
    await this.context.request('unhold', { roomId: this.id }, options, () =>
      this.roster.hold(this.context.userId, false),
    );
  }

  /**
   * Mutes this person, for everybody to see.
   *
   * @example
   * ```ts
   * await conference.mute('audio');
   * ```
   */
  mute(media: Media = 'audio', options: RequestOptions = {}): Promise<void> {
    return this.#mute(media, true, options);
  }

  /**
   * Takes that back.
   *
   * @example
   * ```ts
   * await conference.unmute('audio');
   * ```
   */
  unmute(media: Media = 'audio', options: RequestOptions = {}): Promise<void> {
    return this.#mute(media, false, options);
  }

  /**
   * Mutes or unmutes somebody else. For the owner, or an administrator of the domain.
   *
   * @example
   * ```ts
   * await conference.muteParticipant(userId, 'audio', true);
   * ```
   */
  async muteParticipant(userId: string, media: Media, muted: boolean, options: RequestOptions = {}): Promise<void> {
    const payload = { roomId: this.id, to: userId, media, muted };
    await this.context.request('muteParticipant', payload, options, () => this.roster.mute(userId, media, muted));
  }

  /**
   * Removes somebody, who cannot come back by himself. For the owner, or an administrator of the domain.
   *
   * @example
   * ```ts
   * await conference.expel(userId);
   * ```
   */
  async expel(userId: string, options: RequestOptions = {}): Promise<void> {
    const payload = { roomId: this.id, userId };
    await this.context.request('expelParticipant', payload, options, () => this.roster.leave(userId));
  }

  /**
   * Changes who may join, or the recording flag. `dryRun` only asks whether it would be allowed.
   *
   * @example
   * ```ts
   * await conference.update({ record: true });
   * ```
   */
  async update(
    change: { acl?: string[]; record?: boolean; dryRun?: boolean },
    options: RequestOptions = {},
  ): Promise<Room> {
    return this.context.request('updateRoom', { roomId: this.id, ...change }, options, room => {
      if (!change.dryRun) this.describe(room);
      return { ...this.room, ...room };
    });
  }

  /**
   * Asks the server who is in it, and tells by events what was not known.
   *
   * @example
   * ```ts
   * for (const participant of await conference.refresh()) console.log(participant.userId, participant.isHeld);
   * ```
   */
  refresh(options?: RequestOptions): Promise<Participant[]>;
  /** @internal `absence`: why this device's seat would be missing. */
  refresh(options: RequestOptions, absence: 'left' | 'lost'): Promise<Participant[]>;
  async refresh(options: RequestOptions = {}, absence: 'left' | 'lost' = 'lost'): Promise<Participant[]> {
    return this.context.request('listParticipants', { roomId: this.id }, options, ({ participants }) => {
      this.replace(participants, absence);
      return [...this.roster.people.values()];
    });
  }

  /**
   * Blind transfer: the other party is asked to call `to` instead of this device.
   *
   * @example
   * ```ts
   * const transfer = await conference.transfer('carol');
   * await transfer.outcome();
   * ```
   */
  async transfer(to: string, options: InviteOptions = {}): Promise<OutgoingTransfer> {
    const payload = { to, roomId: this.id, mediaTypes: options.mediatypes ?? AUDIO_AND_VIDEO };
    return this.context.request('callTransfer', payload, options, ({ callTransferId }) =>
      this.#transferring(callTransferId, [this]),
    );
  }

  /**
   * Attended transfer: the other party of this conference moves into `target`, and this device leaves both.
   *
   * @example
   * ```ts
   * const { conference: second, invitation } = await session.conferences.call('carol');
   * await invitation.outcome();
   * await (await first.transferInto(second)).outcome();
   * ```
   */
  async transferInto(target: Conference, options: RequestOptions = {}): Promise<OutgoingTransfer> {
    const payload = { roomId: this.id, targetRoomId: target.id };
    return this.context.request('attendedTransfer', payload, options, ({ callTransferId }) =>
      this.#transferring(callTransferId, [this, target]),
    );
  }

  #inviting({ mediatypes = AUDIO_AND_VIDEO, context = {} }: InviteOptions): {
    roomId: string;
    mediatypes: MediaTypes;
    context: InviteContext;
  } {
    return { roomId: this.id, mediatypes, context };
  }

  #invited(inviteId: string, to: string): Invitation {
    const invitation = new Invitation(this.context, inviteId, to);
    this.context.follow(invitation);
    return invitation;
  }

  #transferring(id: string, leaving: readonly Conference[]): OutgoingTransfer {
    const transfer = new OutgoingTransfer(id, leaving);
    this.context.followTransfer(transfer);
    return transfer;
  }

  async #mute(media: Media, muted: boolean, options: RequestOptions): Promise<void> {
    const { userId } = this.context;
    await this.context.request('mute', { roomId: this.id, media, muted }, options, () =>
      this.roster.mute(userId, media, muted),
    );
  }

  async #goodbye(
    request: 'leaveRoom' | 'closeRoom',
    reason: ConferenceEndReason,
    options: RequestOptions,
  ): Promise<void> {
    if (this.status === 'DISCONNECTED') return;
    this.become('DISCONNECTING');
    try {
      await this.context.request(request, { roomId: this.id }, options, () => this.end(reason));
    } catch (error) {
      // Leaving what is gone has come about, too.
      if (error instanceof NotFoundError) return this.end('closed');
      if (this.status === 'DISCONNECTING') this.become('CONNECTED');
      throw error;
    }
  }
}
