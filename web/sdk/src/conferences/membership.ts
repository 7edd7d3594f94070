import { Emitter } from '../emitter.js';
import type { KnownRoom, LeaveReason, Media, Room, RoomParticipant } from '../wire.js';
import type { Context } from './context.js';
import { type Participant, Roster, type RosterChange } from './roster.js';
import type { IncomingTransfer } from './transfer.js';

/** Where a conference is, seen from this device. */
export type ConferenceStatus = 'CONNECTED' | 'DISCONNECTING' | 'DISCONNECTED';

/** Why this device is not in a conference any more. */
export type ConferenceEndReason =
  | 'left'
  | 'closed'
  | 'expelled'
  /** The connection was away for longer than the server waits. */
  | 'lost'
  | 'transferred'
  | 'session_ended';

/** Somebody was muted, or unmuted, by himself or by a moderator. */
export interface MuteChange {
  participant: Participant;
  media: Media;
  muted: boolean;
  /** User id of who did it. */
  by: string;
}

/** What happens in a conference. A device is not told what it did itself. */
export interface ConferenceEvents {
  status: ConferenceStatus;
  participantJoined: Participant;
  participantLeft: { participant: Participant; reason: LeaveReason };
  participantHeld: Participant;
  participantUnheld: Participant;
  participantMuted: MuteChange;
  /** A moderator has muted this person, or unmuted him. */
  muteRequest: { media: Media; muted: boolean };
  /** Owner, access list or recording have changed. */
  updated: KnownRoom;
  /** Somebody wants to transfer this device. */
  transfer: IncomingTransfer;
  ended: { reason: ConferenceEndReason };
}

/** What this device knows of a conference, and how that changes. */
export abstract class Membership extends Emitter<ConferenceEvents> {
  /** The `roomId`. */
  readonly id: string;
  protected readonly context: Context;
  protected readonly roster: Roster;
  #room: KnownRoom;
  #status: ConferenceStatus = 'CONNECTED';
  #endReason: ConferenceEndReason | undefined;

  /** @internal */
  constructor(context: Context, room: KnownRoom) {
    super();
    this.id = room.id;
    this.context = context;
    this.#room = room;
    this.roster = new Roster(context.userId);
    this.roster.seat(room.participants, room.owner ?? null);
  }

  /** The room as the server last described it, with what a media client needs (`server`, `room`, `token`, `ice`). */
  get room(): KnownRoom {
    return this.#room;
  }

  /** User id of the owner, if there is one. */
  get owner(): string | null {
    return this.#room.owner ?? null;
  }

  get status(): ConferenceStatus {
    return this.#status;
  }

  /** Why it has ended for this device. */
  get endReason(): ConferenceEndReason | undefined {
    return this.#endReason;
  }

  /** Everybody in it, this session's own user included; by user id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.roster.people;
  }

  /** This session's own user in it. */
  get localParticipant(): Participant | undefined {
    return this.roster.people.get(this.context.userId);
  }

  /** @internal The room object of an answer. */
  seat(room: KnownRoom): void {
    this.describe(room);
    this.#tell(this.roster.seat(room.participants, room.owner ?? null));
  }

  /** Notes what an answer says of the room. */
  protected describe(room: Partial<Room>): void {
    this.#room = { ...this.#room, ...room };
    this.roster.own(this.#room.owner ?? null);
  }

  /** @internal The whole state, as the server lists it. */
  replace(list: readonly RoomParticipant[], absence: 'left' | 'lost' = 'lost'): void {
    this.#room = { ...this.#room, owner: list.find(entry => entry.owner)?.userId ?? null };
    this.#tell(this.roster.replace(list));
    if (!this.localParticipant) this.end(absence);
  }

  /** @internal */
  change(changes: (roster: Roster) => RosterChange[], told: { reason?: LeaveReason; by?: string } = {}): void {
    this.#tell(changes(this.roster), told);
  }

  /** @internal */
  updated(change: Partial<Room>): void {
    this.describe(change);
    this.emit('updated', this.#room);
  }

  /** @internal */
  muteRequested(media: Media, muted: boolean): void {
    this.roster.mute(this.context.userId, media, muted);
    this.emit('muteRequest', { media, muted });
  }

  /** @internal */
  transferStarted(transfer: IncomingTransfer): void {
    this.emit('transfer', transfer);
  }

  /** @internal */
  end(reason: ConferenceEndReason): void {
    if (this.#status === 'DISCONNECTED') return;
    this.#endReason = reason;
    this.become('DISCONNECTED');
    this.emit('ended', { reason });
  }

  protected become(status: ConferenceStatus): void {
    this.#status = status;
    this.emit('status', status);
  }

  #tell(changes: RosterChange[], told: { reason?: LeaveReason; by?: string } = {}): void {
    for (const change of changes) {
      const { participant } = change;
      if (change.what === 'joined') this.emit('participantJoined', participant);
      else if (change.what === 'left') this.emit('participantLeft', { participant, reason: told.reason ?? 'left' });
      else if (change.what === 'held') this.emit('participantHeld', participant);
      else if (change.what === 'unheld') this.emit('participantUnheld', participant);
      else {
        const { media, muted } = change;
        this.emit('participantMuted', { participant, media, muted, by: told.by ?? participant.userId });
      }
    }
  }
}
