import { Emitter } from '../emitter.js';
import { ConnectionLostError, ForbiddenError, NotFoundError, RefusedError, type WacError } from '../errors.js';
import type { Logger } from '../transport/logger.js';
import type { Qss } from '../transport/qss.js';
import type { CurrentInvitation, InviteNotice, KnownRoom, NoticeBody } from '../wire.js';
import { Conference } from './conference.js';
import type { Context, Transfer } from './context.js';
import { Early, Remembered } from './early.js';
import { ConferenceInvitation, ConferenceInvitationRequest, type RingingInvitation } from './incoming.js';
import { route } from './notices.js';
import type { OutgoingInvitation } from './outgoing.js';
import { OutgoingTransfer } from './transfer.js';

/** What happens to conferences as a whole. */
export interface ConferenceManagerEvents {
  /** Somebody invites this person. */
  conferenceInvitation: ConferenceInvitation;
  /** Somebody asks to be let into a conference of this person. */
  conferenceInvitationRequest: ConferenceInvitationRequest;
  /** This device has a seat in a conference: created, joined, accepted, transferred into, recovered. */
  conferenceStarted: Conference;
  /** This device has lost or given up its seat. */
  conferenceEnded: Conference;
}

/** The code of a refusal to somebody who is not in a room. */
const NOT_A_PARTICIPANT = 'not_a_participant';
/** How long an invitation of this device may stay without an outcome after notices were missed, in milliseconds. */
const UNKNOWN_OUTCOME_MS = 45_000;

/** Conferences, invitations and transfers of this device, kept as the server's notices say. */
export class Registry extends Emitter<ConferenceManagerEvents> implements Context {
  readonly conferences = new Map<string, Conference>();
  readonly ringing = new Map<string, RingingInvitation>();
  readonly outgoing = new Map<string, OutgoingInvitation<unknown>>();
  readonly transfers = new Map<string, Transfer>();
  readonly request: Qss['request'];
  readonly #logger: Logger;
  readonly #earlyOutcomes = new Early<NoticeBody>();
  readonly #rung = new Remembered();
  #synchronisation: Promise<unknown> | undefined;
  #unknown: ReturnType<typeof setTimeout> | undefined;
  userId = '';

  constructor(qss: Qss, logger: Logger) {
    super();
    this.request = qss.request.bind(qss) as Qss['request'];
    this.#logger = logger;
    qss.on('notice', notice => route(this, notice));
    qss.on('open', ({ hello, resync }) => {
      this.userId = hello.userId;
      // A recovered session goes on where it was, and yet this object knows of nothing that rings.
      if (resync || !this.#synchronisation) this.#resync();
    });
  }

  adopt(room: KnownRoom): Conference {
    const known = this.conferences.get(room.id);
    if (known) {
      known.seat(room);
      return known;
    }
    const conference = new Conference(this, room);
    this.conferences.set(room.id, conference);
    conference.on('ended', () => {
      this.conferences.delete(conference.id);
      this.emit('conferenceEnded', conference);
    });
    this.emit('conferenceStarted', conference);
    if (room.participants.length > 1) this.#inBackground(conference.refresh());
    return conference;
  }

  find(roomId: string): Conference | undefined {
    return this.conferences.get(roomId);
  }

  follow(invitation: OutgoingInvitation<unknown>): void {
    this.outgoing.set(invitation.id, invitation);
    invitation.on('ended', () => this.outgoing.delete(invitation.id));
    invitation.on('accepted', () => this.outgoing.delete(invitation.id));
    this.#tellEarly(invitation.id);
  }

  followTransfer(transfer: Transfer): void {
    this.transfers.set(transfer.id, transfer);
    this.#tellEarly(transfer.id);
  }

  /** Something rings here. The same invitation is told once, however often the server says so. */
  ring(kind: 'invite' | 'inviteRequest', notice: InviteNotice): void {
    if (!this.#rung.isNew(notice.inviteId)) return;
    const invitation =
      kind === 'invite' ? new ConferenceInvitation(this, notice) : new ConferenceInvitationRequest(this, notice);
    this.ringing.set(invitation.id, invitation);
    invitation.on('ended', () => this.ringing.delete(invitation.id));
    if (invitation instanceof ConferenceInvitation) this.emit('conferenceInvitation', invitation);
    else this.emit('conferenceInvitationRequest', invitation);
  }

  /** The outcome of something that this device does not know, or not yet. */
  keepEarly(id: string, notice: NoticeBody): void {
    this.#earlyOutcomes.keep(id, notice);
  }

  /**
   * This person has left a conference and did not say so here: it may concern another of his devices, so the server
   * is asked. If it is part of a transfer, the transfer's outcome tells.
   */
  verify(conference: Conference, reason: 'left' | 'lost'): void {
    const transfers = [...this.transfers.values()];
    if (transfers.some(transfer => transfer instanceof OutgoingTransfer && transfer.isLeaving(conference))) return;
    this.#inBackground(this.#check(conference, reason));
  }

  /** What rings, as the server lists it. */
  currentInvitations(list: readonly CurrentInvitation[]): void {
    const current = new Set(list.map(({ inviteId }) => inviteId));
    for (const invitation of [...this.ringing.values()]) {
      if (!current.has(invitation.id)) invitation.end('gone');
    }
    for (const notice of list) {
      this.ring(notice.type ?? (notice.roomId === undefined ? 'inviteRequest' : 'invite'), notice);
    }
  }

  /** What rings is known. A server answers only a device that is registered: from then on others can reach it. */
  async synchronised(): Promise<void> {
    await this.#synchronisation;
  }

  /** Seats that an earlier life of this session had, before a page was loaded anew. */
  async recover(roomIds: readonly string[]): Promise<void> {
    const attempts = roomIds.map(async roomId => {
      await this.request('listParticipants', { roomId }, {}, ({ participants }) => {
        if (!participants.some(({ userId }) => userId === this.userId)) return;
        const owner = participants.find(entry => entry.owner)?.userId ?? null;
        const conference = this.adopt({ id: roomId, owner, participants: [this.userId] });
        conference.replace(participants);
      });
    });
    await Promise.allSettled(attempts);
  }

  /** The session is over. */
  end(error: WacError): void {
    clearTimeout(this.#unknown);
    for (const conference of [...this.conferences.values()]) conference.end('session_ended');
    for (const invitation of [...this.ringing.values()]) invitation.end('gone');
    for (const invitation of [...this.outgoing.values()]) invitation.end(error);
    for (const transfer of [...this.transfers.values()]) transfer.fail(error);
    this.transfers.clear();
  }

  #resync(): void {
    const rings = this.request('currentInvitations', {}, {}, ({ payload }) =>
      this.currentInvitations(payload.currentInvitations),
    );
    this.#synchronisation = this.#inBackground(rings);
    for (const conference of this.conferences.values()) this.#inBackground(this.#check(conference));
    this.#giveUpUnknown();
  }

  /** A refusal means that the room is gone, or this person's seats in it. */
  async #check(conference: Conference, reason: 'left' | 'lost' = 'lost'): Promise<void> {
    try {
      await conference.refresh({}, reason);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const out = error instanceof ForbiddenError || error.code === NOT_A_PARTICIPANT;
      if (out) conference.end(reason);
      else if (error instanceof NotFoundError) conference.end('closed');
      else throw error;
    }
  }

  /** What was asked before notices were missed may have ended unheard. */
  #giveUpUnknown(): void {
    const invitations = [...this.outgoing.values()];
    const transfers = [...this.transfers.values()];
    if (invitations.length + transfers.length === 0) return;
    clearTimeout(this.#unknown);
    this.#unknown = setTimeout(() => {
      const error = new ConnectionLostError('Notices were missed; the outcome is unknown', { code: 'outcome_unknown' });
      for (const invitation of invitations) invitation.end(error);
      for (const transfer of transfers) {
        transfer.fail(error);
        this.transfers.delete(transfer.id);
      }
    }, UNKNOWN_OUTCOME_MS);
  }

  #tellEarly(id: string): void {
    const early = this.#earlyOutcomes.take(id);
    if (early) route(this, early);
  }

  /** What was lost by a failure here is told by later notices, or by the next synchronisation. */
  #inBackground(work: Promise<unknown>): Promise<unknown> {
    return work.catch((error: unknown) => this.#logger('warn', 'a question in the background failed', { error }));
  }
}
