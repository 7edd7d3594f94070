import { refusal } from '../errors.js';
import type { NoticeBody, Notices } from '../wire.js';
import type { IncomingEndReason } from './incoming.js';
import type { Registry } from './registry.js';
import { IncomingTransfer } from './transfer.js';

const STOPPED: Readonly<Record<Notices['inviteStopped']['reason'], IncomingEndReason>> = {
  accepted: 'accepted_elsewhere',
  declined: 'declined_elsewhere',
  gone: 'gone',
};

/** Hands a notice to whom it concerns. Notices this version does not know are none of its business. */
export function route(registry: Registry, notice: NoticeBody): void {
  switch (notice.eventName) {
    case 'invite':
    case 'inviteRequest':
      return registry.ring(notice.eventName, notice.payload);
    case 'inviteStopped':
      return registry.ringing.get(notice.payload.inviteId)?.end(STOPPED[notice.payload.reason] ?? 'gone');
    case 'inviteAccepted':
    case 'inviteDeclined':
    case 'inviteCancelled':
    case 'inviteExpired':
    case 'inviteEnded':
      return outcome(registry, notice);
    case 'callTransferStart':
      return transferStarted(registry, notice.payload);
    case 'callTransferCompleted':
    case 'callTransferFailed':
      return transferOutcome(registry, notice);
    case 'hello':
    case 'sessionClosed':
      return;
    default:
      return room(registry, notice);
  }
}

type OutcomeName = 'inviteAccepted' | 'inviteDeclined' | 'inviteCancelled' | 'inviteExpired' | 'inviteEnded';

function outcome(registry: Registry, notice: Extract<NoticeBody, { eventName: OutcomeName }>): void {
  const { inviteId } = notice.payload;
  const ringing = registry.ringing.get(inviteId);
  if (ringing) return ringing.end(notice.eventName === 'inviteExpired' ? 'expired' : 'cancelled');
  const invitation = registry.outgoing.get(inviteId);
  if (!invitation) return registry.keepEarly(inviteId, notice);
  if (notice.eventName === 'inviteAccepted') invitation.accept(notice.payload);
  else invitation.end(refusal(notice.payload.errorCode, undefined, 'invite'));
}

function transferStarted(registry: Registry, payload: Notices['callTransferStart']): void {
  const conference = registry.find(payload.roomId);
  if (!conference) return;
  const transfer = new IncomingTransfer(registry, conference, payload);
  registry.followTransfer(transfer);
  conference.transferStarted(transfer);
}

type TransferOutcomeName = 'callTransferCompleted' | 'callTransferFailed';

function transferOutcome(registry: Registry, notice: Extract<NoticeBody, { eventName: TransferOutcomeName }>): void {
  const { callTransferId } = notice.payload;
  const transfer = registry.transfers.get(callTransferId);
  if (!transfer) return registry.keepEarly(callTransferId, notice);
  registry.transfers.delete(callTransferId);
  if (notice.eventName === 'callTransferCompleted') transfer.complete(notice.payload.roomId);
  else transfer.fail(refusal(notice.payload.errorCode, undefined, 'transfer'));
}

type RoomNoticeName =
  | 'participantJoined'
  | 'participantLeft'
  | 'participantHeld'
  | 'participantUnheld'
  | 'participantMuted'
  | 'mute-request'
  | 'roomUpdated'
  | 'roomClosed';

function room(registry: Registry, notice: Extract<NoticeBody, { eventName: RoomNoticeName }>): void {
  const conference = registry.find(notice.payload?.roomId);
  if (!conference) return;
  switch (notice.eventName) {
    case 'participantJoined':
      return conference.change(roster => roster.join(notice.payload.userId));
    case 'participantLeft':
      return left(registry, notice.payload);
    case 'participantHeld':
      return conference.change(roster => roster.hold(notice.payload.userId, true));
    case 'participantUnheld':
      return conference.change(roster => roster.hold(notice.payload.userId, false));
    case 'participantMuted': {
      const { userId, media, muted, by } = notice.payload;
      return conference.change(roster => roster.mute(userId, media, muted), { by });
    }
    case 'mute-request':
      return conference.muteRequested(notice.payload.media, notice.payload.muted);
    case 'roomUpdated': {
      const { roomId: _, server, token, ...change } = notice.payload;
      // A room that has moved to another media node comes with a token for it.
      return conference.updated(server && token ? { ...change, server, token } : change);
    }
    case 'roomClosed':
      return conference.end('closed');
  }
}

function left(registry: Registry, { roomId, userId, reason }: Notices['participantLeft']): void {
  const conference = registry.find(roomId);
  if (!conference) return;
  if (userId !== registry.userId) return conference.change(roster => roster.leave(userId), { reason });
  if (reason === 'expelled') return conference.end('expelled');
  if (reason === 'closed') return conference.end('closed');
  registry.verify(conference, reason);
}
