import { afterEach, beforeEach, expect, test } from 'vitest';
import { ForbiddenError, NotFoundError, type Session } from '../src/index.js';
import type { PresenceResource } from '../src/wire.js';
import { FakeServer, Page, Refuse } from './fake/server.js';
import { collect, eventually, logIn, settle } from './support.js';

let server: FakeServer;
let session: Session;

beforeEach(async () => {
  server = await FakeServer.start();
  session = await logIn(server);
});

afterEach(async () => {
  session.disconnect();
  await server.stop();
});

/** The last request, without its id and key. */
const last = () => {
  const [frame] = server.wapiRequests.slice(-1);
  if (!frame) throw new Error('there was no request');
  const { id: _, idempotencyKey: __, ...rest } = frame;
  return rest;
};

const presence = (name: string, more: Partial<PresenceResource> = {}): PresenceResource => ({
  userId: `u-${name}`,
  online: true,
  activity: 'available',
  note: null,
  mood: null,
  ...more,
});

test('own presence is set, and known afterwards', async () => {
  server.onWapi('PUT', /^\/presence$/, ({ body }) => presence('alice', body as object));
  await session.presence.set({ activity: 'meeting', note: 'until noon' });
  expect(last()).toEqual({ method: 'PUT', url: '/presence', body: { activity: 'meeting', note: 'until noon' } });
  expect(session.presence.own).toMatchObject({ activity: 'meeting', note: 'until noon', online: true });
});

test("somebody's presence is asked for, and one's own without a name", async () => {
  server.onWapi('GET', /^\/presence/, ({ url }) => presence(url.endsWith('u-bob') ? 'bob' : 'alice'));
  expect((await session.presence.get('u-bob')).userId).toBe('u-bob');
  expect((await session.presence.get()).userId).toBe('u-alice');
  expect([...session.presence.known.keys()]).toEqual(['u-bob', 'u-alice']);
});

test('a subscription brings what is known now and what changes, and holds on the next connection', async () => {
  server.onWapi('PUT', /^\/presence\/subscriptions$/, () => undefined);
  const told = session.presence.once('presence');
  await session.presence.subscribe(['u-bob']);
  await session.presence.subscribe(['u-carol']);
  expect(last().body).toEqual({ users: ['u-bob', 'u-carol'] });
  server.push('alice', { method: 'PUT', url: '/presence/u-bob', body: presence('bob', { activity: 'busy' }) });
  expect(await told).toEqual(presence('bob', { activity: 'busy' }));

  const before = server.wapiRequests.length;
  for (const socket of server.of('alice', 'wapi')) socket.cut();
  await eventually(() => server.wapiRequests.length === before + 1);
  expect(last().body).toEqual({ users: ['u-bob', 'u-carol'] });
  await session.presence.unsubscribe(['u-bob']);
  expect(last().body).toEqual({ users: ['u-carol'] });
});

test('a push tells what has changed; the rest stays as it was known', async () => {
  server.onWapi('GET', /^\/presence\/u-bob$/, () => presence('bob', { note: 'hi' }));
  await session.presence.get('u-bob');
  const [first, second] = [session.presence.once('presence'), collect<unknown>()];
  server.push('alice', { method: 'PUT', url: '/presence/u-bob', body: { userId: 'u-bob', activity: 'away' } });
  expect(await first).toEqual(presence('bob', { note: 'hi', activity: 'away' }));
  session.presence.on('presence', second.listener);
  server.push('alice', { method: 'PUT', url: '/presence/u-bob', body: { userId: 'u-bob', activity: 'away' } });
  server.push('alice', { method: 'PUT', url: '/presence/u-carol', body: { userId: 'u-carol', online: true } });
  await eventually(() => second.events.length === 1);
  expect(second.events).toEqual([{ userId: 'u-carol', online: true, activity: 'unknown', note: null, mood: null }]);
});

test('after changes were missed, what was known is asked for again', async () => {
  server.onWapi('GET', /^\/presence\/u-bob$/, () => presence('bob'));
  server.onWapi('GET', /^\/presence\/u-carol$/, () => presence('carol'));
  await session.presence.get('u-bob');
  await session.presence.get('u-carol');
  server.onWapi('GET', /^\/presence\/u-bob$/, () => presence('bob', { online: false }));
  server.onWapi('GET', /^\/presence\/u-carol$/, () => {
    throw new Refuse(404);
  });
  const told = session.presence.once('presence');
  server.neverResumes = true;
  for (const socket of server.of('alice', 'wapi')) socket.cut();
  expect(await told).toEqual(presence('bob', { online: false }));
  await eventually(() => !session.presence.known.has('u-carol'));
});

test('a whole domain can be followed', async () => {
  server.onWapi('PUT', /^\/presence\/subscriptions$/, () => [presence('bob')]);
  const told = session.presence.once('presence');
  await session.presence.subscribe('domain');
  expect(last().body).toEqual({ domain: true });
  expect((await told).userId).toBe('u-bob');
  await session.presence.unsubscribe('domain');
  expect(last().body).toEqual({ users: [] });
});

test('contacts are listed and read', async () => {
  const bob = { id: 'u-bob', username: 'bob', domain: 'demo' };
  server.onWapi('GET', /^\/contacts$/, () => [bob]);
  server.onWapi('GET', /^\/contacts\/u-bob$/, () => bob);
  expect(await session.contacts.list()).toEqual([bob]);
  expect(await session.contacts.get('u-bob')).toEqual(bob);
});

test('a group is made, filled, renamed, emptied, left and removed', async () => {
  const resource = { id: 'g-1', name: 'support', owner: 'u-alice', participants: ['u-alice'] };
  server.onWapi('POST', /^\/usersGroup$/, () => resource);
  server.onWapi('POST', /participants$/, () => undefined);
  server.onWapi('DELETE', /./, () => undefined);
  server.onWapi('PUT', /^\/usersGroup\/g-1$/, ({ body }) => ({ ...resource, ...(body as object) }));
  const group = await session.groups.create('support', ['u-bob', 'u-carol']);
  expect(group).toMatchObject({ id: 'g-1', name: 'support', owner: 'u-alice', address: 'wac-group:g-1' });
  expect(group.participants).toEqual(['u-alice', 'u-bob', 'u-carol']);
  expect(last()).toEqual({ method: 'POST', url: '/usersGroup/g-1/participants', body: { userId: 'u-carol' } });
  await group.remove('u-bob');
  expect(last()).toEqual({ method: 'DELETE', url: '/usersGroup/g-1/participants', body: { userId: 'u-bob' } });
  expect([group.has('u-bob'), group.has('u-carol')]).toEqual([false, true]);
  await group.rename('second line');
  expect(group.name).toBe('second line');
  await group.removeAll();
  expect(last().url).toBe('/usersGroup/g-1/participations');
  expect(group.participants).toEqual(['u-alice']);
  await group.leave();
  expect(last().url).toBe('/usersGroup/g-1/leave');
  await group.delete();
  expect(last()).toEqual({ method: 'DELETE', url: '/usersGroup/g-1' });
  await session.groups.leaveAll();
  expect(last()).toEqual({ method: 'DELETE', url: '/usersGroup/participations' });
});

test('a group whose making was not answered is asked for again under its key, and made once', async () => {
  let made = 0;
  server.onWapi('POST', /^\/usersGroup$/, (_, socket) => {
    made += 1;
    socket.mute = true;
    return { id: `g-${made}`, name: 'support', owner: 'u-alice', participants: ['u-alice'] };
  });
  const creating = session.groups.create('support');
  await eventually(() => made === 1);
  for (const socket of server.of('alice', 'wapi')) socket.cut();
  expect((await creating).id).toBe('g-1');
  expect(made).toBe(1);
  const keys = server.wapiRequests.filter(({ method }) => method === 'POST').map(frame => frame.idempotencyKey);
  expect(keys).toEqual([keys[0], keys[0]]);
});

test('what is still being done when it is asked for again is waited for', async () => {
  let asked = 0;
  server.onWapi('POST', /^\/usersGroup$/, () => {
    asked += 1;
    if (asked === 1) throw new Refuse(409, 'idempotency_in_progress');
    return { id: 'g-1', name: 'support', owner: 'u-alice', participants: ['u-alice'] };
  });
  expect((await session.groups.create('support')).id).toBe('g-1');
});

test('lists are read to their end, page after page, as far as they are needed', async () => {
  const group = (id: string) => ({ id, name: id, owner: 'u-bob', participants: ['u-bob'] });
  server.onWapi('GET', /^\/usersGroup$/, () => new Page([group('g-1'), group('g-2')], '/usersGroup?cursor=2'));
  server.onWapi('GET', /cursor=2$/, () => new Page([], '/usersGroup?cursor=3'));
  server.onWapi('GET', /cursor=3$/, () => [group('g-3')]);
  expect((await session.groups.list()).map(({ id }) => id)).toEqual(['g-1', 'g-2', 'g-3']);
  expect(last()).toEqual({ method: 'GET', url: '/usersGroup?cursor=3' });
  const before = server.wapiRequests.length;
  for await (const { id } of session.groups.all()) if (id === 'g-2') break;
  expect(server.wapiRequests.length).toBe(before + 1);
  const sizes: number[] = [];
  for await (const page of session.raw.pages('/usersGroup')) sizes.push(page.length);
  expect(sizes).toEqual([2, 0, 1]);
});

test('groups are listed, and read anew', async () => {
  const resource = { id: 'g-1', name: 'support', owner: 'u-bob', participants: ['u-bob'] };
  server.onWapi('GET', /^\/usersGroup$/, () => [resource]);
  server.onWapi('GET', /^\/usersGroup\/g-1$/, () => ({ ...resource, name: 'sales' }));
  const [group] = await session.groups.list({ mine: true });
  expect(last()).toEqual({ method: 'GET', url: '/usersGroup', qs: { userIsParticipant: true } });
  await group?.refresh();
  expect(group?.name).toBe('sales');
  expect((await session.groups.get('g-1')).name).toBe('sales');
});

test('the log of conferences is read in parts, and new entries are told', async () => {
  server.onWapi('GET', /^\/conferences$/, () => [{ id: 'c-1' }]);
  expect(await session.conferences.log.list({ limit: 5, before: 1_000 })).toEqual([{ id: 'c-1' }]);
  expect(last().qs).toEqual({ limit: 5, before: 1_000 });
  server.onWapi('GET', /^\/conferences$/, () => new Page([{ id: 'c-3' }], '/conferences?cursor=x'));
  server.onWapi('GET', /^\/conferences\?cursor=x$/, () => [{ id: 'c-2' }, { id: 'c-1' }]);
  expect((await session.conferences.log.list({ limit: 2 })).map(({ id }) => id)).toEqual(['c-3', 'c-2']);
  const all: string[] = [];
  for await (const { id } of session.conferences.log.all()) all.push(id);
  expect(all).toEqual(['c-3', 'c-2', 'c-1']);
  server.onWapi('GET', /^\/conferences\/c-1$/, () => ({ id: 'c-1' }));
  expect(await session.conferences.log.get('c-1')).toEqual({ id: 'c-1' });
  const told = session.conferences.log.once('finished');
  server.push('alice', { method: 'POST', url: '/conferences', body: { id: 'c-2' } });
  expect((await told).id).toBe('c-2');
});

test('what is read is no older than what was told over either socket', async () => {
  server.onWapi('GET', /^\/contacts$/, () => []);
  await session.contacts.list();
  expect(last().qs).toBeUndefined();
  server.on('createRoom', () => ({ id: 'r-1', owner: 'u-alice', participants: ['u-alice'], position: 117 }));
  await session.conferences.createConference();
  await session.contacts.list();
  expect(last().qs).toEqual({ min_position: 117 });
  const told = session.conferences.log.once('finished');
  server.position = 120;
  server.push('alice', { method: 'POST', url: '/conferences', body: { id: 'c-2' } });
  await told;
  await session.contacts.list();
  expect(last().qs).toEqual({ min_position: 121 });
});

test('push tokens are registered, listed and removed', async () => {
  server.onWapi('POST', /^\/pushtokens$/, () => ({ id: 'p-1', tokenType: 'fcm' }));
  server.onWapi('GET', /^\/pushtokens$/, () => [{ id: 'p-1', tokenType: 'fcm' }]);
  server.onWapi('DELETE', /^\/pushtokens\/p-1$/, () => undefined);
  const { id } = await session.pushTokens.register({ token: 'x', tokenType: 'fcm', deviceId: 'd' });
  expect(last().body).toEqual({ token: 'x', tokenType: 'fcm', deviceId: 'd' });
  expect((await session.pushTokens.list()).length).toBe(1);
  await session.pushTokens.remove(id);
  expect(last()).toEqual({ method: 'DELETE', url: '/pushtokens/p-1' });
});

test('what WAPI refuses comes as an error of its own', async () => {
  await expect(session.contacts.get('nobody')).rejects.toBeInstanceOf(NotFoundError);
  server.onWapi('GET', /^\/contacts$/, () => {
    throw new Refuse(403, 'not_for_guests');
  });
  await expect(session.contacts.list()).rejects.toBeInstanceOf(ForbiddenError);
  await expect(session.contacts.list()).rejects.toMatchObject({ code: 'not_for_guests' });
});

test('a push that the server repeats is not told twice', async () => {
  let told = 0;
  session.raw.onPush(() => {
    told += 1;
  });
  const [socket] = server.of('alice', 'wapi');
  socket?.send({ method: 'PUT', url: '/x', position: 110 });
  socket?.send({ method: 'PUT', url: '/x', position: 110 });
  socket?.send({ method: 'PUT', url: '/x' });
  socket?.send('no JSON');
  socket?.send([1]);
  socket?.send({ what: 'is this' });
  await eventually(() => told === 2);
  await settle();
  expect(told).toBe(2);
});

test('any resource can be asked for', async () => {
  server.onWapi('GET', /^\/users\/u-alice$/, () => ({ id: 'u-alice' }));
  expect(await session.raw.wapi('GET', '/users/u-alice')).toEqual({ id: 'u-alice' });
});
