import type { Qss } from '../transport/qss.js';
import type { KnownRoom } from '../wire.js';
import type { Conference } from './conference.js';
import type { OutgoingInvitation } from './outgoing.js';
import type { IncomingTransfer, OutgoingTransfer } from './transfer.js';

/** A transfer that waits for its outcome. */
export type Transfer = IncomingTransfer | OutgoingTransfer;

/** What conferences, invitations and transfers need of the registry that holds them. */
export interface Context {
  readonly request: Qss['request'];
  /** This session's own user id. */
  readonly userId: string;
  /** The conference of a room this device has a seat in; the same object as long as it keeps the seat. */
  adopt(room: KnownRoom): Conference;
  /** The conference of a room, if this device has a seat in it. */
  find(roomId: string): Conference | undefined;
  /** Hands on what is told of an invitation from now on, and what was told already. */
  follow(invitation: OutgoingInvitation<unknown>): void;
  /** The same for a transfer. */
  followTransfer(transfer: Transfer): void;
}
