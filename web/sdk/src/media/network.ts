import type { Unsubscribe } from '../emitter.js';

/** What a browser tells about the way out. */
interface Route {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
  navigator?: { connection?: Pick<EventTarget, 'addEventListener' | 'removeEventListener'> & { type?: string } };
}

/** Says when this device has come to another network. Outside a browser nothing is said. */
export function watchRoute(window: unknown, changed: () => void): Unsubscribe {
  const target = window as Route;
  const connection = target.navigator?.connection;
  let type = connection?.type;
  const maybe = (): void => {
    // Estimates of the speed change all the time; that is another network only if it is of another kind.
    if (connection?.type === type) return;
    type = connection?.type;
    changed();
  };
  target.addEventListener?.('online', changed);
  connection?.addEventListener('change', maybe);
  return () => {
    target.removeEventListener?.('online', changed);
    connection?.removeEventListener('change', maybe);
  };
}
