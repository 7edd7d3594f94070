import type { Unsubscribe } from '../emitter.js';

/** What tells about the network: a browser's window. */
export interface NetworkEvents {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
  document?: {
    visibilityState?: string;
    addEventListener(type: string, listener: () => void): void;
    removeEventListener(type: string, listener: () => void): void;
  };
}

/** Says when the network comes and goes, and when a sleeping page wakes up. Outside a browser nothing is said. */
export function watchNetwork(window: NetworkEvents, on: { offline(): void; wake(): void }): Unsubscribe {
  const { document } = window;
  if (!window.addEventListener || !document) return () => {};
  const shown = (): void => {
    if (document.visibilityState === 'visible') on.wake();
  };
  window.addEventListener('offline', on.offline);
  window.addEventListener('online', on.wake);
  document.addEventListener('visibilitychange', shown);
  return () => {
    window.removeEventListener?.('offline', on.offline);
    window.removeEventListener?.('online', on.wake);
    document.removeEventListener('visibilitychange', shown);
  };
}
