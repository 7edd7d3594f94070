import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSession, recoverSession, type Session } from '../src/index.js';
import { FakeServer } from './fake/server.js';
import { collect, configOf, eventually, inviteOf, logIn, roomOf, settle } from './support.js';

let server: FakeServer;
let session: Session;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  vi.useRealTimers();
  session.disconnect();
  await server.stop();
});

const ring = (inviteId: string) => inviteOf(inviteId, { roomId: 'r-9' });

/** Addresses that the signaling socket was opened with. */
const signaling = () => server.upgrades.map(({ url }) => url).filter(url => url.startsWith('/qss'));

const connectedAgain = async () => {
  await eventually(() => session.status === 'SUSPENDED');
  await eventually(() => session.status === 'CONNECTED');
};

test('after a cut the socket resumes, and every notice of the meantime comes once and in order', async () => {
  session = await logIn(server);
  const { events, listener } = collect<string>();
  session.conferences.on('conferenceInvitation', invitation => listener(invitation.id));
  server.notice('alice', 'invite', ring('i-1'));
  await eventually(() => events.length === 1);
  for (const socket of server.of('alice')) socket.cut();
  server.notice('alice', 'invite', ring('i-2'));
  server.notice('alice', 'invite', ring('i-3'));
  await connectedAgain();
  await eventually(() => events.length === 3);
  expect(events).toEqual(['i-1', 'i-2', 'i-3']);
  expect(signaling()).toEqual(['/qss', '/qss?position=101']);
});

test('a notice that the server repeats is not told twice', async () => {
  session = await logIn(server);
  const { events, listener } = collect<unknown>();
  session.raw.onNotice(listener);
  const [socket] = server.of('alice');
  const frame = { type: 'event', position: 105, payload: { eventName: 'participantHeld', payload: { roomId: 'r' } } };
  socket?.send(frame);
  socket?.send(frame);
  socket?.send({ ...frame, position: 103 });
  socket?.send({ ...frame, position: 106 });
  await eventually(() => events.length >= 2);
  await settle();
  expect(events.length).toBe(2);
});

test('two different notices of one position are both told', async () => {
  session = await logIn(server);
  const { events, listener } = collect<unknown>();
  session.raw.onNotice(listener);
  const [socket] = server.of('alice');
  const muted = { roomId: 'r', media: 'audio', muted: true };
  socket?.send({ type: 'event', position: 105, payload: { eventName: 'participantMuted', payload: muted } });
  socket?.send({ type: 'event', position: 105, payload: { eventName: 'mute-request', payload: muted } });
  await eventually(() => events.length === 2);
});

test('an invitation that rings already is not told again by another position', async () => {
  session = await logIn(server);
  const { events, listener } = collect<unknown>();
  session.conferences.on('conferenceInvitation', listener);
  server.notice('alice', 'invite', ring('i-1'));
  server.notice('alice', 'invite', ring('i-1'));
  server.notice('alice', 'invite', ring('i-2'));
  await eventually(() => events.length === 2);
  await settle();
  expect(events.length).toBe(2);
});

test('an answer does not move the position over a notice that is still on its way', async () => {
  server.on('createRoom', () => ({ ...roomOf('r-1', 'u-alice'), position: 500 }));
  session = await logIn(server);
  const { events, listener } = collect<unknown>();
  session.raw.onNotice(listener);
  await session.conferences.createConference();
  server.notice('alice', 'invite', ring('i-1'));
  await eventually(() => events.length === 1);
});

test('a request whose answer was lost is sent again under its id, and takes effect once', async () => {
  let made = 0;
  server.on('createRoom', (_, socket) => {
    made += 1;
    socket.mute = true;
    return roomOf(`r-${made}`, 'u-alice');
  });
  session = await logIn(server);
  const creating = session.conferences.createConference();
  await eventually(() => made === 1);
  for (const socket of server.of('alice')) socket.cut();
  expect((await creating).id).toBe('r-1');
  const ids = server.requests.filter(({ request }) => request === 'createRoom').map(({ requestID }) => requestID);
  expect(ids.length).toBe(2);
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[\w-]{21}$/);
});

test('requests made while there is no connection are sent in their order once there is one', async () => {
  server.on('hold', () => ({}));
  server.on('unhold', () => ({}));
  session = await logIn(server);
  server.refuseWith = 503;
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => session.status === 'SUSPENDED');
  const both = [session.raw.request('hold', { roomId: 'r' }), session.raw.request('unhold', { roomId: 'r' })];
  server.refuseWith = undefined;
  await Promise.all(both);
  const names = server.requests.map(({ request }) => request).filter(name => name !== 'currentInvitations');
  expect(names).toEqual(['hold', 'unhold']);
});

test('a stopping node sends its clients elsewhere at once', async () => {
  const other = await FakeServer.start();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  session = await logIn(server, 'alice', { ...configOf([server, other]), backoff: { firstMs: 60_000 } });
  expect(server.of('alice').length).toBe(1);
  // Both nodes share one database, and so the tokens.
  other.tokens.caller = token => server.tokens.caller(token);
  for (const socket of server.sockets) socket.close(1012, 'stopping');
  await connectedAgain();
  expect(server.sockets.size).toBe(0);
  expect(other.of('alice').length).toBe(1);
  session.disconnect();
  await other.stop();
});

test('of several servers the next is asked at once when one does not answer', async () => {
  const dead = await FakeServer.start();
  const servers = [dead.url, server.url];
  await dead.stop();
  session = await logIn(server, 'alice', { servers, firstServer: 'first', backoff: { firstMs: 600_000 } });
  expect(session.status).toBe('CONNECTED');
  expect(signaling().length).toBe(1);
});

test('an only server that stops is asked again at once', async () => {
  session = await logIn(server, 'alice', { backoff: { firstMs: 60_000 } });
  for (const socket of server.of('alice')) socket.close(1012, 'stopping');
  await connectedAgain();
  expect(signaling().length).toBe(2);
});

test('a server that is too far ahead to resume makes the client ask for the present state', async () => {
  const entry = (userId: string) => ({
    userId,
    owner: userId === 'u-alice',
    held: userId === 'u-carol',
    muted: { audio: false, video: false },
    devices: 1,
  });
  server.on('createRoom', () => roomOf('r-1', 'u-alice'));
  session = await logIn(server);
  const conference = await session.conferences.createConference();
  server.notice('alice', 'participantJoined', { roomId: 'r-1', userId: 'u-bob' });
  server.notice('alice', 'invite', ring('i-1'));
  const invitation = await session.conferences.once('conferenceInvitation');
  const told: string[] = [];
  conference.on('participantJoined', ({ userId }) => told.push(`joined ${userId}`));
  conference.on('participantLeft', ({ participant }) => told.push(`left ${participant.userId}`));
  conference.on('participantHeld', ({ userId }) => told.push(`held ${userId}`));
  invitation.on('ended', ({ reason }) => told.push(`i-1 ${reason}`));
  session.conferences.on('conferenceInvitation', ({ id }) => told.push(`rings ${id}`));

  server.on('listParticipants', () => ({ participants: [entry('u-alice'), entry('u-carol')] }));
  server.on('currentInvitations', () => ({ payload: { currentInvitations: [ring('i-2')] } }));
  server.resumeFrom = 1_000;
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => told.length === 5);
  expect(told.sort()).toEqual(['held u-carol', 'i-1 gone', 'joined u-carol', 'left u-bob', 'rings i-2']);
  expect(signaling()).toEqual(['/qss', '/qss?position=102', '/qss']);
});

test('a client that was too slow asks for the present state, and rooms that are gone are over', async () => {
  let made = 0;
  server.on('createRoom', () => roomOf(`r-${++made}`, 'u-alice'));
  session = await logIn(server);
  const [first, second] = [await session.conferences.createConference(), await session.conferences.createConference()];
  const list = (roomId: string) => [
    {
      userId: roomId === 'r-1' ? 'u-alice' : 'u-bob',
      owner: true,
      held: false,
      muted: { audio: false, video: false },
      devices: 1,
    },
  ];
  server.on('listParticipants', ({ roomId }: { roomId: string }) => ({ participants: list(roomId) }));
  const ended = second.once('ended');
  for (const socket of server.of('alice')) socket.close(4409, 'too slow');
  expect(await ended).toEqual({ reason: 'lost' });
  expect(first.status).toBe('CONNECTED');
  expect(signaling()).toEqual(['/qss', '/qss']);
});

test('after "too many requests" the client waits, however quick it is otherwise', async () => {
  session = await logIn(server);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  for (const socket of server.of('alice')) socket.close(4429, 'slow down');
  await eventually(() => session.status === 'SUSPENDED');
  await vi.advanceTimersByTimeAsync(4_900);
  await settle();
  expect(signaling().length).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  await eventually(() => session.status === 'CONNECTED');
});

test('what the server found malformed fails and is not sent again; the rest is', async () => {
  session = await logIn(server);
  server.on('hold', (_, socket) => {
    socket.close(4400, 'malformed');
    socket.mute = true;
    return {};
  });
  server.on('unhold', () => ({}));
  const bad = session.raw.request('hold', { roomId: 'r' });
  await expect(bad).rejects.toMatchObject({ name: 'ProtocolError', code: 'malformed_frame' });
  await session.raw.request('unhold', { roomId: 'r' });
  expect(server.requests.filter(({ request }) => request === 'hold').length).toBe(1);
});

test('a frame that is larger than the server takes is refused here', async () => {
  server.limits = { maxFrame: 300 };
  session = await logIn(server);
  const huge = session.raw.request('invite', {
    to: 'bob',
    roomId: 'r',
    mediatypes: { audio: true, video: true },
    context: { text: 'é'.repeat(120) },
  });
  await expect(huge).rejects.toMatchObject({ name: 'InvalidRequestError', code: 'frame_too_large' });
});

test('a silent socket is asked, and given up if it stays silent', async () => {
  session = await logIn(server, 'alice', { heartbeat: { idleMs: 1_000, answerMs: 500 } });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  // The timers of the first connection are real ones.
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => session.status === 'SUSPENDED');
  await vi.advanceTimersByTimeAsync(50);
  await eventually(() => session.status === 'CONNECTED');
  const asked = () => server.requests.filter(({ request }) => request === 'currentInvitations').length;
  const before = asked();
  await vi.advanceTimersByTimeAsync(1_000);
  await eventually(() => asked() === before + 1);
  expect(session.status).toBe('CONNECTED');
  await settle();

  for (const socket of server.of('alice')) socket.deaf = true;
  await vi.advanceTimersByTimeAsync(1_000);
  await settle();
  expect(session.status).toBe('CONNECTED');
  await vi.advanceTimersByTimeAsync(500);
  await eventually(() => session.status === 'SUSPENDED');
  await vi.advanceTimersByTimeAsync(50);
  await eventually(() => session.status === 'CONNECTED');
});

test('a server that never says hello is left', async () => {
  session = await logIn(server, 'alice', { attemptTimeoutMs: 30 });
  server.silentFrom = 'jt';
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => signaling().length >= 3);
  server.silentFrom = undefined;
  await eventually(() => session.status === 'CONNECTED');
});

test('a token that has ended is renewed before the next attempt', async () => {
  session = await logIn(server);
  server.tokens.expire('s-1');
  for (const socket of server.of('alice')) socket.cut();
  await connectedAgain();
  expect(server.tokens.calls).toContain('token refresh_token');
});

test('a session that cannot be renewed is over', async () => {
  session = await logIn(server);
  const ended = session.once('ended');
  server.tokens.end('s-1');
  for (const socket of server.of('alice')) socket.cut();
  expect((await ended).error).toMatchObject({ name: 'SessionEndedError', code: 'invalid_grant' });
});

test('a bare token that has ended ends the session', async () => {
  const { token } = server.tokens.open('alice');
  session = await recoverSession(token, configOf(server));
  server.tokens.end('s-1');
  const ended = session.once('ended');
  for (const socket of server.of('alice')) socket.cut();
  expect((await ended).error).toMatchObject({ name: 'SessionEndedError', code: 'token_ended' });
});

test('an outcome that was missed for good is unknown in the end', async () => {
  server.on('createRoom', () => roomOf('r-1', 'u-alice'));
  server.on('invite', () => ({ inviteId: 'i-1' }));
  server.on('listParticipants', () => ({
    participants: [{ userId: 'u-alice', owner: true, held: false, muted: { audio: false, video: false }, devices: 1 }],
  }));
  session = await logIn(server);
  const { invitation } = await session.conferences.call('bob');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  for (const socket of server.of('alice')) socket.close(4409);
  await eventually(() => session.status === 'SUSPENDED');
  await vi.advanceTimersByTimeAsync(50);
  await eventually(() => session.status === 'CONNECTED');
  await vi.advanceTimersByTimeAsync(44_000);
  expect(invitation.state).toBe('RINGING');
  await vi.advanceTimersByTimeAsync(2_000);
  await expect(invitation.outcome()).rejects.toMatchObject({ name: 'ConnectionLostError', code: 'outcome_unknown' });
});

const questions = () => server.requests.filter(({ request }) => request === 'currentInvitations').length;

test('a connection that goes on where it was asks for nothing', async () => {
  session = await logIn(server);
  for (const socket of server.of('alice')) socket.cut();
  await connectedAgain();
  await settle();
  expect(questions()).toBe(1);
});

test('a server that does not go on although it was asked to makes the client ask for the present state', async () => {
  session = await logIn(server);
  server.neverResumes = true;
  for (const socket of server.of('alice')) socket.cut();
  await connectedAgain();
  await eventually(() => questions() === 2);
});

test('another session behind the same account makes the client ask for the present state', async () => {
  const names = ['alice', 'alice'];
  const getToken = async () => ({ accessToken: server.tokens.open(names.pop() ?? 'bob').token, expiresAt: Date.now() });
  session = await createSession({ ...configOf(server), getToken });
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => questions() >= 2);
});

test('without a network nothing is tried, and with one at once', async () => {
  const window = Object.assign(new EventTarget(), { document: new EventTarget() });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
  vi.stubGlobal('document', window.document);
  session = await logIn(server, 'alice', { backoff: { firstMs: 60_000, maxMs: 60_000 } });
  vi.unstubAllGlobals();
  const before = questions();
  window.dispatchEvent(new Event('offline'));
  await eventually(() => questions() === before + 1, 'a question to the open socket');
  for (const socket of server.of('alice')) socket.cut();
  await eventually(() => session.status === 'SUSPENDED');
  await settle();
  expect(signaling().length).toBe(1);
  window.dispatchEvent(new Event('online'));
  await eventually(() => session.status === 'CONNECTED');
  expect(signaling().length).toBe(2);
});
