import type { RequestOptions } from '../transport/outbox.js';
import type { Wapi } from '../transport/wapi.js';
import type { PushTokenResource } from '../wire.js';

/** A device's address at a push service. */
export interface PushRegistration {
  /** What the push service has given to the device. */
  token: string;
  /** The push service: `apns`, `apns-voip`, `fcm`, `webpush`. */
  tokenType: string;
  /** Tells devices of one person apart. */
  deviceId?: string;
}

/**
 * Push tokens: how a device without a socket is woken for a call.
 *
 * @example
 * ```ts
 * const { id } = await session.pushTokens.register({ token, tokenType: 'fcm', deviceId });
 * ```
 */
export class PushTokenManager {
  readonly #wapi: Wapi;

  /** @internal */
  constructor(wapi: Wapi) {
    this.#wapi = wapi;
  }

  /**
   * Registers this device.
   *
   * @example
   * ```ts
   * await session.pushTokens.register({ token, tokenType: 'apns' });
   * ```
   */
  register(registration: PushRegistration, options: RequestOptions = {}): Promise<PushTokenResource> {
    return this.#wapi.post('/pushtokens', registration, options);
  }

  /**
   * The tokens of this person's devices.
   *
   * @example
   * ```ts
   * const tokens = await session.pushTokens.list();
   * ```
   */
  list(options: RequestOptions = {}): Promise<PushTokenResource[]> {
    return this.#wapi.get('/pushtokens', {}, options);
  }

  /**
   * Removes one.
   *
   * @example
   * ```ts
   * await session.pushTokens.remove(id);
   * ```
   */
  remove(id: string, options: RequestOptions = {}): Promise<void> {
    return this.#wapi.delete(`/pushtokens/${encodeURIComponent(id)}`, undefined, options);
  }
}
