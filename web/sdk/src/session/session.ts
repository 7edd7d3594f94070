import { ConferenceLog } from '../conferences/log.js';
import { ConferenceManager } from '../conferences/manager.js';
import { Registry } from '../conferences/registry.js';
import { ContactManager } from '../contacts/manager.js';
import { deferred } from '../deferred.js';
import { Emitter, type Unsubscribe } from '../emitter.js';
import { ConnectionLostError, SessionEndedError, type WacError } from '../errors.js';
import { GroupManager } from '../groups/manager.js';
import { PresenceManager } from '../presence/manager.js';
import { PushTokenManager } from '../push/manager.js';
import { silent } from '../transport/logger.js';
import type { TokenSet } from '../transport/oauth.js';
import type { Hello } from '../wire.js';
import type { SessionConfig } from './config.js';
import { watchNetwork } from './network.js';
import { Raw } from './raw.js';
import { type SessionSnapshot, STORAGE_KEY } from './snapshot.js';
import type { Parts } from './wiring.js';

/** Where a session is: `UNCONNECTED` → `CONNECTING` → `CONNECTED` ⇄ `SUSPENDED` → `DISCONNECTED`. */
export type SessionStatus =
  | 'UNCONNECTED'
  | 'CONNECTING'
  | 'CONNECTED'
  /** The session lives; a connection is being made again. Requests wait for it. */
  | 'SUSPENDED'
  /** For good. */
  | 'DISCONNECTED';

/** What happens to a session. */
export interface SessionEvents {
  status: SessionStatus;
  /** The tokens were renewed. */
  tokens: TokenSet;
  /** The session is over for this object; `error.code` says why (`logout`, `disconnect`, or the server's reason). */
  ended: { error: WacError };
}

/** How long the first connection may take if nothing is said, in milliseconds. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * A device of a logged-in person. Made by `createSession`, `createAnonymousSession` and `recoverSession`.
 *
 * @example
 * ```ts
 * const session = await createSession({ servers: 'https://wac.example.org', username: 'alice@demo', password });
 * session.on('status', status => console.log(status));
 * await session.logout();
 * ```
 */
export class Session extends Emitter<SessionEvents> {
  /** Conferences, invitations, conference log. */
  readonly conferences: ConferenceManager;
  /** This person's presence, and that of others. */
  readonly presence: PresenceManager;
  /** The people of the domain. */
  readonly contacts: ContactManager;
  /** Groups of people who ring together. */
  readonly groups: GroupManager;
  /** How this device is woken when it has no socket. */
  readonly pushTokens: PushTokenManager;
  /** The protocols themselves, for what has no method here. */
  readonly raw: Raw;
  readonly #parts: Parts;
  readonly #config: SessionConfig;
  readonly #registry: Registry;
  readonly #connected = deferred<void>();
  readonly #stops: Unsubscribe[] = [];
  #status: SessionStatus = 'UNCONNECTED';
  #hello: Hello | undefined;
  #error: WacError | undefined;
  #lostRooms: string[];

  /** @internal */
  constructor(parts: Parts, config: SessionConfig, snapshot?: SessionSnapshot) {
    super();
    this.#parts = parts;
    this.#config = config;
    this.#lostRooms = snapshot?.rooms ?? [];
    this.#registry = new Registry(parts.qss, config.logger ?? silent);
    this.conferences = new ConferenceManager(this.#registry, new ConferenceLog(parts.wapi));
    this.presence = new PresenceManager(parts.wapi);
    this.contacts = new ContactManager(parts.wapi);
    this.groups = new GroupManager(parts.wapi);
    this.pushTokens = new PushTokenManager(parts.wapi);
    this.raw = new Raw(parts.qss, parts.wapi);
    this.#listen();
  }

  get status(): SessionStatus {
    return this.#status;
  }

  /** This session's id; `undefined` before the first connection. */
  get id(): string | undefined {
    return this.#hello?.sessionId;
  }

  /** The logged-in person's user id; `undefined` before the first connection. */
  get userId(): string | undefined {
    return this.#hello?.userId;
  }

  /** Id of the node that holds the signaling socket, or held it last; for support. */
  get node(): string | undefined {
    return this.#hello?.node;
  }

  /** Why it is over. */
  get error(): WacError | undefined {
    return this.#error;
  }

  /**
   * Connects. `createSession` and the like do it already, unless told not to.
   *
   * @example
   * ```ts
   * const session = await createSession({ ...options, autoConnect: false });
   * session.on('status', show);
   * await session.connect();
   * ```
   */
  async connect(): Promise<void> {
    if (this.#status === 'UNCONNECTED') {
      this.#become('CONNECTING');
      this.#parts.tokens.start();
      this.#parts.qssChannel.start();
      this.#parts.wapiChannel.start();
    }
    const timeoutMs = this.#config.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const timer = setTimeout(() => {
      const message = `There was no connection in ${timeoutMs} ms`;
      this.#end(new ConnectionLostError(message, { code: 'not_connected', retryable: true }));
    }, timeoutMs);
    try {
      await this.#connected.promise;
    } finally {
      clearTimeout(timer);
    }
    await this.#registry.synchronised();
    await this.#registry.recover(this.#lostRooms.splice(0));
  }

  /**
   * Ends the session and its tokens, on the server too. This object is of no use afterwards.
   *
   * @example
   * ```ts
   * await session.logout();
   * ```
   */
  async logout(): Promise<void> {
    const { tokens, oauth } = this.#parts;
    const token = tokens.set?.refreshToken ?? tokens.set?.accessToken;
    try {
      if (token !== undefined && this.#status !== 'DISCONNECTED') await oauth.revoke(token);
    } finally {
      this.#config.storage?.removeItem(this.#config.storageKey ?? STORAGE_KEY);
      this.#end(new SessionEndedError('Logged out', { code: 'logout' }));
    }
  }

  /**
   * Closes the sockets and leaves the session alive, to be taken up again by `recoverSession`. If that does not happen
   * soon, the server takes this device out of its conferences.
   *
   * @example
   * ```ts
   * const snapshot = session.snapshot();
   * session.disconnect();
   * ```
   */
  disconnect(): void {
    this.#end(new SessionEndedError('Disconnected by the application', { code: 'disconnect' }));
  }

  /**
   * What `recoverSession` needs to go on with this session. Holds its tokens.
   *
   * @example
   * ```ts
   * sessionStorage.setItem('session', JSON.stringify(session.snapshot()));
   * ```
   */
  snapshot(): SessionSnapshot {
    const { tokens, qssChannel, wapiChannel } = this.#parts;
    const qssPosition = qssChannel.cursor.position;
    const wapiPosition = wapiChannel.cursor.position;
    return {
      tokens: tokens.set ?? { accessToken: '' },
      ...(qssPosition === undefined ? {} : { qssPosition }),
      ...(wapiPosition === undefined ? {} : { wapiPosition }),
      rooms: [...this.#lostRooms, ...this.#registry.conferences.keys()],
    };
  }

  #listen(): void {
    const { tokens, qssChannel, wapiChannel, qss } = this.#parts;
    for (const channel of [qssChannel, wapiChannel]) {
      channel.on('state', () => this.#channelChanged());
      channel.on('end', error => this.#end(error));
      channel.on('open', ({ hello }) => {
        this.#hello = hello;
        this.#channelChanged();
      });
    }
    tokens.on('changed', set => {
      this.#save();
      this.emit('tokens', set);
    });
    tokens.on('ended', error => this.#end(error));
    qss.on('notice', () => this.#save());
    this.#registry.on('conferenceStarted', () => this.#save());
    this.#registry.on('conferenceEnded', () => this.#save());
    const channels = [qssChannel, wapiChannel];
    const offline = (): void => {
      for (const channel of channels) channel.wentOffline();
    };
    const wake = (): void => {
      for (const channel of channels) channel.wake();
    };
    this.#stops.push(watchNetwork(globalThis as never, { offline, wake }));
  }

  #channelChanged(): void {
    if (this.#status === 'DISCONNECTED' || this.#status === 'UNCONNECTED') return;
    const { qssChannel, wapiChannel } = this.#parts;
    const open = qssChannel.state === 'OPEN' && wapiChannel.state === 'OPEN';
    if (open && this.#hello) {
      this.#become('CONNECTED');
      this.#connected.resolve();
      this.#save();
    } else if (this.#status === 'CONNECTED') {
      this.#become('SUSPENDED');
    }
  }

  #save(): void {
    const { storage, storageKey = STORAGE_KEY } = this.#config;
    if (this.#status === 'DISCONNECTED') return;
    storage?.setItem(storageKey, JSON.stringify(this.snapshot()));
  }

  #end(error: WacError): void {
    if (this.#status === 'DISCONNECTED') return;
    this.#error = error;
    this.#become('DISCONNECTED');
    const { tokens, qssChannel, wapiChannel, qss, wapi } = this.#parts;
    for (const stop of this.#stops) stop();
    tokens.stop();
    qssChannel.close('done');
    wapiChannel.close('done');
    qss.end(error);
    wapi.end(error);
    this.#registry.end(error);
    this.#connected.reject(error);
    this.emit('ended', { error });
  }

  #become(status: SessionStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.emit('status', status);
  }
}
