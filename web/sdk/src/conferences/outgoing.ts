import { abortable, deferred } from '../deferred.js';
import { Emitter, type WaitOptions } from '../emitter.js';
import { refusal, type WacError } from '../errors.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { Notices } from '../wire.js';
import type { Conference } from './conference.js';
import type { Context } from './context.js';

/** Default code of a cancellation. */
const CANCELLED = 487;

/** Who accepted. */
export interface Accepted {
  /** User id. */
  whoAccepted: string;
  roomId: string;
}

/** What happens to an invitation that was sent. */
export interface OutgoingInvitationEvents<T> {
  accepted: T;
  /** Nobody accepted; the error says why. */
  ended: { error: WacError };
}

/** An invitation that this device has sent: {@link Invitation} or {@link InvitationRequest}. */
export abstract class OutgoingInvitation<T> extends Emitter<OutgoingInvitationEvents<T>> {
  /** The `inviteId`. */
  readonly id: string;
  /** Whom it was sent to, as it was asked. */
  readonly to: string;
  protected readonly context: Context;
  readonly #outcome = deferred<T>();
  #state: 'RINGING' | 'ACCEPTED' | 'ENDED' = 'RINGING';

  /** @internal */
  constructor(context: Context, id: string, to: string) {
    super();
    this.context = context;
    this.id = id;
    this.to = to;
  }

  /** Where it is. */
  get state(): 'RINGING' | 'ACCEPTED' | 'ENDED' {
    return this.#state;
  }

  /**
   * Waits until somebody has accepted; rejected with a `DeclinedError`, `BusyError`, `NoAnswerError`,
   * `UnavailableError`, `NotFoundError` or `CancelledError` when it has ended otherwise.
   *
   * @example
   * ```ts
   * const { whoAccepted } = await invitation.outcome();
   * ```
   */
  outcome(options: WaitOptions = {}): Promise<T> {
    return abortable(this.#outcome.promise, options.signal);
  }

  /**
   * Takes it back.
   *
   * @example
   * ```ts
   * await invitation.cancel();
   * ```
   */
  async cancel(options: RequestOptions & { errorCode?: number } = {}): Promise<void> {
    const errorCode = options.errorCode ?? CANCELLED;
    const payload = { inviteId: this.id, errorCode };
    await this.context.request('cancel', payload, options, () => this.end(refusal(errorCode, undefined, 'invite')));
  }

  /** @internal Somebody accepted. */
  abstract accept(notice: Notices['inviteAccepted']): void;

  /** @internal */
  end(error: WacError): void {
    if (this.#state !== 'RINGING') return;
    this.#state = 'ENDED';
    this.#outcome.reject(error);
    this.emit('ended', { error });
  }

  /** It is accepted, with this result. */
  protected succeed(result: T): void {
    if (this.#state !== 'RINGING') return;
    this.#state = 'ACCEPTED';
    this.#outcome.resolve(result);
    this.emit('accepted', result);
  }
}

/**
 * An invitation into a conference of this device.
 *
 * @example
 * ```ts
 * const invitation = await conference.invite('bob', { mediatypes: { audio: true, video: false } });
 * await invitation.outcome();
 * ```
 */
export class Invitation extends OutgoingInvitation<Accepted> {
  /** @internal */
  override accept({ whoAccepted, roomId }: Notices['inviteAccepted']): void {
    this.succeed({ whoAccepted, roomId });
  }
}

/**
 * A request to be let into somebody else's conference.
 *
 * @example
 * ```ts
 * const request = await session.conferences.requestInvitation('alice');
 * const conference = await request.outcome();
 * ```
 */
export class InvitationRequest extends OutgoingInvitation<Conference> {
  /** @internal */
  override accept({ roomId }: Notices['inviteAccepted']): void {
    const join = this.context.request('joinRoom', { roomId }, {}, room => this.context.adopt(room));
    join.then(
      conference => this.succeed(conference),
      (error: WacError) => this.end(error),
    );
  }
}
