import type { Conference } from '../conferences/conference.js';
import type { Context } from '../conferences/context.js';
import type { Unsubscribe } from '../emitter.js';
import { ConnectionLostError, MediaError, TimeoutError, WacError } from '../errors.js';
import type { KnownRoom } from '../wire.js';
import { type JoinMediaOptions, joinMedia, type MediaConnection } from './connection.js';
import type { MediaEndReason } from './frames.js';
import { watchRoute } from './network.js';

/** Where the media of a conference are: `IDLE` → `JOINING` → `CONNECTED` ⇄ `RECONNECTING` → `ENDED`. */
export type ConferenceMediaStatus = 'IDLE' | 'JOINING' | 'CONNECTED' | 'RECONNECTING' | 'ENDED';

/** What is told of the sessions. */
export interface SessionHandlers {
  /** There is one, of which nothing was told yet; kept when everything is sent that is to be sent. */
  begun(connection: MediaConnection): Promise<void>;
  status(status: ConferenceMediaStatus): void;
  /** There will be none any more. */
  ended(reason: MediaEndReason): void;
}

/** Pauses between attempts to join anew, in milliseconds; the last one is repeated. */
const PAUSES_MS = [0, 300, 700, 1_500, 3_000, 5_000];
/** So often it is attempted: at first, when somebody waits for it, and to get back what was there. */
const FIRST_ATTEMPTS_MAX = 4;
const AGAIN_ATTEMPTS_MAX = 20;
/** Endings after which the seat is still there, and with it the right to media. */
const COMES_BACK: ReadonlySet<MediaEndReason> = new Set(['lost', 'failed', 'stopping']);

/** The media sessions of a seat, one after the other. */
export class MediaSessions {
  readonly #conference: Conference;
  readonly #context: Context;
  readonly #on: SessionHandlers;
  #options: JoinMediaOptions = {};
  #connection: MediaConnection | undefined;
  #joined: Promise<void> | undefined;
  #status: ConferenceMediaStatus = 'IDLE';
  #spentToken: string | undefined;
  #moved: KnownRoom | undefined;
  #awake: (() => void) | undefined;
  readonly #stops: Unsubscribe[] = [];

  constructor(conference: Conference, context: Context, on: SessionHandlers) {
    this.#conference = conference;
    this.#context = context;
    this.#on = on;
    conference.on('ended', ({ reason }) => this.#end(reason === 'expelled' || reason === 'closed' ? reason : 'left'));
    conference.on('updated', room => this.#nodeChanged(room));
  }

  get status(): ConferenceMediaStatus {
    return this.#status;
  }

  /** The present one. */
  get connection(): MediaConnection | undefined {
    return this.#connection;
  }

  /** Begins the first one; asking twice is asking once. */
  join(options: JoinMediaOptions): Promise<void> {
    if (this.#status === 'ENDED') return Promise.reject(mediaEnded());
    if (this.#joined) return this.#joined;
    this.#options = options;
    this.#become('JOINING');
    this.#stops.push(watchRoute(globalThis, () => this.#routeChanged()));
    this.#joined = this.#enter(FIRST_ATTEMPTS_MAX).then(
      () => this.#become('CONNECTED'),
      (error: unknown) => {
        // A later attempt may have more luck.
        this.#joined = undefined;
        this.#quit();
        if (this.#status === 'JOINING') this.#become('IDLE');
        throw error;
      },
    );
    return this.#joined;
  }

  /** It is attempted until there is one. */
  async #enter(attempts: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#enterOnce();
        return;
      } catch (error) {
        if (!mayComeBack(error) || attempt + 1 >= attempts || this.#over()) throw error;
        await this.#pause(PAUSES_MS[Math.min(attempt + 1, PAUSES_MS.length - 1)] ?? 0);
      }
    }
  }

  async #enterOnce(): Promise<void> {
    const room = await this.#admission();
    if (this.#over()) throw mediaEnded();
    this.#spentToken = room.token;
    const connection = await joinMedia(room, this.#options);
    if (this.#over()) {
      connection.leave();
      throw mediaEnded();
    }
    this.#connection = connection;
    connection.on('ended', ({ reason }) => {
      if (this.#connection === connection) this.#sessionEnded(reason);
    });
    await this.#on.begun(connection);
  }

  /** A token that was not used yet, of the node where the room's media are now. */
  async #admission(): Promise<KnownRoom> {
    const moved = this.#moved;
    this.#moved = undefined;
    const room = moved ?? this.#conference.room;
    if (room.token && room.token !== this.#spentToken) return room;
    return this.#context.request('joinRoom', { roomId: this.#conference.id }, {}, answer => {
      this.#context.adopt(answer);
      return answer;
    });
  }

  #sessionEnded(reason: MediaEndReason): void {
    this.#connection = undefined;
    if (!COMES_BACK.has(reason) || this.#over()) return this.#end(reason);
    this.#reconnect();
  }

  #reconnect(): void {
    if (this.#status === 'JOINING' || this.#status === 'RECONNECTING') return;
    this.#become('RECONNECTING');
    this.#joined = this.#enter(AGAIN_ATTEMPTS_MAX).then(() => this.#become('CONNECTED'));
    this.#joined.catch(() => this.#end('lost'));
  }

  /** The room's media are on another node from now on: what is left of the old session is of no use. */
  #nodeChanged(room: KnownRoom): void {
    if (!room.token || room.token === this.#spentToken || this.#joined === undefined) return;
    this.#moved = room;
    this.#awake?.();
    const old = this.#connection;
    this.#connection = undefined;
    old?.leave();
    this.#reconnect();
  }

  #routeChanged(): void {
    this.#awake?.();
    this.#connection?.networkChanged();
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#awake?.(), milliseconds);
      this.#awake = () => {
        clearTimeout(timer);
        this.#awake = undefined;
        resolve();
      };
    });
  }

  #over(): boolean {
    return this.#status === 'ENDED' || this.#conference.status === 'DISCONNECTED';
  }

  #end(reason: MediaEndReason): void {
    if (this.#status === 'ENDED') return;
    this.#become('ENDED');
    this.#quit();
    this.#on.ended(reason);
  }

  /** Lets go of the session and of the network. */
  #quit(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#awake?.();
    const old = this.#connection;
    this.#connection = undefined;
    old?.leave();
  }

  #become(status: ConferenceMediaStatus): void {
    if (status === this.#status || this.#status === 'ENDED') return;
    this.#status = status;
    this.#on.status(status);
  }
}

/** What is said to whoever wants something of media that are over. */
export function mediaEnded(): MediaError {
  return new MediaError('The media of the conference have ended', { code: 'media_ended' });
}

/** What may go better next time: whatever is not a refusal for good. */
function mayComeBack(error: unknown): boolean {
  if (error instanceof MediaError || error instanceof TimeoutError || error instanceof ConnectionLostError) return true;
  return !(error instanceof WacError) || error.retryable;
}
