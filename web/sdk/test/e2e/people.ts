import { WebSocket } from 'ws';
import {
  type Conference,
  type ConferenceInvitation,
  createSession,
  type Login,
  type Session,
  type SessionConfig,
} from '../../src/index.js';
import type { RealServer } from './server.js';

/** Nothing in these tests takes longer than this on a busy machine, in milliseconds. */
export const PATIENCE_MS = 20_000;

/** Somebody who is logged in, and whose connections can be cut. */
export interface Person {
  session: Session;
  userId: string;
  /** Cuts all sockets without a word; the session makes new ones. */
  cut(): void;
}

/** Logs people in and out. */
export class People {
  readonly #server: RealServer;
  readonly #carol: string;
  readonly #sessions: Session[] = [];

  constructor(server: RealServer, carolsPassword: string) {
    this.#server = server;
    this.#carol = carolsPassword;
  }

  /** Logs somebody in with his password. */
  logIn(name: 'alice' | 'bob' | 'carol', more: Partial<SessionConfig> = {}): Promise<Person> {
    const username = `${name}@demo`;
    const password = name === 'carol' ? this.#carol : this.#server.password(username);
    return this.enter({ username, password }, more);
  }

  /** Opens a session of whoever may. */
  async enter(login: Login, more: Partial<SessionConfig> = {}): Promise<Person> {
    const sockets = new Set<WebSocket>();
    class CutSocket extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        sockets.add(this);
        this.once('close', () => sockets.delete(this));
      }
    }
    const config = { servers: this.#server.url, WebSocket: CutSocket, ...more };
    const session = await createSession({ ...config, ...login });
    this.#sessions.push(session);
    const cut = (): void => {
      for (const socket of sockets) socket.terminate();
    };
    return { session, userId: session.userId ?? '', cut };
  }

  /** Logs out whoever is still there. */
  async leave(): Promise<void> {
    await Promise.all(this.#sessions.splice(0).map(session => session.logout().catch(() => {})));
  }
}

/** Waits for something, but not for ever. */
export const patience = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(PATIENCE_MS) });

/** The next invitation that rings at somebody. */
export const rings = (person: Person): Promise<ConferenceInvitation> =>
  person.session.conferences.once('conferenceInvitation', patience());

/** Waits until a condition of the conferences holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** Whether exactly these people are in a conference. */
export const holds = (conference: Conference, ...people: Person[]): boolean =>
  [...conference.participants.keys()].sort().join() ===
  people
    .map(({ userId }) => userId)
    .sort()
    .join();

/** A call between two, answered. */
export async function inACall(caller: Person, callee: Person, name: string): Promise<[Conference, Conference]> {
  const ringing = rings(callee);
  const { conference, invitation } = await caller.session.conferences.call(name);
  const accepted = await (await ringing).accept();
  await invitation.outcome(patience());
  await until(() => holds(conference, caller, callee) && holds(accepted, caller, callee), 'the call');
  return [conference, accepted];
}
