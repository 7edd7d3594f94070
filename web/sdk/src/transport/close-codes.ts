/** What follows from the end of a socket. */
export type AfterClose =
  /** Connect again after a growing pause. */
  | { next: 'again' }
  /** Connect again at once, on the next server if there are several. */
  | { next: 'elsewhere' }
  /** Connect again without a position, and ask for the present state. */
  | { next: 'resync' }
  /** Connect again after a long pause. */
  | { next: 'wait' }
  /** Connect again after a growing pause; what was being sent was wrong and is not sent again. */
  | { next: 'drop-sent'; code: 'malformed_frame' | 'frame_too_large' }
  /** Do not connect again. */
  | { next: 'end'; code: 'session_ended' | 'forbidden' };

/** Least pause after "too many requests", in milliseconds. */
export const TOO_MANY_REQUESTS_PAUSE_MS = 5_000;

/** What a close code asks of the client. Codes of RFC 6455 that are not named here are cut connections. */
export function afterClose(code: number): AfterClose {
  switch (code) {
    case 1012:
      return { next: 'elsewhere' };
    case 4400:
      return { next: 'drop-sent', code: 'malformed_frame' };
    case 4401:
      return { next: 'end', code: 'session_ended' };
    case 4403:
      return { next: 'end', code: 'forbidden' };
    case 4409:
    case 4410:
      return { next: 'resync' };
    case 4413:
      return { next: 'drop-sent', code: 'frame_too_large' };
    case 4429:
      return { next: 'wait' };
    default:
      return { next: 'again' };
  }
}
