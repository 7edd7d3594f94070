import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  BusyError,
  ConferenceInvitation,
  createSession,
  DeclinedError,
  ForbiddenError,
  type Group,
  type Login,
  NotFoundError,
  recoverSession,
  type Session,
  type SessionConfig,
  type SessionStatus,
  type TokenSet,
  UnavailableError,
} from '../../src/index.js';
import { holds, inACall, PATIENCE_MS, People, patience, rings, until } from './people.js';
import { BINARY } from './process.js';
import { RealServer } from './server.js';

const CAROLS_PASSWORD = 'correct horse battery';

let server: RealServer;
let people: People;

const title = BINARY
  ? 'against the real server'
  : 'against the real server (SKIPPED: WAC_BIN does not name the binary)';

describe.skipIf(!BINARY)(title, { timeout: 2 * PATIENCE_MS }, () => {
  beforeAll(async () => {
    server = await RealServer.start(BINARY ?? '');
    await server.addPerson('carol', CAROLS_PASSWORD);
    people = new People(server, CAROLS_PASSWORD);
  }, 90_000);

  afterEach(() => people.leave());
  afterAll(() => server?.stop(), 30_000);

  test('alice calls bob, they talk, and hang up', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const ringing = rings(bob);
    const options = { mediatypes: { audio: true, video: false }, context: { topic: 'prices' } };
    const { conference, invitation } = await alice.session.conferences.call('bob', options);
    const call = await ringing;
    expect(call.from).toContain(alice.userId);
    expect(call).toMatchObject({ mediatypes: { audio: true, video: false }, context: { topic: 'prices' } });
    expect(call.ringUntil).toBeGreaterThan(Date.now());
    const answered = await call.accept();
    expect((await invitation.outcome(patience())).whoAccepted).toContain(bob.userId);
    await until(() => holds(conference, alice, bob) && holds(answered, alice, bob), 'the call');
    expect(answered.owner).toBe(alice.userId);

    const held = conference.once('participantHeld', patience());
    await answered.hold();
    expect((await held).userId).toBe(bob.userId);
    const unheld = conference.once('participantUnheld', patience());
    await answered.unhold();
    await unheld;
    const muted = conference.once('participantMuted', patience());
    await answered.mute('audio');
    expect(await muted).toMatchObject({ media: 'audio', muted: true });

    const left = conference.once('participantLeft', patience());
    await answered.leave();
    expect(await left).toMatchObject({ participant: { userId: bob.userId }, reason: 'left' });
    await conference.leave();
  });

  test('the first call of the README works as it stands', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const [, example = ''] = /## A first call\n\n```ts\nimport .*\n([\s\S]*?)\n```\n/.exec(readme) ?? [];
    expect(example).toContain('createSession');
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(15);
    const code = example.replace('http://127.0.0.1:8000', server.url);
    const said: unknown[] = [];
    const names = ['createSession', 'alicesPassword', 'bobsPassword', 'console'];
    const run = Object.getPrototypeOf(async () => {}).constructor(...names, code) as (...values: unknown[]) => unknown;
    const made: Session[] = [];
    const create = async (options: SessionConfig & Login): Promise<Session> => {
      const session = await createSession({ ...options, WebSocket });
      made.push(session);
      return session;
    };
    const log = (...words: unknown[]): void => void said.push(words);
    await run(create, server.password('alice@demo'), server.password('bob@demo'), { log });
    await until(() => said.length === 2, 'both lines');
    expect(said).toContainEqual(['bob: over,', 'closed']);
    await Promise.all(made.map(session => session.logout()));
  });

  test('bob declines, and says that he is busy', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    for (const [errorCode, Failure] of [
      [undefined, DeclinedError],
      [486, BusyError],
    ] as const) {
      const ringing = rings(bob);
      const { conference, invitation } = await alice.session.conferences.call('bob');
      await (await ringing).decline(errorCode === undefined ? {} : { errorCode });
      await expect(invitation.outcome(patience())).rejects.toBeInstanceOf(Failure);
      await conference.leave();
    }
  });

  test('alice cancels before bob answers', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const ringing = rings(bob);
    const { invitation } = await alice.session.conferences.call('bob');
    const call = await ringing;
    const ended = call.once('ended', patience());
    await invitation.cancel();
    expect(await ended).toEqual({ reason: 'cancelled' });
    await expect(call.accept()).rejects.toMatchObject({ status: expect.any(Number) });
  });

  test('nobody of that name, and somebody without a device, are not found', async () => {
    const alice = await people.logIn('alice');
    await expect(alice.session.conferences.call('nobody')).rejects.toBeInstanceOf(NotFoundError);
    const outcome = alice.session.conferences.call('carol').then(({ invitation }) => invitation.outcome(patience()));
    await expect(outcome).rejects.toBeInstanceOf(NotFoundError);
  });

  test('a call rings on all devices of bob, and stops where he did not answer', async () => {
    const alice = await people.logIn('alice');
    const [phone, desk] = [await people.logIn('bob'), await people.logIn('bob')];
    const both = Promise.all([rings(phone), rings(desk)]);
    const { invitation } = await alice.session.conferences.call('bob');
    const [onPhone, onDesk] = await both;
    expect(onPhone.id).toBe(onDesk.id);
    const stopped = onDesk.once('ended', patience());
    await onPhone.accept();
    expect(await stopped).toEqual({ reason: 'accepted_elsewhere' });
    await invitation.outcome(patience());
  });

  test('a call to a group rings at all its members; one refusal is hidden, the first to accept has it', async () => {
    const [alice, bob, carol] = [await people.logIn('alice'), await people.logIn('bob'), await people.logIn('carol')];
    const group = await alice.session.groups.create('support', [bob.userId, carol.userId]);
    const both = Promise.all([rings(bob), rings(carol)]);
    const { conference, invitation } = await alice.session.conferences.call(group.address);
    const [atBob, atCarol] = await both;
    await atBob.decline();
    expect(invitation.state).toBe('RINGING');
    await atCarol.accept();
    expect((await invitation.outcome(patience())).whoAccepted).toContain(carol.userId);
    await until(() => holds(conference, alice, carol), 'the call');
    await conference.close();

    const again = Promise.all([rings(bob), rings(carol)]);
    const second = await alice.session.conferences.call(group.address);
    for (const call of await again) await call.decline();
    await expect(second.invitation.outcome(patience())).rejects.toBeInstanceOf(UnavailableError);
    await group.delete();
  });

  test('several are invited into one conference', async () => {
    const [alice, bob, carol] = [await people.logIn('alice'), await people.logIn('bob'), await people.logIn('carol')];
    const both = Promise.all([rings(bob), rings(carol)]);
    const conference = await alice.session.conferences.createConference();
    const invitations = await conference.inviteMany(['bob', 'carol@demo']);
    for (const call of await both) await call.accept();
    await Promise.all(invitations.map(invitation => invitation.outcome(patience())));
    await until(() => holds(conference, alice, bob, carol), 'the conference');
  });

  test('bob asks to be let in, and alice lets him in', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const asked = alice.session.conferences.once('conferenceInvitationRequest', patience());
    const request = await bob.session.conferences.requestInvitation('alice');
    const conference = await alice.session.conferences.createConference();
    await (await asked).accept(conference);
    const joined = await request.outcome(patience());
    expect(joined.id).toBe(conference.id);
    await until(() => holds(conference, alice, bob), 'the conference');
  });

  test('people with the same URI meet', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const uri = 'wac-conf00000000000000000042';
    const first = await alice.session.conferences.getQuickConference(uri);
    const second = await bob.session.conferences.getQuickConference(uri);
    expect(second.id).toBe(first.id);
    await until(() => holds(first, alice, bob) && holds(second, alice, bob), 'the meeting');
    await expect(bob.session.conferences.getQuickConference('nonsense')).rejects.toMatchObject({
      status: expect.any(Number),
    });
  });

  test('the owner mutes, expels and closes; another may not', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const [conference, answered] = await inACall(alice, bob, 'bob');
    await expect(answered.expel(alice.userId)).rejects.toBeInstanceOf(ForbiddenError);
    const asked = answered.once('muteRequest', patience());
    await conference.muteParticipant(bob.userId, 'audio', true);
    expect(await asked).toEqual({ media: 'audio', muted: true });
    const expelled = answered.once('ended', patience());
    await conference.expel(bob.userId);
    expect(await expelled).toEqual({ reason: 'expelled' });
    await expect(bob.session.conferences.join(conference.id)).rejects.toBeInstanceOf(ForbiddenError);
    await conference.close();

    const [next, answeredNext] = await inACall(alice, bob, 'bob');
    const closed = answeredNext.once('ended', patience());
    await next.close();
    expect(await closed).toEqual({ reason: 'closed' });
  });

  test('alice transfers bob to carol', async () => {
    const [alice, bob, carol] = [await people.logIn('alice'), await people.logIn('bob'), await people.logIn('carol')];
    const [conference, answered] = await inACall(alice, bob, 'bob');
    const [asked, ringing] = [answered.once('transfer', patience()), rings(carol)];
    const transfer = await conference.transfer('carol');
    const request = await asked;
    await request.accept();
    const call = await ringing;
    expect(call.from).toContain(bob.userId);
    const accepted = await call.accept();
    await transfer.outcome(patience());
    expect(conference.endReason).toBe('transferred');
    const after = await request.outcome(patience());
    await until(() => holds(after, bob, carol) && holds(accepted, bob, carol), 'the new call');
  });

  test('a transfer that carol declines leaves alice and bob where they are', async () => {
    const [alice, bob, carol] = [await people.logIn('alice'), await people.logIn('bob'), await people.logIn('carol')];
    const [conference, answered] = await inACall(alice, bob, 'bob');
    const [asked, ringing] = [answered.once('transfer', patience()), rings(carol)];
    const transfer = await conference.transfer('carol');
    await (await asked).accept();
    await (await ringing).decline();
    await expect(transfer.outcome(patience())).rejects.toMatchObject({ status: 603 });
    expect(conference.status).toBe('CONNECTED');
    expect(holds(conference, alice, bob)).toBe(true);
  });

  test('alice talks to carol first and then connects bob with her', async () => {
    const [alice, bob, carol] = [await people.logIn('alice'), await people.logIn('bob'), await people.logIn('carol')];
    const [first, withBob] = await inACall(alice, bob, 'bob');
    const [second, withCarol] = await inACall(alice, carol, 'carol');
    const asked = withBob.once('transfer', patience());
    const transfer = await first.transferInto(second);
    const request = await asked;
    await request.accept();
    await transfer.outcome(patience());
    expect([first.endReason, second.endReason]).toEqual(['transferred', 'transferred']);
    const after = await request.outcome(patience());
    expect(after.id).toBe(withCarol.id);
    await until(() => holds(withCarol, bob, carol) && holds(after, bob, carol), 'the new call');
  });

  test('after a cut connection nothing is missed and nothing is told twice', async () => {
    const slow = { backoff: { firstMs: 800, maxMs: 800 } };
    const [alice, bob, carol] = [
      await people.logIn('alice'),
      await people.logIn('bob', slow),
      await people.logIn('carol'),
    ];
    const [conference, answered] = await inACall(alice, bob, 'bob');
    const told: string[] = [];
    const statuses: SessionStatus[] = [];
    bob.session.on('status', status => statuses.push(status));
    answered.on('participantJoined', ({ userId }) => told.push(`joined ${userId}`));
    answered.on('participantHeld', ({ userId }) => told.push(`held ${userId}`));
    bob.session.conferences.on('conferenceInvitation', ({ id }) => told.push(`rings ${id}`));

    bob.cut();
    await until(() => bob.session.status === 'SUSPENDED', 'the cut');
    const ringing = rings(carol);
    const invitation = await conference.invite('carol');
    await (await ringing).accept();
    await invitation.outcome(patience());
    await conference.hold();
    const { invitation: another } = await carol.session.conferences.call('bob');
    expect(bob.session.status).toBe('SUSPENDED');
    await until(() => told.length === 3, 'the missed notices');
    expect(told).toEqual([`joined ${carol.userId}`, `held ${alice.userId}`, `rings ${another.id}`]);
    await until(() => statuses.length === 2, 'the connection');
    expect(statuses).toEqual(['SUSPENDED', 'CONNECTED']);
    await until(() => holds(answered, alice, bob, carol), 'the conference');
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(told.length).toBe(3);
    expect(conference.participants.has(bob.userId)).toBe(true);
  });

  test('a page reload in a call keeps the seat', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const [conference, answered] = await inACall(alice, bob, 'bob');
    const snapshot = bob.session.snapshot();
    bob.session.disconnect();
    const session = await recoverSession(snapshot, { servers: server.url, WebSocket });
    expect(session.id).toBe(bob.session.id);
    const [recovered] = session.conferences.conferences;
    expect(recovered?.id).toBe(answered.id);
    expect(conference.participants.has(bob.userId)).toBe(true);
    const left = conference.once('participantLeft', patience());
    await session.logout();
    expect((await left).participant.userId).toBe(bob.userId);
  });

  test('a device that comes while it rings finds the call, and can answer it', async () => {
    const [alice, phone] = [await people.logIn('alice'), await people.logIn('bob')];
    const ringing = rings(phone);
    const { invitation } = await alice.session.conferences.call('bob');
    const { id } = await ringing;
    const desk = await people.logIn('bob');
    const [found] = await desk.session.conferences.getCurrentInvitations();
    if (!(found instanceof ConferenceInvitation)) throw new Error('it rings there, too');
    expect(found.id).toBe(id);
    await found.accept();
    expect((await invitation.outcome(patience())).whoAccepted).toContain(desk.userId);
    expect(await phone.session.conferences.getCurrentInvitations()).toEqual([]);
  });

  test('an application that has the tokens itself is asked for them, and for a new one when the old one ends', async () => {
    let tokens = await server.grant({
      grant_type: 'password',
      username: 'bob@demo',
      password: server.password('bob@demo'),
    });
    let asked = 0;
    const getToken = async (): Promise<TokenSet> => {
      asked += 1;
      if (asked > 1) tokens = await server.grant({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
      // One with less than half a minute left is not used for a new connection.
      return { accessToken: tokens.access_token, expiresAt: Date.now() + (asked > 1 ? 3_600_000 : 30_500) };
    };
    const bob = await people.enter({ getToken });
    const { id } = bob.session;
    expect(asked).toBe(1);
    await new Promise(resolve => setTimeout(resolve, 600));
    bob.cut();
    await until(() => bob.session.status === 'SUSPENDED', 'the cut');
    await until(() => bob.session.status === 'CONNECTED', 'the connection');
    expect([asked, bob.session.id]).toEqual([2, id]);
    await bob.session.contacts.list();
  });

  test('presence is told to those who follow it', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    await alice.session.presence.subscribe([bob.userId]);
    const told = alice.session.presence.once('presence', patience());
    await bob.session.presence.set({ activity: 'meeting', note: 'until noon', mood: 'happy' });
    const expected = { userId: bob.userId, online: true, activity: 'meeting', note: 'until noon', mood: 'happy' };
    expect(await told).toMatchObject(expected);
    expect(await alice.session.presence.get(bob.userId)).toMatchObject(expected);
    expect(await bob.session.presence.get()).toMatchObject(expected);
    await bob.session.logout();
    await until(() => alice.session.presence.known.get(bob.userId)?.online === false, 'bob going offline');
  });

  test('contacts are the people of the domain', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const contacts = await alice.session.contacts.list();
    expect(contacts.map(({ username }) => username)).toEqual(expect.arrayContaining(['bob', 'carol']));
    expect(await alice.session.contacts.get(bob.userId)).toMatchObject({ username: 'bob', domain: 'demo' });
  });

  test('groups are made, changed and left', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const group = await alice.session.groups.create('sales');
    expect(group.owner).toBe(alice.userId);
    await group.add(bob.userId);
    await group.rename('sales and support');
    // What alice has done is not bob's own: it reaches what he reads a moment later.
    let seen: Group | undefined;
    while (seen?.name !== 'sales and support') {
      [seen] = (await bob.session.groups.list({ mine: true })).filter(({ id }) => id === group.id);
    }
    expect([...(seen?.participants ?? [])].sort()).toEqual([alice.userId, bob.userId].sort());
    await seen?.leave();
    while (group.participants.length > 1) await group.refresh();
    expect(group.participants).toEqual([alice.userId]);
    await group.delete();
    await expect(group.refresh()).rejects.toBeInstanceOf(NotFoundError);
  });

  test('a write that is sent twice under one key happens once, whichever socket it comes by', async () => {
    const alice = await people.logIn('alice');
    const { accessToken } = alice.session.snapshot().tokens;
    const frame = { id: '1', method: 'POST', url: '/usersGroup', body: { name: 'twice' }, idempotencyKey: 'once' };
    const groups: string[] = [];
    for (const id of ['first', 'second']) {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/wapi`, ['wapi', `bearer.${accessToken}`]);
      socket.on('message', data => {
        const answer = JSON.parse(String(data)) as { id?: string; status?: number; body: { id: string } };
        if (answer.id === id) groups.push(answer.body.id);
      });
      const answers = groups.length + 1;
      await new Promise(resolve => socket.once('open', resolve));
      socket.send(JSON.stringify({ ...frame, id }));
      await until(() => groups.length === answers, 'the answer');
      socket.close();
    }
    const [first = '', second] = groups;
    expect(second).toBe(first);
    await (await alice.session.groups.get(first)).delete();
  });

  test('what was asked when the connection was cut is done once, and answered on the next one', async () => {
    const alice = await people.logIn('alice');
    const before = (await alice.session.groups.list({ mine: true })).length;
    const making = alice.session.groups.create('made in a storm');
    alice.cut();
    const group = await making;
    await alice.session.pushTokens.register({ token: 'secret', tokenType: 'fcm' });
    const removing = group.delete();
    alice.cut();
    await removing;
    expect((await alice.session.groups.list({ mine: true })).length).toBe(before);
  });

  test('push tokens are kept without being shown', async () => {
    const alice = await people.logIn('alice');
    const { id } = await alice.session.pushTokens.register({ token: 'secret', tokenType: 'fcm', deviceId: 'd-1' });
    const tokens = await alice.session.pushTokens.list();
    expect(tokens.map(token => token.id)).toContain(id);
    await alice.session.pushTokens.remove(id);
    expect((await alice.session.pushTokens.list()).map(token => token.id)).not.toContain(id);
  });

  test('a finished call is in the log of both', async () => {
    const [alice, bob] = [await people.logIn('alice'), await people.logIn('bob')];
    const told = bob.session.conferences.log.once('finished', patience());
    const [conference, answered] = await inACall(alice, bob, 'bob');
    await answered.leave();
    await conference.leave();
    expect((await told).roomId).toBe(conference.id);
    for (const { session } of [alice, bob]) {
      const entries = await session.conferences.log.list({ limit: 5 });
      const entry = entries.find(({ roomId }) => roomId === conference.id);
      expect(entry).toMatchObject({ state: 'finished', invites: [{ state: 'ACCEPTED' }] });
    }
  });

  test('the log is newest first, and is read page after page', async () => {
    const alice = await people.logIn('alice');
    const made: string[] = [];
    for (let call = 0; call < 5; call += 1) {
      const conference = await alice.session.conferences.createConference();
      made.unshift(conference.id);
      await conference.close();
    }
    const read: string[] = [];
    for await (const { roomId } of alice.session.conferences.log.all({ limit: 2 })) {
      read.push(roomId);
      if (read.length === made.length) break;
    }
    expect(read).toEqual(made);
  });

  test('a logout ends the session on all its sockets', async () => {
    const bob = await people.logIn('bob');
    const snapshot = bob.session.snapshot();
    const twin = await recoverSession(snapshot, { servers: server.url, WebSocket });
    expect(twin.id).toBe(bob.session.id);
    const ended = twin.once('ended', patience());
    await bob.session.logout();
    expect((await ended).error).toMatchObject({ name: 'SessionEndedError' });
  });
});
