import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createSession, type Session } from '../../src/index.js';
import { DATABASE_URL, Deployment, type Node } from './cluster.js';
import { holds, PATIENCE_MS, type Person, patience, rings, until } from './people.js';
import { BINARY } from './process.js';
import { Transcript } from './transcript.js';

/** Where the story is to be written, for `docs/walkthrough-calls.md`. */
const STORY_FILE = process.env['WAC_SDK_STORY'];

const runs = BINARY !== undefined && DATABASE_URL !== undefined;
const title = runs
  ? 'across nodes'
  : 'across nodes (SKIPPED: WAC_BIN names no binary, or WAC_TEST_DATABASE_URL no PostgreSQL)';

describe.skipIf(!runs)(title, { timeout: 4 * PATIENCE_MS }, () => {
  let deployment: Deployment;
  let [one, two]: Node[] = [];
  const sessions: Session[] = [];
  const transcript = new Transcript();
  const say = (who: string, what: string): void => transcript.say(who, what);

  beforeAll(async () => {
    deployment = await Deployment.make(BINARY ?? '', DATABASE_URL ?? '');
    one = await deployment.node('one');
    two = await deployment.node('two');
    await deployment.addPerson(one, 'alice');
    await deployment.addPerson(one, 'bob');
  }, 120_000);

  afterAll(async () => {
    for (const session of sessions) session.disconnect();
    await deployment?.remove();
  }, 60_000);

  /** Logs somebody in, on the first of some nodes; the name is the password. */
  async function logIn(name: string, ...nodes: Node[]): Promise<Person> {
    const servers = nodes.map(({ url }) => url);
    const opened: string[] = [];
    class Watched extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        if (url.includes('/qss')) this.once('open', () => opened.unshift(new URL(url).port));
      }
    }
    const session = await createSession({
      servers,
      firstServer: 'first',
      username: name,
      password: name,
      WebSocket: Watched,
    });
    sessions.push(session);
    const at = (): string => ` on node ${nodes.find(({ port }) => port === opened[0])?.name}`;
    say(name, `is CONNECTED${at()}`);
    transcript.follow(name, session, at);
    return { session, userId: session.userId ?? '', cut: () => {} };
  }

  test('alice and bob call each other, and both nodes die under them', async () => {
    if (!one || !two) throw new Error('the nodes are up');
    const alice = await logIn('alice', one, two);
    const bob = await logIn('bob', two, one);
    const ringing = rings(bob);
    say('alice', 'calls bob');
    const { conference, invitation } = await alice.session.conferences.call('bob', { context: { about: 'nodes' } });
    transcript.hear('alice', conference);
    const call = await ringing;
    say('bob', 'accepts');
    const answered = await call.accept();
    transcript.hear('bob', answered);
    await invitation.outcome(patience());
    await until(() => holds(conference, alice, bob) && holds(answered, alice, bob), 'the call');

    say('-', `node one, on which alice is, is killed (SIGKILL)`);
    await one.kill();
    await until(() => alice.session.status === 'SUSPENDED', 'the loss');
    say('bob', 'puts the call on hold');
    await answered.hold();
    await until(() => alice.session.status === 'CONNECTED', 'the other node');
    await until(() => conference.participants.get(bob.userId)?.isHeld === true, 'what alice has missed');
    say('alice', 'mutes her picture');
    await conference.mute('video');
    await until(() => answered.participants.get(alice.userId)?.isMuted.video === true, 'that bob hears of it');

    say('-', 'node one is started again, and node two, on which both are, is killed (SIGKILL)');
    one = await deployment.node('one', one.port);
    await two.kill();
    await until(() => [alice, bob].every(({ session }) => session.status === 'SUSPENDED'), 'the loss');
    say('bob', 'takes the call back, without a connection');
    await answered.unhold();
    await until(() => [alice, bob].every(({ session }) => session.status === 'CONNECTED'), 'the first node');
    await until(() => conference.participants.get(bob.userId)?.isHeld === false, 'that alice hears of it');
    expect(holds(conference, alice, bob) && holds(answered, alice, bob)).toBe(true);

    const left = conference.once('participantLeft', patience());
    say('bob', 'leaves');
    await answered.leave();
    await left;
    say('alice', 'closes the conference');
    const finished = alice.session.conferences.log.once('finished', patience());
    await conference.close();
    await finished;
    const [entry] = await alice.session.conferences.log.list({ limit: 1 });
    say(
      'alice',
      `finds it in her log: ${entry?.state}, ${entry?.participants.length} seats, ${entry?.invites[0]?.state}`,
    );
    expect(entry).toMatchObject({ roomId: conference.id, state: 'finished', invites: [{ state: 'ACCEPTED' }] });
    expect(entry?.participants.length).toBe(2);
    expect(transcript.count('alice  hears: bob has put the call on hold')).toBe(1);
    expect(transcript.count('bob    hears: alice has muted video')).toBe(1);
    expect(transcript.count('alice  hears: bob is back')).toBe(1);
    await tellStory(conference.id);
  });

  /** What the log says of the call, whole and once. */
  async function tellStory(room: string): Promise<void> {
    const lines = (text: string): { stream: string; type: string }[] =>
      text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
    const created = lines(await deployment.events('--type', 'room.created', '-o', 'json'));
    const stream = created.find(event => event.stream.endsWith(room))?.stream ?? '';
    const told = lines(await deployment.events('--stream', stream, '-o', 'json'));
    expect(told.map(({ type }) => type)).toEqual([
      'room.created',
      'room.participant_joined',
      'room.participant_joined',
      'room.participant_held',
      'room.participant_muted',
      'room.participant_unheld',
      'room.participant_left',
      'room.participant_left',
      'room.closed',
    ]);
    if (!STORY_FILE) return;
    const commands = [
      [`wac events --stream ${stream}`, await deployment.events('--stream', stream)],
      [`wac events --stream ${stream} --related`, await deployment.events('--stream', stream, '--related')],
    ];
    writeFileSync(STORY_FILE, JSON.stringify({ transcript: String(transcript), commands }));
  }
});
