import type { TokenSet } from '../transport/oauth.js';
import type { Position } from '../wire.js';

/** What is needed to take a session up again: after a page reload, or in another process. Holds its tokens. */
export interface SessionSnapshot {
  tokens: TokenSet;
  /** How far the log had been seen over signaling. */
  qssPosition?: Position;
  /** How far over WAPI. */
  wapiPosition?: Position;
  /** Rooms in which this device had a seat. */
  rooms: string[];
}

/** Where a session is kept; `sessionStorage` fits. */
export interface SessionStorage {
  /** What was kept under `key`. */
  getItem(key: string): string | null;
  /** Keeps it. */
  setItem(key: string, value: string): void;
  /** Forgets it. */
  removeItem(key: string): void;
}

/** The key if none is given. */
export const STORAGE_KEY = 'wac.session';

/**
 * The session that was kept in `storage`, if there is one.
 *
 * @example
 * ```ts
 * const saved = savedSession(sessionStorage);
 * const session = saved ? await recoverSession(saved, config) : await createSession({ ...config, username, password });
 * ```
 */
export function savedSession(storage: SessionStorage, key: string = STORAGE_KEY): SessionSnapshot | undefined {
  const text = storage.getItem(key);
  if (text === null) return undefined;
  try {
    const snapshot = JSON.parse(text) as SessionSnapshot;
    return typeof snapshot.tokens?.accessToken === 'string' ? snapshot : undefined;
  } catch {
    return undefined;
  }
}
