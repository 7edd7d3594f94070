import type { Unsubscribe } from '../emitter.js';
import type { RequestOptions } from '../transport/outbox.js';
import type { Qss } from '../transport/qss.js';
import type { Query, Wapi } from '../transport/wapi.js';
import type { NoticeBody, RequestName, Requests, WapiMethod, WapiPush } from '../wire.js';

/**
 * The protocols themselves: any request, any notice.
 *
 * @example
 * ```ts
 * const { participants } = await session.raw.request('listParticipants', { roomId });
 * const users = await session.raw.wapi('GET', '/users');
 * ```
 */
export class Raw {
  readonly #qss: Qss;
  readonly #wapi: Wapi;

  /** @internal */
  constructor(qss: Qss, wapi: Wapi) {
    this.#qss = qss;
    this.#wapi = wapi;
  }

  /**
   * A request over QSS. What the SDK's own objects show does not follow from it.
   *
   * @example
   * ```ts
   * await session.raw.request('hold', { roomId });
   * ```
   */
  request<Name extends RequestName>(
    name: Name,
    payload: Requests[Name]['payload'],
    options: RequestOptions = {},
  ): Promise<Requests[Name]['answer']> {
    return this.#qss.request(name, payload, options);
  }

  /**
   * A request over WAPI.
   *
   * @example
   * ```ts
   * const me = await session.raw.wapi('GET', `/users/${session.userId}`);
   * ```
   */
  wapi<T = unknown>(
    method: WapiMethod,
    url: string,
    body?: unknown,
    query: Query = {},
    options: RequestOptions = {},
  ): Promise<T> {
    return this.#wapi.request(method, url, body, query, options);
  }

  /**
   * A list over WAPI to its end, page after page.
   *
   * @example
   * ```ts
   * for await (const users of session.raw.pages<{ username: string }>('/users')) console.log(users.length);
   * ```
   */
  pages<T = unknown>(
    url: string,
    query: Query = {},
    options: RequestOptions = {},
  ): AsyncGenerator<T[], void, undefined> {
    return this.#wapi.pages(url, query, options);
  }

  /**
   * Every notice over QSS.
   *
   * @example
   * ```ts
   * const stop = session.raw.onNotice(notice => console.log(notice.eventName, notice.payload));
   * ```
   */
  onNotice(listener: (notice: NoticeBody) => void): Unsubscribe {
    return this.#qss.on('notice', listener);
  }

  /**
   * Every push over WAPI.
   *
   * @example
   * ```ts
   * const stop = session.raw.onPush(push => console.log(push.method, push.url));
   * ```
   */
  onPush(listener: (push: WapiPush) => void): Unsubscribe {
    return this.#wapi.on('push', listener);
  }
}
