import { WebSocket } from 'ws';
import { createSession, type Session, type SessionConfig } from '../src/index.js';
import type { InviteNotice, Room } from '../src/wire.js';
import type { FakeServer } from './fake/server.js';

/** Nothing in these tests takes longer than this on a busy machine, in milliseconds. */
const PATIENCE_MS = 5_000;

/** Waits for a condition, without the clock that tests may have stopped. */
export async function eventually(condition: () => boolean, what = 'the condition'): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > until) throw new Error(`${what} did not come about`);
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Lets everything that is on its way arrive. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

/** Reconnects quickly. */
export const quick: Partial<SessionConfig> = { backoff: { firstMs: 4, maxMs: 20 } };

/** A config for a fake server. */
export function configOf(server: FakeServer | FakeServer[], more: Partial<SessionConfig> = {}): SessionConfig {
  const servers = [server].flat().map(({ url }) => url);
  return { servers, WebSocket, ...quick, ...more };
}

/** Somebody who is logged in and connected. */
export function logIn(server: FakeServer, name = 'alice', more: Partial<SessionConfig> = {}): Promise<Session> {
  return createSession({ ...configOf(server, more), username: name, password: `pw-${name}` });
}

/** A room as the server describes it. */
export function roomOf(id: string, owner: string, ...others: string[]): Room {
  return {
    ...{ id, owner, participants: [owner, ...others], record: false, acl: [], participantsLimit: 100 },
    ...{ uuid: `${id}-1`, room: `${id}-1`, timestamp: 0, number: '', sipUri: '', bitrate: 0, token: '' },
    ...{ server: {}, serverUuid: '', ice: [], media: { available: false } },
  };
}

/** An invitation as the server tells it. */
export function inviteOf(inviteId: string, more: Partial<InviteNotice> = {}): InviteNotice {
  return {
    inviteId,
    from: 'u-bob',
    fromDetails: { userId: 'u-bob', username: 'bob', domain: 'demo', displayName: 'Bob' },
    roomId: 'r-1',
    mediatypes: { audio: true, video: true },
    context: {},
    ringUntil: Date.now() + 30_000,
    ...more,
  };
}

/** Collects events. */
export function collect<T>(): { events: T[]; listener: (event: T) => void } {
  const events: T[] = [];
  return { events, listener: event => events.push(event) };
}
