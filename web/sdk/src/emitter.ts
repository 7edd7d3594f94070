/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** How long to wait for an event. */
export interface WaitOptions {
  /** Gives the wait up; the promise is rejected with the signal's reason, an iteration ends. */
  signal?: AbortSignal;
}

/** How many events an iterator that nobody reads keeps before it drops the oldest. */
const ITERATOR_BACKLOG_MAX = 1_000;

/**
 * Typed events. `Events` maps names to what their listeners get.
 *
 * @example
 * ```ts
 * const stop = session.on('status', status => console.log(status));
 * const invitation = await session.conferences.once('conferenceInvitation');
 * for await (const joined of conference.events('participantJoined')) console.log(joined.userId);
 * stop();
 * ```
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /**
   * Calls `listener` for every such event from now on.
   *
   * @returns A function that ends it.
   *
   * @example
   * ```ts
   * const stop = conference.on('ended', ({ reason }) => console.log(reason));
   * ```
   */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Unsubscribe {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // A wrapper of its own for each call, so that one function can be subscribed twice and ended once.
    const entry = (event: Events[Name]): void => listener(event);
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
    };
  }

  /**
   * The next such event.
   *
   * @example
   * ```ts
   * const { reason } = await conference.once('ended', { signal: AbortSignal.timeout(60_000) });
   * ```
   */
  once<Name extends keyof Events>(name: Name, options: WaitOptions = {}): Promise<Events[Name]> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = this.on(name, event => {
        stop();
        signal?.removeEventListener('abort', abort);
        resolve(event);
      });
      const abort = (): void => {
        stop();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /**
   * All such events from now on, as an iteration. Leaving the loop ends the subscription.
   *
   * @example
   * ```ts
   * for await (const invitation of session.conferences.events('conferenceInvitation')) {
   *   await invitation.decline();
   * }
   * ```
   */
  events<Name extends keyof Events>(name: Name, options: WaitOptions = {}): AsyncIterableIterator<Events[Name]> {
    const backlog: Events[Name][] = [];
    let wake: (() => void) | undefined;
    let over = options.signal?.aborted ?? false;
    const unsubscribe = this.on(name, event => {
      backlog.push(event);
      if (backlog.length > ITERATOR_BACKLOG_MAX) backlog.shift();
      wake?.();
    });
    const end = (): void => {
      over = true;
      unsubscribe();
      wake?.();
    };
    if (over) unsubscribe();
    options.signal?.addEventListener('abort', end, { once: true });
    const next = async (): Promise<IteratorResult<Events[Name]>> => {
      while (backlog.length === 0 && !over) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      if (backlog.length === 0) return { done: true, value: undefined };
      return { done: false, value: backlog.shift() as Events[Name] };
    };
    return {
      next,
      return: () => {
        backlog.length = 0;
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Calls the listeners of `name`, in the order of their subscription. */
  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        reportBug(error);
      }
    }
  }
}

/** An exception of a listener is the application's bug: reported as uncaught, and the other listeners go on. */
function reportBug(error: unknown): void {
  if (typeof globalThis.reportError === 'function') return globalThis.reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
