import { ConnectionLostError, InvalidRequestError, ProtocolError, TimeoutError, WacError } from '../errors.js';
import { sizeOf } from './frames.js';

/** How a request is made. */
export interface RequestOptions {
  /** Gives the wait up; the promise is rejected with the signal's reason. The server may carry the request out all the same. */
  signal?: AbortSignal;
  /** How long to wait for the answer, reconnecting included, in milliseconds. */
  timeoutMs?: number;
}

/** A request on its way. */
export interface Outgoing<T> {
  id: string;
  /** For messages of errors. */
  name: string;
  /** The frame. */
  text: string;
  /** Makes the result, or throws. Called as soon as the answer is there, before any later frame is looked at. */
  take(answer: Record<string, unknown>): T;
}

interface Waiting {
  request: Outgoing<unknown>;
  sent: boolean;
  settle(outcome: { error: unknown } | { value: unknown }): void;
}

/** Requests that may wait at once. */
const WAITING_MAX = 256;
/** Pause before a request is sent again that the server is still busy with, in milliseconds. */
const RUNNING_PAUSE_MS = 200;
/** The code of that refusal. */
const STILL_RUNNING = 'idempotency_in_progress';

/** Requests that wait for their answers, across connections: what is unanswered when one is lost is sent again on the next, under the same id. */
export class Outbox {
  readonly #send: (text: string) => boolean;
  readonly #waiting = new Map<string, Waiting>();
  #ended: WacError | undefined;

  constructor(send: (text: string) => boolean) {
    this.#send = send;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Sends a request, at once or when there is a connection.
   *
   * @param frameBytesMax - Largest frame the server takes, if it has said so.
   */
  submit<T>(request: Outgoing<T>, timeoutMs: number, signal?: AbortSignal, frameBytesMax?: number): Promise<T> {
    const refused = this.#refusal(request, signal, frameBytesMax);
    if (refused) return Promise.reject(refused.error);
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => waiting.settle({ error: signal?.reason });
      const timer = setTimeout(() => waiting.settle({ error: timedOut(request.name, waiting.sent) }), timeoutMs);
      const waiting: Waiting = {
        request,
        sent: false,
        settle: outcome => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          this.#waiting.delete(request.id);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value as T);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.set(request.id, waiting);
      waiting.sent = this.#send(request.text);
    });
  }

  /** An answer has arrived; says whether anybody waited for it. */
  answer(id: string, answer: Record<string, unknown>): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    try {
      waiting.settle({ value: waiting.request.take(answer) });
    } catch (error) {
      if (error instanceof WacError && error.code === STILL_RUNNING) this.#later(waiting);
      else waiting.settle({ error });
    }
    return true;
  }

  /** What was sent on an earlier connection is still being done: its answer is asked for once more. */
  #later(waiting: Waiting): void {
    waiting.sent = false;
    setTimeout(() => {
      if (this.#waiting.get(waiting.request.id) === waiting) waiting.sent ||= this.#send(waiting.request.text);
    }, RUNNING_PAUSE_MS);
  }

  /** There is a connection: everything that waits is sent, in the order it was asked. */
  opened(): void {
    for (const waiting of this.#waiting.values()) waiting.sent ||= this.#send(waiting.request.text);
  }

  /** The connection is gone; what was sent on it waits for the next one. `dropSent`: it was wrong, and fails. */
  lost(dropSent: string | undefined): void {
    for (const waiting of [...this.#waiting.values()].filter(({ sent }) => sent)) {
      waiting.sent = false;
      if (dropSent === undefined) continue;
      const message = `${waiting.request.name}: the server refused the frame`;
      waiting.settle({ error: new ProtocolError(message, { code: dropSent }) });
    }
  }

  /** There will be no connection any more. */
  end(error: WacError): void {
    this.#ended = error;
    for (const waiting of [...this.#waiting.values()]) waiting.settle({ error });
  }

  #refusal(request: Outgoing<unknown>, signal?: AbortSignal, frameBytesMax?: number): { error: unknown } | undefined {
    if (this.#ended) return { error: this.#ended };
    if (signal?.aborted) return { error: signal.reason };
    if (this.#waiting.size >= WAITING_MAX) {
      const message = `${request.name}: more than ${WAITING_MAX} requests wait already`;
      return { error: new ConnectionLostError(message, { code: 'too_many_waiting', retryable: true }) };
    }
    if (frameBytesMax !== undefined && sizeOf(request.text) > frameBytesMax) {
      const message = `${request.name}: larger than the server takes (${frameBytesMax} bytes)`;
      return { error: new InvalidRequestError(message, { code: 'frame_too_large', status: 413 }) };
    }
    return undefined;
  }
}

function timedOut(name: string, sent: boolean): WacError {
  if (sent) return new TimeoutError(`${name}: no answer in time`, { code: 'timeout', retryable: true });
  const message = `${name}: there was no connection in time`;
  return new ConnectionLostError(message, { code: 'not_connected', retryable: true });
}
