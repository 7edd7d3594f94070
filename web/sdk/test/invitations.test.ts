import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  BusyError,
  CancelledError,
  ConferenceInvitation,
  ConferenceInvitationRequest,
  DeclinedError,
  NoAnswerError,
  NotFoundError,
  RoomFullError,
  type Session,
  UnavailableError,
} from '../src/index.js';
import type { InviteNotice, NoticeName, Notices } from '../src/wire.js';
import { FakeServer, Refuse } from './fake/server.js';
import { eventually, logIn, roomOf, settle } from './support.js';

let server: FakeServer;
let session: Session;

beforeEach(async () => {
  server = await FakeServer.start();
  server.on('createRoom', () => roomOf('r-1', 'u-alice'));
  server.on('leaveRoom', () => ({}));
  server.on('invite', () => ({ inviteId: 'i-1' }));
  server.on('cancel', () => ({}));
  server.on('decline', () => ({}));
  session = await logIn(server);
});

afterEach(async () => {
  session.disconnect();
  await server.stop();
});

const sent = (name: string) => server.requests.filter(({ request }) => request === name).at(-1)?.payload;

const ring = (more: Partial<InviteNotice> = {}): InviteNotice => ({
  inviteId: 'i-9',
  from: 'u-bob',
  fromDetails: { userId: 'u-bob', username: 'bob', domain: 'demo', displayName: 'Bob' },
  roomId: 'r-9',
  mediatypes: { audio: true, video: false },
  context: { page: '/prices' },
  ringUntil: 1_800_000_000_000,
  ...more,
});

async function ringing(more: Partial<InviteNotice> = {}): Promise<ConferenceInvitation> {
  const told = session.conferences.once('conferenceInvitation');
  server.notice('alice', 'invite', ring(more));
  return told;
}

test('a call makes a conference, rings, and says who accepted', async () => {
  const options = { mediatypes: { audio: true, video: false }, context: { topic: 'prices' } };
  const { conference, invitation } = await session.conferences.call('bob', options);
  expect(sent('invite')).toEqual({ to: 'bob', roomId: 'r-1', ...options });
  expect(invitation.state).toBe('RINGING');
  server.notice('alice', 'inviteAccepted', { inviteId: 'i-1', roomId: 'r-1', whoAccepted: 'u-bob' });
  server.notice('alice', 'participantJoined', { roomId: 'r-1', userId: 'u-bob' });
  expect(await invitation.outcome()).toEqual({ whoAccepted: 'u-bob', roomId: 'r-1' });
  expect(invitation.state).toBe('ACCEPTED');
  await eventually(() => conference.participants.has('u-bob'));
});

test('a call that cannot ring leaves no empty conference behind', async () => {
  server.on('invite', () => {
    throw new Refuse(404, 'user_unknown');
  });
  await expect(session.conferences.call('nobody')).rejects.toBeInstanceOf(NotFoundError);
  expect(session.conferences.conferences).toEqual([]);
  expect(sent('leaveRoom')).toEqual({ roomId: 'r-1' });
});

const failures: [NoticeName, number, new (...details: never[]) => Error][] = [
  ['inviteDeclined', 603, DeclinedError],
  ['inviteDeclined', 486, BusyError],
  ['inviteCancelled', 487, CancelledError],
  ['inviteExpired', 408, NoAnswerError],
  ['inviteEnded', 404, NotFoundError],
  ['inviteEnded', 480, UnavailableError],
];

test.each(failures)('%s with %i rejects the outcome with an error of its own', async (name, errorCode, Failure) => {
  const { invitation } = await session.conferences.call('bob');
  const ended = invitation.once('ended');
  server.notice('alice', name, { inviteId: 'i-1', errorCode } as Notices[typeof name]);
  expect((await ended).error).toBeInstanceOf(Failure);
  await expect(invitation.outcome()).rejects.toMatchObject({ status: errorCode });
  expect(invitation.state).toBe('ENDED');
});

test('an outcome that is told before the answer to the invitation is not lost', async () => {
  server.on('invite', () => {
    server.notice('alice', 'inviteEnded', { inviteId: 'i-1', errorCode: 404 });
    return { inviteId: 'i-1' };
  });
  const { invitation } = await session.conferences.call('bob');
  await expect(invitation.outcome()).rejects.toBeInstanceOf(NotFoundError);
});

test('several are invited at once, each with an outcome of his own', async () => {
  server.on('invite', ({ to }: { to: string[] }) => ({
    invites: to.map((address, index) => ({ inviteId: `i-${index}`, to: address })),
  }));
  const conference = await session.conferences.createConference();
  const [bob, carol] = await conference.inviteMany(['bob', 'carol']);
  expect([bob?.to, carol?.to]).toEqual(['bob', 'carol']);
  server.notice('alice', 'inviteDeclined', { inviteId: 'i-0', errorCode: 603 });
  server.notice('alice', 'inviteAccepted', { inviteId: 'i-1', roomId: 'r-1', whoAccepted: 'u-carol' });
  const outcomes = await Promise.allSettled([bob?.outcome(), carol?.outcome()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});

test('who cancels knows it from the answer', async () => {
  const { invitation } = await session.conferences.call('bob');
  await invitation.cancel();
  expect(sent('cancel')).toEqual({ inviteId: 'i-1', errorCode: 487 });
  await expect(invitation.outcome()).rejects.toBeInstanceOf(CancelledError);
});

test('a cancellation that comes too late is refused, and the call goes on', async () => {
  server.on('cancel', () => {
    throw new Refuse(409, 'not_ringing');
  });
  const { invitation } = await session.conferences.call('bob');
  await expect(invitation.cancel()).rejects.toMatchObject({ name: 'ConflictError', code: 'not_ringing' });
  server.notice('alice', 'inviteAccepted', { inviteId: 'i-1', roomId: 'r-1', whoAccepted: 'u-bob' });
  expect((await invitation.outcome()).whoAccepted).toBe('u-bob');
});

test('an outcome need not be waited for, and a wait can be given up', async () => {
  const { invitation } = await session.conferences.call('bob');
  await expect(invitation.outcome({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  server.notice('alice', 'inviteDeclined', { inviteId: 'i-1', errorCode: 603 });
  await invitation.once('ended');
});

test('what rings says who calls and with what, and accepting leads into the conference', async () => {
  server.on('accept', () => roomOf('r-9', 'u-bob', 'u-alice'));
  server.on('listParticipants', () => ({ participants: [] }));
  const invitation = await ringing();
  expect(invitation).toBeInstanceOf(ConferenceInvitation);
  expect(invitation).toMatchObject({ from: 'u-bob', roomId: 'r-9', context: { page: '/prices' }, isRinging: true });
  expect(invitation.fromDetails.displayName).toBe('Bob');
  expect(invitation.ringUntil).toBe(1_800_000_000_000);
  expect(session.conferences.invitations).toEqual([invitation]);
  const conference = await invitation.accept();
  expect(sent('accept')).toEqual({ inviteId: 'i-9' });
  expect(conference.id).toBe('r-9');
  expect(invitation.endReason).toBe('accepted');
  expect(session.conferences.invitations).toEqual([]);
});

test('a notice right behind the answer finds the conference', async () => {
  server.on('listParticipants', () => {
    throw new Refuse(500);
  });
  server.on('accept', () => {
    // Written right behind the answer, so that both frames may arrive in one piece.
    queueMicrotask(() => server.notice('alice', 'participantJoined', { roomId: 'r-9', userId: 'u-carol' }));
    return roomOf('r-9', 'u-bob', 'u-alice');
  });
  const conference = await (await ringing()).accept();
  await eventually(() => conference.participants.has('u-carol'));
});

test('a full room leaves the invitation ringing', async () => {
  server.on('accept', () => {
    throw new Refuse(403, 'participants_limit');
  });
  const invitation = await ringing();
  await expect(invitation.accept()).rejects.toBeInstanceOf(RoomFullError);
  expect(invitation.isRinging).toBe(true);
});

test('a refusal carries a code, 603 if nothing is said', async () => {
  await (await ringing()).decline();
  expect(sent('decline')).toEqual({ inviteId: 'i-9', errorCode: 603 });
  const busy = await ringing({ inviteId: 'i-10' });
  await busy.decline({ errorCode: 486 });
  expect(sent('decline')).toEqual({ inviteId: 'i-10', errorCode: 486 });
  expect(busy.endReason).toBe('declined');
});

const ends: [NoticeName, object, string][] = [
  ['inviteStopped', { reason: 'accepted' }, 'accepted_elsewhere'],
  ['inviteStopped', { reason: 'declined' }, 'declined_elsewhere'],
  ['inviteStopped', { reason: 'gone' }, 'gone'],
  ['inviteCancelled', { errorCode: 487 }, 'cancelled'],
  ['inviteExpired', { errorCode: 408 }, 'expired'],
];

test.each(ends)('%s %j stops the ringing as %s', async (name, more, reason) => {
  const invitation = await ringing();
  const ended = invitation.once('ended');
  server.notice('alice', name, { inviteId: 'i-9', ...more } as never);
  expect(await ended).toEqual({ reason });
  expect(session.conferences.invitations).toEqual([]);
});

test('an invitation that is over does not ring again when the server lists it once more', async () => {
  const invitation = await ringing();
  await invitation.decline();
  server.on('currentInvitations', () => ({ payload: { currentInvitations: [ring()] } }));
  expect(await session.conferences.getCurrentInvitations()).toEqual([]);
});

test('a request to be let in is accepted with a conference', async () => {
  server.on('accept', () => roomOf('r-1', 'u-alice'));
  const told = session.conferences.once('conferenceInvitationRequest');
  const { roomId: _, ...request } = ring();
  server.notice('alice', 'inviteRequest', request);
  const asked = await told;
  expect(asked).toBeInstanceOf(ConferenceInvitationRequest);
  const conference = await session.conferences.createConference();
  expect(await asked.accept(conference)).toBe(conference);
  expect(sent('accept')).toEqual({ inviteId: 'i-9', roomId: 'r-1' });
});

test('who was let in joins the conference', async () => {
  server.on('inviteRequest', () => ({ inviteId: 'i-4' }));
  server.on('joinRoom', () => roomOf('r-4', 'u-bob', 'u-alice'));
  server.on('listParticipants', () => ({ participants: [] }));
  const request = await session.conferences.requestInvitation('bob', { mediatypes: { audio: true, video: false } });
  expect(sent('inviteRequest')).toEqual({ to: 'bob', mediatypes: { audio: true, video: false }, context: {} });
  server.notice('alice', 'inviteAccepted', { inviteId: 'i-4', roomId: 'r-4', whoAccepted: 'u-bob' });
  expect((await request.outcome()).id).toBe('r-4');
  expect(sent('joinRoom')).toEqual({ roomId: 'r-4' });
});

test('who was let in and cannot join hears why', async () => {
  server.on('inviteRequest', () => ({ inviteId: 'i-4' }));
  server.on('joinRoom', () => {
    throw new Refuse(403, 'participants_limit');
  });
  const request = await session.conferences.requestInvitation('bob');
  server.notice('alice', 'inviteAccepted', { inviteId: 'i-4', roomId: 'r-4', whoAccepted: 'u-bob' });
  await expect(request.outcome()).rejects.toBeInstanceOf(RoomFullError);
});

test('an agent is called by the address of the pool', async () => {
  await session.conferences.callAgent({ context: { page: '/prices' } });
  expect(sent('invite')).toMatchObject({ to: 'wac-agent', context: { page: '/prices' } });
});

test('what rings when a device connects is told', async () => {
  server.on('currentInvitations', () => ({ payload: { currentInvitations: [ring({ inviteId: 'i-5' })] } }));
  const second = await logIn(server, 'alice', { autoConnect: false });
  const told = second.conferences.once('conferenceInvitation');
  await second.connect();
  expect((await told).id).toBe('i-5');
  second.disconnect();
});

test('when the session ends, what rings is gone and what was asked is over', async () => {
  const invitation = await ringing();
  const { conference, invitation: asked } = await session.conferences.call('bob');
  session.disconnect();
  expect(invitation.endReason).toBe('gone');
  expect(conference.endReason).toBe('session_ended');
  await expect(asked.outcome()).rejects.toMatchObject({ name: 'SessionEndedError' });
  await settle();
});
