import { Emitter } from '../emitter.js';
import { ConnectionLostError, ForbiddenError, ProtocolError, SessionEndedError, WacError } from '../errors.js';
import type { Hello, Limits, Position } from '../wire.js';
import { Backoff, type BackoffOptions } from './backoff.js';
import { type AfterClose, afterClose, TOO_MANY_REQUESTS_PAUSE_MS } from './close-codes.js';
import { Cursor } from './cursor.js';
import { parse } from './frames.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';
import type { Logger } from './logger.js';
import type { Servers } from './servers.js';
import { type OpenSocket, openSocket, type WebSocketConstructor } from './socket.js';
import type { Tokens } from './tokens.js';

/** Where a channel is. */
export type ChannelState =
  | 'IDLE'
  | 'CONNECTING'
  | 'OPEN'
  /** Between two attempts, or while the browser is offline. */
  | 'WAITING'
  /** For good. */
  | 'CLOSED';

/** What a channel needs. */
export interface ChannelOptions {
  /** The subprotocol: `jt` or `wapi`. */
  protocol: string;
  servers: Servers;
  tokens: Tokens;
  WebSocket: WebSocketConstructor;
  logger: Logger;
  /** Where to resume; left out: from now on. */
  position?: Position | undefined;
  backoff?: BackoffOptions;
  heartbeat?: HeartbeatOptions;
  /** How long a connection may take until `hello`, in milliseconds. */
  helloTimeoutMs: number;
  /** Sends something that the server answers. */
  ask(): void;
}

/** A connection is up. */
export interface Opened {
  hello: Hello;
  /** Notices may have been missed: the present state must be asked for. */
  resync: boolean;
}

/** A connection is gone. */
export interface Lost {
  /** What was sent and not answered was wrong, and must not be sent again. */
  dropSent: 'malformed_frame' | 'frame_too_large' | undefined;
}

interface ChannelEvents {
  state: ChannelState;
  open: Opened;
  lost: Lost;
  /** A frame other than `hello`, parsed. */
  frame: Record<string, unknown>;
  /** It will not come back. */
  end: WacError;
}

/** A connection that has lasted so long was a success, in milliseconds. */
const STABLE_MS = 5_000;

/** One WebSocket that comes back: connects, resumes, finds out that it is dead, goes elsewhere. */
export class Channel extends Emitter<ChannelEvents> {
  readonly #options: ChannelOptions;
  readonly #backoff: Backoff;
  readonly #heartbeat: Heartbeat;
  /** What has been seen; whoever handles notices moves it. */
  readonly cursor: Cursor;
  #state: ChannelState = 'IDLE';
  #socket: OpenSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;
  #stableTimer: ReturnType<typeof setTimeout> | undefined;
  #sessionId: string | undefined;
  #closing: { reason: string } | undefined;
  #resync: boolean;
  #offline = false;
  /** Upgrades that did not come about since the last connection. */
  #refusals = 0;
  /** Counts attempts, so that what an earlier one still awaits is not taken for the present one's. */
  #attempt = 0;
  /** What the server said in `hello`. */
  limits: Partial<Limits> = {};

  constructor(options: ChannelOptions) {
    super();
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    this.#heartbeat = new Heartbeat(options.heartbeat ?? {}, options.ask, () => this.#cut('silent'));
    this.cursor = new Cursor(options.position);
    this.#resync = options.position === undefined;
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Connects, and goes on doing so until {@link close} or the session's end. */
  start(): void {
    if (this.#state === 'IDLE') this.#connect();
  }

  /** Whether a frame was handed to an open socket. */
  send(text: string): boolean {
    if (this.#state !== 'OPEN' || !this.#socket) return false;
    this.#socket.send(text);
    return true;
  }

  /** Ends it for good. */
  close(reason: string): void {
    if (this.#state === 'CLOSED') return;
    this.#stopTimers();
    this.#socket?.abandon(1000, reason);
    this.#socket = undefined;
    this.#attempt += 1;
    this.#become('CLOSED');
  }

  /** The browser says that there is no network: an open socket is asked whether it lives, attempts wait. */
  wentOffline(): void {
    this.#offline = true;
    if (this.#state === 'OPEN') this.#heartbeat.askNow();
    if (this.#state === 'WAITING') clearTimeout(this.#retry);
  }

  /** The network is there, or the machine has woken up: do not wait for anything. */
  wake(): void {
    this.#offline = false;
    if (this.#state === 'OPEN') this.#heartbeat.askNow();
    if (this.#state === 'WAITING') {
      clearTimeout(this.#retry);
      this.#connect();
    }
  }

  async #connect(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#become('CONNECTING');
    let token: string;
    try {
      token = await this.#options.tokens.current();
    } catch (error) {
      if (attempt === this.#attempt) this.#withoutToken(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    const url = new URL(this.#options.servers.current);
    const position = this.cursor.position;
    if (position !== undefined) url.searchParams.set('position', String(position));
    this.#helloTimer = setTimeout(() => this.#cut('no hello'), this.#options.helloTimeoutMs);
    try {
      this.#socket = openSocket(this.#options.WebSocket, url.href, [this.#options.protocol, `bearer.${token}`], {
        message: text => this.#message(text),
        close: (code, reason) => this.#closed(code, reason),
      });
    } catch (cause) {
      this.#end(new ProtocolError(`The socket cannot be made: ${String(cause)}`, { code: 'bad_address', cause }));
    }
  }

  #withoutToken(error: unknown): void {
    if (error instanceof SessionEndedError) return this.#end(error);
    this.#options.logger('warn', 'no token for a connection', { protocol: this.#options.protocol, error });
    const asked = error instanceof WacError ? (error.retryAfterMs ?? 0) : 0;
    this.#retryIn(Math.max(asked, this.#backoff.next()));
  }

  #message(text: string): void {
    this.#heartbeat.heard();
    const frame = parse(text);
    if (!frame) return this.#options.logger('warn', 'a frame that is no JSON object was ignored');
    if (this.#state === 'OPEN') return this.#frame(frame);
    const hello = helloOf(frame);
    if (hello) return this.#greeted(hello);
    this.#frame(frame);
  }

  /** Remembers why a session was closed, for the close code that follows; everything else is for others. */
  #frame(frame: Record<string, unknown>): void {
    const closed = closedReasonOf(frame);
    if (closed !== undefined) this.#closing = { reason: closed };
    this.emit('frame', frame);
  }

  #greeted(hello: Hello): void {
    clearTimeout(this.#helloTimer);
    const another = this.#sessionId !== undefined && this.#sessionId !== hello.sessionId;
    const resync = this.#resync || another || !hello.resumed;
    if (!hello.resumed || this.cursor.position === undefined) this.cursor.startAt(hello.position);
    this.#sessionId = hello.sessionId;
    this.#resync = false;
    this.#refusals = 0;
    this.limits = hello.limits ?? {};
    this.#stableTimer = setTimeout(() => this.#backoff.reset(), STABLE_MS);
    this.#heartbeat.start();
    this.#become('OPEN');
    this.emit('open', { hello, resync });
  }

  /** Gives up a socket that does not answer. */
  #cut(reason: string): void {
    this.#socket?.abandon(1000, reason);
    this.#closed(1006, reason);
  }

  #closed(code: number, reason: string): void {
    const opened = this.#state === 'OPEN';
    const after = afterClose(code);
    this.#options.logger('info', 'a connection ended', { protocol: this.#options.protocol, code, reason });
    this.#stopTimers();
    this.#socket = undefined;
    if (after.next === 'end') return this.#end(endError(after.code, this.#closing?.reason ?? reason));
    if (opened) this.emit('lost', { dropSent: after.next === 'drop-sent' ? after.code : undefined });
    // A listener of `lost` may have closed it.
    if (this.#state === 'CLOSED') return;
    if (!opened && code === 1006) return this.#refused();
    this.#again(after);
  }

  #again(after: AfterClose): void {
    if (after.next === 'resync') {
      this.cursor.forget();
      this.#resync = true;
    }
    if (after.next === 'wait') return this.#retryIn(TOO_MANY_REQUESTS_PAUSE_MS + this.#backoff.next());
    if (after.next !== 'elsewhere') return this.#retryIn(this.#backoff.next());
    this.#options.servers.advance();
    // Once round the servers without a pause; after that they are all stopping, or this is the only one.
    if (this.#backoff.attempts >= this.#options.servers.count) return this.#retryIn(this.#backoff.next());
    this.#backoff.count();
    this.#retryIn(0);
  }

  /** The upgrade did not come about: the server is not there, or does not want the token. */
  #refused(): void {
    this.#options.servers.advance();
    this.#refusals += 1;
    // After each pause all servers are asked, one after the other.
    this.#retryIn(this.#refusals % this.#options.servers.count === 0 ? this.#backoff.next() : 0);
    const attempt = this.#attempt;
    this.#options.tokens.check().catch((error: unknown) => {
      if (error instanceof SessionEndedError && attempt === this.#attempt) this.#end(error);
    });
  }

  #retryIn(pauseMs: number): void {
    this.#become('WAITING');
    if (this.#offline) return;
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
  }

  #end(error: WacError): void {
    this.#stopTimers();
    this.#socket = undefined;
    this.#attempt += 1;
    this.#become('CLOSED');
    this.emit('end', error);
  }

  #stopTimers(): void {
    this.#heartbeat.stop();
    clearTimeout(this.#retry);
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#stableTimer);
  }

  #become(state: ChannelState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit('state', state);
  }
}

/** The payload of a `hello`, in the form of either protocol. */
function helloOf(frame: Record<string, unknown>): Hello | undefined {
  const payload = frame['payload'] as { eventName?: string; payload?: Hello } | undefined;
  if (frame['type'] === 'event' && payload?.eventName === 'hello') return payload.payload;
  return undefined;
}

function closedReasonOf(frame: Record<string, unknown>): string | undefined {
  const payload = frame['payload'] as { eventName?: string; payload?: { reason?: string } } | undefined;
  return payload?.eventName === 'sessionClosed' ? (payload.payload?.reason ?? 'closed') : undefined;
}

function endError(code: 'session_ended' | 'forbidden', reason: string): WacError {
  if (code === 'session_ended') {
    return new SessionEndedError(`The session has ended: ${reason || 'unknown reason'}`, { code: reason || code });
  }
  return new ForbiddenError(`The server does not let this client in: ${reason || 'origin or rights'}`, {
    code,
    status: 403,
  });
}

/** The error of whoever waited for a connection that did not come about in time. */
export function notConnected(): ConnectionLostError {
  return new ConnectionLostError('There is no connection to the server', { code: 'not_connected', retryable: true });
}
