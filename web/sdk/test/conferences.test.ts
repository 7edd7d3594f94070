import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  AlreadyJoinedError,
  type Conference,
  ForbiddenError,
  NotFoundError,
  RoomFullError,
  type Session,
} from '../src/index.js';
import type { RoomParticipant } from '../src/wire.js';
import { FakeServer, Refuse } from './fake/server.js';
import { collect, eventually, logIn, roomOf, settle } from './support.js';

let server: FakeServer;
let session: Session;

beforeEach(async () => {
  server = await FakeServer.start();
  server.on('createRoom', () => roomOf('r-1', 'u-alice'));
  for (const request of ['hold', 'unhold', 'mute', 'muteParticipant', 'expelParticipant', 'leaveRoom', 'closeRoom']) {
    server.on(request, () => ({}));
  }
  session = await logIn(server);
});

afterEach(async () => {
  session.disconnect();
  await server.stop();
});

/** The last request of that name. */
const sent = (name: string) => server.requests.filter(({ request }) => request === name).at(-1)?.payload;

const person = (userId: string, more: Partial<RoomParticipant> & { connected?: boolean } = {}): RoomParticipant => ({
  userId,
  owner: userId === 'u-alice',
  held: false,
  muted: { audio: false, video: false },
  devices: 1,
  ...more,
});

async function withBob(): Promise<Conference> {
  const conference = await session.conferences.createConference();
  const joined = conference.once('participantJoined');
  server.notice('alice', 'participantJoined', { roomId: 'r-1', userId: 'u-bob' });
  await joined;
  return conference;
}

test('whoever creates a conference is in it and owns it', async () => {
  const conference = await session.conferences.createConference({ record: true, acl: ['bob'] });
  expect(sent('createRoom')).toEqual({ record: true, acl: ['bob'] });
  expect(conference.id).toBe('r-1');
  expect(conference.owner).toBe('u-alice');
  expect(conference.status).toBe('CONNECTED');
  expect(conference.localParticipant).toMatchObject({ userId: 'u-alice', isLocal: true, isOwner: true });
  expect(session.conferences.conferences).toEqual([conference]);
});

test('who joins a conference with others in it learns how they are', async () => {
  server.on('joinRoom', () => roomOf('r-2', 'u-bob', 'u-alice'));
  server.on('listParticipants', () => ({
    participants: [person('u-bob', { owner: true, held: true, connected: false }), person('u-alice', { owner: false })],
  }));
  const conference = await session.conferences.join('r-2');
  await conference.once('participantHeld');
  expect(conference.participants.get('u-bob')).toEqual({
    userId: 'u-bob',
    isLocal: false,
    isOwner: true,
    isHeld: true,
    isMuted: { audio: false, video: false },
    isConnected: false,
  });
});

test('everything that happens in a conference is told, once', async () => {
  const conference = await session.conferences.createConference();
  const { events, listener } = collect<string>();
  conference.on('participantJoined', ({ userId }) => listener(`joined ${userId}`));
  conference.on('participantHeld', ({ userId }) => listener(`held ${userId}`));
  conference.on('participantUnheld', ({ userId }) => listener(`unheld ${userId}`));
  conference.on('participantMuted', ({ participant, media, muted, by }) =>
    listener(`${muted ? 'muted' : 'unmuted'} ${participant.userId} ${media} by ${by}`),
  );
  conference.on('participantLeft', ({ participant, reason }) => listener(`${participant.userId} ${reason}`));
  conference.on('updated', ({ owner, record }) => listener(`owner ${owner} record ${record}`));
  conference.on('muteRequest', ({ media, muted }) => listener(`asked to mute ${media} ${muted}`));
  const bob = { roomId: 'r-1', userId: 'u-bob' };
  server.notice('alice', 'participantJoined', bob);
  server.notice('alice', 'participantJoined', bob);
  server.notice('alice', 'participantHeld', bob);
  server.notice('alice', 'participantUnheld', bob);
  server.notice('alice', 'participantMuted', { ...bob, media: 'audio', muted: true, by: 'u-carol' });
  server.notice('alice', 'participantMuted', { ...bob, media: 'audio', muted: false, by: 'u-bob' });
  server.notice('alice', 'roomUpdated', { roomId: 'r-1', owner: 'u-bob', acl: [], record: true });
  server.notice('alice', 'mute-request', { roomId: 'r-1', media: 'video', muted: true, to: 'u-alice' });
  server.notice('alice', 'participantLeft', { ...bob, reason: 'lost' });
  await eventually(() => events.length === 8);
  expect(events).toEqual([
    'joined u-bob',
    'held u-bob',
    'unheld u-bob',
    'muted u-bob audio by u-carol',
    'unmuted u-bob audio by u-bob',
    'owner u-bob record true',
    'asked to mute video true',
    'u-bob lost',
  ]);
  expect(conference.localParticipant).toMatchObject({ isOwner: false, isMuted: { audio: false, video: true } });
});

test('notices about rooms this device is not in are none of its business', async () => {
  const conference = await session.conferences.createConference();
  server.notice('alice', 'participantJoined', { roomId: 'r-7', userId: 'u-bob' });
  server.notice('alice', 'somethingNew' as 'roomClosed', { roomId: 'r-1', reason: '' });
  server.notice('alice', 'roomClosed', { roomId: 'r-7', reason: '' });
  await settle();
  expect([...conference.participants.keys()]).toEqual(['u-alice']);
  expect(conference.status).toBe('CONNECTED');
});

test('what this device does is seen in the conference at once, though no notice tells it', async () => {
  const conference = await withBob();
  await conference.hold();
  expect(conference.localParticipant?.isHeld).toBe(true);
  await conference.unhold();
  expect(conference.localParticipant?.isHeld).toBe(false);
  await conference.mute();
  expect(sent('mute')).toEqual({ roomId: 'r-1', media: 'audio', muted: true });
  expect(conference.localParticipant?.isMuted).toEqual({ audio: true, video: false });
  await conference.unmute('audio');
  expect(conference.localParticipant?.isMuted.audio).toBe(false);
  await conference.muteParticipant('u-bob', 'video', true);
  expect(sent('muteParticipant')).toEqual({ roomId: 'r-1', to: 'u-bob', media: 'video', muted: true });
  expect(conference.participants.get('u-bob')?.isMuted.video).toBe(true);
  await conference.expel('u-bob');
  expect([...conference.participants.keys()]).toEqual(['u-alice']);
});

test('who leaves is out, and the object says why', async () => {
  const conference = await withBob();
  const statuses: string[] = [];
  conference.on('status', status => statuses.push(status));
  const ended = session.conferences.once('conferenceEnded');
  await conference.leave();
  expect(await ended).toBe(conference);
  expect(statuses).toEqual(['DISCONNECTING', 'DISCONNECTED']);
  expect(conference.endReason).toBe('left');
  expect(session.conferences.conferences).toEqual([]);
  await conference.leave();
  expect(server.requests.filter(({ request }) => request === 'leaveRoom').length).toBe(1);
});

test('leaving a conference that is gone is no error', async () => {
  const conference = await session.conferences.createConference();
  server.on('leaveRoom', () => {
    throw new Refuse(404);
  });
  await conference.leave();
  expect(conference.endReason).toBe('closed');
});

test('a close that is refused leaves everything as it was', async () => {
  const conference = await session.conferences.createConference();
  server.on('closeRoom', () => {
    throw new Refuse(403, 'not_owner');
  });
  await expect(conference.close()).rejects.toMatchObject({ name: 'ForbiddenError', code: 'not_owner', status: 403 });
  expect(conference.status).toBe('CONNECTED');
});

test('a conference ends for who is expelled, and when it is closed', async () => {
  const conference = await withBob();
  const ended = conference.once('ended');
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'expelled' });
  expect(await ended).toEqual({ reason: 'expelled' });

  const next = await session.conferences.createConference();
  expect(next).not.toBe(conference);
  server.notice('alice', 'roomClosed', { roomId: 'r-1', reason: 'closed' });
  expect(await next.once('ended')).toEqual({ reason: 'closed' });
});

test('when another device of this person leaves, this one asks whether it is still in', async () => {
  const conference = await withBob();
  server.on('listParticipants', () => ({ participants: [person('u-alice'), person('u-bob')] }));
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'left' });
  await eventually(() => sent('listParticipants') !== undefined);
  await settle();
  expect(conference.status).toBe('CONNECTED');
  server.on('listParticipants', () => {
    throw new Refuse(403);
  });
  const ended = conference.once('ended');
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'lost' });
  expect(await ended).toEqual({ reason: 'lost' });
});

test('who is told that he is not in a room has lost his seat; a room that is gone is closed', async () => {
  const conference = await withBob();
  server.on('listParticipants', () => {
    throw new Refuse(404, 'not_a_participant');
  });
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'left' });
  expect(await conference.once('ended')).toEqual({ reason: 'left' });

  const next = await withBob();
  server.on('listParticipants', () => {
    throw new Refuse(404, 'room_not_found');
  });
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'lost' });
  expect(await next.once('ended')).toEqual({ reason: 'closed' });
});

test('a dry run changes nothing here', async () => {
  server.on('updateRoom', () => ({ ...roomOf('r-1', 'u-alice'), record: true }));
  const conference = await session.conferences.createConference();
  expect((await conference.update({ record: true, dryRun: true })).record).toBe(true);
  expect(conference.room.record).toBe(false);
  await conference.update({ record: true });
  expect(conference.room.record).toBe(true);
  expect(sent('updateRoom')).toEqual({ roomId: 'r-1', record: true });
});

test('a quick conference is joined by its URI', async () => {
  server.on('joinQuickConference', () => roomOf('r-5', 'u-alice'));
  const conference = await session.conferences.getQuickConference('wac-conf00000000000000000042');
  expect(conference.id).toBe('r-5');
  expect(sent('joinQuickConference')).toEqual({ uri: 'wac-conf00000000000000000042' });
});

test('refusals come as errors of their own', async () => {
  const refuseWith = (status: number, code?: string) =>
    server.on('joinRoom', () => {
      throw new Refuse(status, code);
    });
  const join = () => session.conferences.join('r-3');
  refuseWith(404, 'room_unknown');
  await expect(join()).rejects.toBeInstanceOf(NotFoundError);
  refuseWith(403, 'not_on_acl');
  await expect(join()).rejects.toBeInstanceOf(ForbiddenError);
  refuseWith(403, 'participants_limit');
  await expect(join()).rejects.toBeInstanceOf(RoomFullError);
  refuseWith(409, 'ALREADY_JOINED');
  await expect(join()).rejects.toBeInstanceOf(AlreadyJoinedError);
  refuseWith(429);
  await expect(join()).rejects.toMatchObject({ name: 'RateLimitedError', retryable: true });
  refuseWith(422, 'request_id_reused');
  await expect(join()).rejects.toMatchObject({ name: 'InvalidRequestError', code: 'request_id_reused' });
});

test('a request can be given up, and has an end of its own', async () => {
  for (const socket of server.of('alice')) socket.deaf = true;
  const controller = new AbortController();
  const given = session.conferences.createConference({ signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await expect(session.conferences.createConference({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
    'no',
  );
  const late = session.conferences.createConference({ timeoutMs: 20 });
  await expect(late).rejects.toMatchObject({ name: 'TimeoutError', retryable: true });
});

test('so many requests may wait, and no more', async () => {
  for (const socket of server.of('alice')) socket.deaf = true;
  const waiting = Array.from({ length: 256 }, () => session.raw.request('hold', { roomId: 'r' }));
  for (const request of waiting) request.catch(() => {});
  const more = session.raw.request('hold', { roomId: 'r' });
  await expect(more).rejects.toMatchObject({ code: 'too_many_waiting', retryable: true });
});
