import { Emitter } from '../emitter.js';
import { refusal } from '../errors.js';
import type { Problem, WapiAnswerFrame, WapiMethod, WapiPush } from '../wire.js';
import type { Channel, Opened } from './channel.js';
import { requestId } from './frames.js';
import { Outbox, type RequestOptions } from './outbox.js';
import type { Seen } from './seen.js';

/** Parameters of a query. */
export type Query = Record<string, string | number | boolean | undefined>;

/** An answer, and where a list goes on. */
interface Page<T> {
  body: T;
  next: string | undefined;
}

interface WapiEvents {
  /** The server tells that a resource has changed. */
  push: WapiPush;
  /** A connection is up, and what waited has been sent. */
  open: Opened;
}

/** Resources over the WAPI socket: what SAPI has, and presence, contacts, push tokens, conferences. */
export class Wapi extends Emitter<WapiEvents> {
  readonly #channel: Channel;
  readonly #outbox: Outbox;
  readonly #timeoutMs: number;
  readonly #seen: Seen;

  constructor(channel: Channel, timeoutMs: number, seen: Seen) {
    super();
    this.#channel = channel;
    this.#timeoutMs = timeoutMs;
    this.#seen = seen;
    this.#outbox = new Outbox(text => channel.send(text));
    channel.on('frame', frame => this.#frame(frame));
    channel.on('lost', ({ dropSent }) => this.#outbox.lost(dropSent));
    channel.on('end', error => this.#outbox.end(error));
    channel.on('open', opened => {
      this.#outbox.opened();
      this.emit('open', opened);
    });
  }

  /** Ends everything that waits. */
  end(error: Parameters<Outbox['end']>[0]): void {
    this.#outbox.end(error);
  }

  /** Reads a resource, no older than anything this session was told over either socket. */
  get<T>(url: string, query: Query = {}, options: RequestOptions = {}): Promise<T> {
    return this.request('GET', url, undefined, { ...query, min_position: this.#seen.position }, options);
  }

  /** Creates a resource, or has something done. */
  post<T>(url: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.request('POST', url, body, {}, options);
  }

  /** Changes a resource. */
  put<T>(url: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.request('PUT', url, body, {}, options);
  }

  /** Removes a resource. */
  delete(url: string, body?: unknown, options: RequestOptions = {}): Promise<void> {
    return this.request('DELETE', url, body, {}, options);
  }

  /** Any of these. */
  async request<T>(
    method: WapiMethod,
    url: string,
    body: unknown,
    query: Query = {},
    options: RequestOptions = {},
  ): Promise<T> {
    return (await this.#ask<T>(method, url, body, query, options)).body;
  }

  /** Reads a list to its end, page after page. */
  async *pages<T>(url: string, query: Query = {}, options: RequestOptions = {}): AsyncGenerator<T[], void, undefined> {
    let page = await this.#ask<T[]>('GET', url, undefined, { ...query, min_position: this.#seen.position }, options);
    yield page.body;
    while (page.next !== undefined) {
      page = await this.#ask<T[]>('GET', page.next, undefined, {}, options);
      yield page.body;
    }
  }

  /** The same, element by element. */
  async *each<T>(url: string, query: Query = {}, options: RequestOptions = {}): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages<T>(url, query, options)) yield* page;
  }

  #ask<T>(method: WapiMethod, url: string, body: unknown, query: Query, options: RequestOptions): Promise<Page<T>> {
    const id = requestId();
    const qs = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
    const frame = {
      id,
      method,
      url,
      ...(Object.keys(qs).length > 0 ? { qs } : {}),
      ...(body === undefined ? {} : { body }),
      // Sent again after a lost connection it happens once, and is answered as it was the first time.
      ...(method === 'GET' ? {} : { idempotencyKey: id }),
    };
    const name = `${method} ${url}`;
    const outgoing = {
      id,
      name,
      text: JSON.stringify(frame),
      take: (answer: Record<string, unknown>) => resultOf<T>(name, answer as unknown as WapiAnswerFrame),
    };
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    return this.#outbox.submit(outgoing, timeoutMs, options.signal, this.#channel.limits.maxFrame);
  }

  #frame(frame: Record<string, unknown>): void {
    this.#seen.note(frame['position']);
    if (typeof frame['id'] === 'string' && typeof frame['status'] === 'number') {
      this.#outbox.answer(frame['id'], frame);
    } else if (typeof frame['method'] === 'string' && typeof frame['url'] === 'string') {
      this.#push(frame as unknown as WapiPush);
    }
  }

  #push(push: WapiPush): void {
    const { position, method, url, body } = push;
    const isNew = position === undefined || this.#channel.cursor.accept(position, JSON.stringify([method, url, body]));
    if (isNew) this.emit('push', push);
  }
}

function resultOf<T>(name: string, { status, body, next }: WapiAnswerFrame): Page<T> {
  if (status >= 200 && status < 300) return { body: body as T, next: next ?? undefined };
  throw refusal(status, body as Problem | undefined, name);
}
