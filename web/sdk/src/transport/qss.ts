import { Emitter } from '../emitter.js';
import { refusal } from '../errors.js';
import type { AnswerFrame, NoticeBody, NoticeFrame, RefusalFrame, RequestName, Requests } from '../wire.js';
import type { Channel, Opened } from './channel.js';
import { requestId } from './frames.js';
import { Outbox, type RequestOptions } from './outbox.js';
import type { Seen } from './seen.js';

interface QssEvents {
  /** A notice that has not been seen before. */
  notice: NoticeBody;
  /** A connection is up, and what waited has been sent. */
  open: Opened;
}

/** Turns an answer into a result as soon as it is there, before later notices are looked at. */
export type Take<Name extends RequestName, T> = (answer: Requests[Name]['answer']) => T;

/** Requests and notices over the signaling socket. */
export class Qss extends Emitter<QssEvents> {
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

  /** Makes a request. `take` sees the answer before any later notice is handed on. */
  request<Name extends RequestName, T = Requests[Name]['answer']>(
    name: Name,
    payload: Requests[Name]['payload'],
    options: RequestOptions = {},
    take: Take<Name, T> = answer => answer as T,
  ): Promise<T> {
    const id = requestId();
    const outgoing = {
      id,
      name,
      text: JSON.stringify({ request: name, requestID: id, payload }),
      take: (frame: Record<string, unknown>) => take(resultOf(name, frame as unknown as AnswerFrame)),
    };
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    return this.#outbox.submit(outgoing, timeoutMs, options.signal, this.#channel.limits.maxFrame);
  }

  #frame(frame: Record<string, unknown>): void {
    this.#seen.note(frame['position']);
    if (typeof frame['requestID'] === 'string') {
      this.#outbox.answer(frame['requestID'], frame);
    } else if (frame['type'] === 'event') {
      this.#notice(frame as unknown as NoticeFrame);
    }
  }

  #notice({ position, payload }: NoticeFrame): void {
    if (typeof payload?.eventName !== 'string') return;
    const isNew = typeof position !== 'number' || this.#channel.cursor.accept(position, JSON.stringify(payload));
    if (isNew) this.emit('notice', payload as NoticeBody);
  }
}

function resultOf<Name extends RequestName>(name: Name, frame: AnswerFrame | RefusalFrame): Requests[Name]['answer'] {
  if (isRefusal(frame)) throw refusal(frame.errorCode, frame.error, name);
  const { answer: _, requestID: __, position: ___, ...fields } = frame;
  return fields as unknown as Requests[Name]['answer'];
}

function isRefusal(frame: AnswerFrame | RefusalFrame): frame is RefusalFrame {
  return typeof (frame as RefusalFrame).errorCode === 'number';
}
