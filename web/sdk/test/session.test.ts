import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createAnonymousSession,
  createSession,
  LoginError,
  recoverSession,
  type Session,
  SessionEndedError,
  type SessionStatus,
  savedSession,
} from '../src/index.js';
import { FakeServer } from './fake/server.js';
import { configOf, eventually, logIn, roomOf } from './support.js';

let server: FakeServer;
let session: Session | undefined;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  session?.disconnect();
  session = undefined;
  await server.stop();
});

test('a password login is connected on both sockets, with the token in a subprotocol and not in the address', async () => {
  session = await logIn(server);
  expect(session.status).toBe('CONNECTED');
  expect(session.userId).toBe('u-alice');
  expect(session.id).toBe('s-1');
  expect(server.upgrades.map(({ url }) => url).sort()).toEqual(['/qss', '/wapi']);
  const protocols = server.upgrades.map(upgrade => upgrade.protocols.join(' ')).sort();
  expect(protocols).toEqual(['jt bearer.wac_at_2', 'wapi bearer.wac_at_2']);
});

test('of several nodes, both sockets start at the same one', async () => {
  const nodes = await Promise.all([FakeServer.start(), FakeServer.start()]);
  for (const node of nodes) node.tokens.caller = token => server.tokens.caller(token);
  const { token } = server.tokens.open('alice');
  for (let times = 0; times < 8; times += 1) {
    session = await createSession({ ...configOf(nodes), token });
    const used = nodes.map(node => node.sockets.size).sort();
    expect(used).toEqual([0, 2]);
    session.disconnect();
    await eventually(() => nodes.every(node => node.sockets.size === 0));
  }
  await Promise.all(nodes.map(node => node.stop()));
});

test('a wrong password is a login error, and nothing is connected', async () => {
  const wrong = createSession({ ...configOf(server), username: 'alice', password: 'nope' });
  await expect(wrong).rejects.toBeInstanceOf(LoginError);
  await expect(wrong).rejects.toMatchObject({ code: 'invalid_grant', status: 400 });
  expect(server.upgrades).toEqual([]);
});

test('a guest logs in by the name of a domain', async () => {
  session = await createAnonymousSession('demo', configOf(server));
  expect(session.userId).toBe('u-guest');
  expect(server.tokens.calls).toEqual(['token anonymous']);
});

test('a token that the application has is used as it is', async () => {
  const { token } = server.tokens.open('bob');
  session = await createSession({ ...configOf(server), token });
  expect(session.userId).toBe('u-bob');
  expect(server.tokens.calls).toEqual([]);
});

test('a callback is asked for a token once, though two sockets need one', async () => {
  let asked = 0;
  const getToken = async (): Promise<string> => {
    asked += 1;
    return server.tokens.open('bob').token;
  };
  session = await createSession({ ...configOf(server), getToken });
  expect(asked).toBe(1);
});

test('the status goes from unconnected to connected, suspended, connected and disconnected', async () => {
  session = await logIn(server, 'alice', { autoConnect: false });
  expect(session.status).toBe('UNCONNECTED');
  const seen: SessionStatus[] = [];
  session.on('status', status => seen.push(status));
  await session.connect();
  for (const socket of [...server.sockets]) socket.cut();
  await eventually(() => seen.filter(status => status === 'CONNECTED').length === 2);
  await session.logout();
  expect(seen).toEqual(['CONNECTING', 'CONNECTED', 'SUSPENDED', 'CONNECTED', 'DISCONNECTED']);
});

test('a logout revokes the tokens, ends what waits, and there is nothing after it', async () => {
  session = await logIn(server);
  for (const socket of server.of('alice')) socket.deaf = true;
  const waiting = session.conferences.createConference();
  await session.logout();
  await expect(waiting).rejects.toMatchObject({ name: 'SessionEndedError', code: 'logout' });
  await expect(session.conferences.createConference()).rejects.toBeInstanceOf(SessionEndedError);
  expect(server.tokens.calls).toContain('revoke');
  await eventually(() => server.sockets.size === 0);
  expect(session.error).toMatchObject({ code: 'logout' });
});

test('when the server ends the session, its reason is the code of the error', async () => {
  session = await logIn(server);
  const ended = session.once('ended');
  const [socket] = server.of('alice');
  socket?.send({
    type: 'event',
    position: 101,
    payload: { eventName: 'sessionClosed', payload: { reason: 'revoked' } },
  });
  socket?.close(4401, 'session ended');
  expect((await ended).error).toMatchObject({ name: 'SessionEndedError', code: 'revoked' });
  expect(session.status).toBe('DISCONNECTED');
  await eventually(() => server.sockets.size === 0);
  const upgrades = server.upgrades.length;
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(server.upgrades.length).toBe(upgrades);
});

test('a client that may not connect is told so', async () => {
  server.closeNewWith = 4403;
  await expect(logIn(server)).rejects.toMatchObject({ name: 'ForbiddenError', status: 403 });
});

test('a first connection that does not come about fails in time', async () => {
  server.refuseWith = 503;
  const late = logIn(server, 'alice', { connectTimeoutMs: 60 });
  await expect(late).rejects.toMatchObject({ name: 'ConnectionLostError', code: 'not_connected', retryable: true });
});

test('without a WebSocket anywhere the error says what to do', async () => {
  const { WebSocket: _, ...config } = configOf(server);
  if ('WebSocket' in globalThis) return;
  await expect(createSession({ ...config, token: 'x' })).rejects.toThrow(/pass one/);
});

test('a session goes on after a page reload: same device, missed notices, seats that are still there', async () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  server.on('createRoom', () => roomOf('r-1', 'u-alice'));
  const before = await logIn(server, 'alice', { storage });
  await before.conferences.createConference();
  const saved = savedSession(storage);
  before.disconnect();
  expect(saved?.rooms).toEqual(['r-1']);
  expect(saved?.qssPosition).toBe(100);

  const entry = (userId: string, owner: boolean) => ({
    userId,
    owner,
    held: false,
    muted: { audio: false, video: false },
    devices: 1,
  });
  server.on('listParticipants', () => ({ participants: [entry('u-alice', true), entry('u-bob', false)] }));
  server.notice('alice', 'participantJoined', { roomId: 'r-1', userId: 'u-bob' });
  if (!saved) throw new Error('nothing was saved');
  session = await recoverSession(saved, configOf(server, { storage }));
  expect(session.id).toBe(before.id);
  expect(server.upgrades.at(-1)?.url).toContain('position=100');
  const [conference] = session.conferences.conferences;
  expect([...(conference?.participants.keys() ?? [])]).toEqual(['u-alice', 'u-bob']);
  expect(conference?.owner).toBe('u-alice');
  await session.logout();
  expect(kept.size).toBe(0);
});

test('a session is there once the server has answered: only then can others reach it', async () => {
  let answered = false;
  server.on('currentInvitations', () => {
    answered = true;
    return { payload: { currentInvitations: [] } };
  });
  session = await logIn(server);
  expect(answered).toBe(true);
});

test('what rang before a page reload rings after it', async () => {
  const ringing = { from: 'u-bob', roomId: 'r-9', mediatypes: { audio: true, video: true }, ringUntil: Date.now() };
  server.on('currentInvitations', () => ({ payload: { currentInvitations: [{ inviteId: 'i-1', ...ringing }] } }));
  const { token } = server.tokens.open('alice');
  const saved = { tokens: { accessToken: token }, qssPosition: 100, rooms: [] };
  session = await recoverSession(saved, configOf(server, { autoConnect: false }));
  const told = session.conferences.once('conferenceInvitation');
  await session.connect();
  expect((await told).id).toBe('i-1');
});

test('a seat that was lost meanwhile is not recovered', async () => {
  server.on('listParticipants', () => ({ participants: [] }));
  const { token } = server.tokens.open('alice');
  const saved = { tokens: { accessToken: token }, qssPosition: 100, rooms: ['r-1'] };
  session = await recoverSession(saved, configOf(server));
  expect(session.conferences.conferences).toEqual([]);
});

test('storage with something else in it is no session', () => {
  const storage = (text: string | null) => ({ getItem: () => text, setItem: () => {}, removeItem: () => {} });
  expect(savedSession(storage(null))).toBeUndefined();
  expect(savedSession(storage('{'))).toBeUndefined();
  expect(savedSession(storage('{}'))).toBeUndefined();
});
