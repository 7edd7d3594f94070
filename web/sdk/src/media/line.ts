import { deferred } from '../deferred.js';
import { MediaError } from '../errors.js';
import { type OpenSocket, openSocket, type WebSocketConstructor } from '../transport/socket.js';
import type { MediaEndReason, NodeFrame } from './frames.js';

/** A new session is greeted within this time, in milliseconds. */
const HELLO_TIMEOUT_MS = 15_000;
/** So often a new socket is tried for a session that goes on, and how long the pauses are, in milliseconds. */
const TRIES_MAX = 8;
const PAUSE_MS = 200;
const PAUSE_MAX_MS = 5_000;
/** A socket that was opened again is greeted within this time, in milliseconds. */
const AGAIN_TIMEOUT_MS = 5_000;
/** Frames that wait for a socket; older ones are dropped. */
const WAITING_MAX = 100;

/** What a line tells. */
export interface LineHandlers {
  frame(frame: NodeFrame): void;
  /** The socket is gone; a new one is tried. */
  cut(): void;
  /** It is over. */
  over(reason: MediaEndReason): void;
}

/** The way to the media node: a socket, and a new one when it is cut, for as long as the session may live. */
export class MediaLine {
  readonly #open: () => OpenSocket;
  readonly #on: LineHandlers;
  #socket: OpenSocket;
  #greeting = deferred<void>();
  #state: 'new' | 'open' | 'cut' | 'over' = 'new';
  #tries = 0;
  #timer: ReturnType<typeof setTimeout>;
  readonly #waiting: string[] = [];

  constructor(WebSocket: WebSocketConstructor, url: string, token: string, on: LineHandlers) {
    this.#on = on;
    // The token is good for as long as the session lives that it has begun.
    this.#open = () =>
      openSocket(WebSocket, url, ['media', `bearer.${token}`], {
        message: text => this.#told(JSON.parse(text) as NodeFrame),
        close: () => this.#cut(),
      });
    this.#timer = setTimeout(() => on.over('failed'), HELLO_TIMEOUT_MS);
    this.#socket = this.#open();
  }

  /** Kept as soon as the node has greeted the present socket; rejected when there will be none any more. */
  get greeting(): Promise<void> {
    return this.#greeting.promise;
  }

  /** Says something, now or when there is a socket again. */
  send(frame: { type: string; [field: string]: unknown }): void {
    const text = JSON.stringify(frame);
    if (this.#state === 'open') return this.#socket.send(text);
    this.#waiting.push(text);
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /** Tries at once what would be tried after a pause. */
  wake(): void {
    if (this.#state !== 'cut') return;
    clearTimeout(this.#timer);
    this.#tries = 0;
    this.#again();
  }

  /** Closes it for good. */
  close(reason: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#timer);
    this.#greeting.reject(new MediaError(`The media session has ended: ${reason}`, { code: 'media_ended' }));
    this.#socket.abandon(1000, reason);
  }

  #told(frame: NodeFrame): void {
    if (frame.type === 'hello') {
      clearTimeout(this.#timer);
      this.#tries = 0;
      this.#state = 'open';
      for (const text of this.#waiting.splice(0)) this.#socket.send(text);
      this.#on.frame(frame);
      this.#greeting.resolve();
    } else {
      this.#on.frame(frame);
    }
  }

  /** The socket is gone, the session need not be: media goes on without it. */
  #cut(): void {
    if (this.#state === 'over') return;
    if (this.#state === 'new' || this.#tries >= TRIES_MAX) return this.#on.over('lost');
    clearTimeout(this.#timer);
    if (this.#state === 'open') {
      this.#state = 'cut';
      this.#greeting = deferred();
      this.#on.cut();
    }
    const pause = Math.min(PAUSE_MS * 2 ** this.#tries, PAUSE_MAX_MS);
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#again(), pause);
  }

  #again(): void {
    this.#socket.abandon(1000, 'late');
    this.#socket = this.#open();
    this.#timer = setTimeout(() => {
      this.#socket.abandon(1000, 'late');
      this.#cut();
    }, AGAIN_TIMEOUT_MS);
  }
}
