import { abortable, deferred } from '../deferred.js';
import type { WaitOptions } from '../emitter.js';
import type { WacError } from '../errors.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { MediaTypes, Notices } from '../wire.js';
import type { Conference } from './conference.js';
import type { Context } from './context.js';

/** Default code of a refusal. */
const DECLINED = 603;

/**
 * A transfer that this device has asked for. When it succeeds, this device leaves its conference;
 * when it fails, everything stays as it was.
 *
 * @example
 * ```ts
 * const transfer = await conference.transfer('carol');
 * await transfer.outcome();
 * ```
 */
export class OutgoingTransfer {
  /** The `callTransferId`. */
  readonly id: string;
  readonly #leaving: readonly Conference[];
  readonly #outcome = deferred<void>();

  /** @internal */
  constructor(id: string, leaving: readonly Conference[]) {
    this.id = id;
    this.#leaving = leaving;
  }

  /**
   * Waits until the other party has moved; rejected with the reason when the transfer has failed.
   *
   * @example
   * ```ts
   * await transfer.outcome({ signal: AbortSignal.timeout(60_000) });
   * ```
   */
  outcome(options: WaitOptions = {}): Promise<void> {
    return abortable(this.#outcome.promise, options.signal);
  }

  /** @internal Whether its success takes this device out of a conference. */
  isLeaving(conference: Conference): boolean {
    return this.#leaving.includes(conference);
  }

  /** @internal */
  complete(_roomId: string): void {
    for (const conference of this.#leaving) conference.end('transferred');
    this.#outcome.resolve();
  }

  /** @internal */
  fail(error: WacError): void {
    this.#outcome.reject(error);
  }
}

/**
 * Somebody transfers this device to `to`. It stays in its conference until it has accepted and the transfer is complete.
 *
 * @example
 * ```ts
 * conference.on('transfer', async transfer => {
 *   await transfer.accept();
 *   const next = await transfer.outcome();
 * });
 * ```
 */
export class IncomingTransfer {
  /** The `callTransferId`. */
  readonly id: string;
  /** Whom this device will talk to. */
  readonly to: string;
  readonly mediaTypes: MediaTypes;
  readonly #context: Context;
  readonly #conference: Conference;
  readonly #outcome = deferred<Conference>();

  /** @internal */
  constructor(context: Context, conference: Conference, notice: Notices['callTransferStart']) {
    this.#context = context;
    this.#conference = conference;
    this.id = notice.callTransferId;
    this.to = notice.to;
    this.mediaTypes = notice.mediaTypes;
  }

  /**
   * Lets it happen.
   *
   * @example
   * ```ts
   * await transfer.accept();
   * ```
   */
  async accept(options: RequestOptions = {}): Promise<void> {
    await this.#context.request('acceptTransfer', { callTransferId: this.id }, options);
  }

  /**
   * Refuses it.
   *
   * @example
   * ```ts
   * await transfer.decline();
   * ```
   */
  async decline(options: RequestOptions & { errorCode?: number } = {}): Promise<void> {
    const payload = { callTransferId: this.id, errorCode: options.errorCode ?? DECLINED };
    await this.#context.request('declineTransfer', payload, options);
  }

  /**
   * The conference this device is in once the transfer is complete: the same one (blind), or that of the
   * transferor's other call (attended). Rejected when the transfer has failed.
   *
   * @example
   * ```ts
   * const next = await transfer.outcome();
   * ```
   */
  outcome(options: WaitOptions = {}): Promise<Conference> {
    return abortable(this.#outcome.promise, options.signal);
  }

  /** @internal */
  complete(roomId: string): void {
    if (roomId === this.#conference.id) return this.#outcome.resolve(this.#conference);
    this.#conference.end('transferred');
    const there = this.#context.find(roomId);
    if (there) return this.#outcome.resolve(there);
    const join = this.#context.request('joinRoom', { roomId }, {}, room => this.#context.adopt(room));
    join.then(this.#outcome.resolve, this.#outcome.reject);
  }

  /** @internal */
  fail(error: WacError): void {
    this.#outcome.reject(error);
  }
}
