/**
 * What the SDK uses of a W3C WebSocket. The browser's own class fits, and so does that of the package `ws`.
 *
 * The handlers are `unknown` because every implementation types its events in its own way; the SDK sets functions.
 */
export interface WebSocketLike {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  /** Sends a text frame. */
  send(data: string): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** Constructor of such a socket. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

/** What happens on a socket. */
export interface SocketHandlers {
  message(text: string): void;
  /** Called once; 1006 where the connection was cut or never came about. */
  close(code: number, reason: string): void;
}

/** An open or opening socket whose events can be cut off. */
export interface OpenSocket {
  send(text: string): void;
  /** Closes it; no handler is called any more. */
  abandon(code: number, reason: string): void;
}

/** Longest reason a close frame may carry, in bytes (RFC 6455 §5.5). */
const CLOSE_REASON_BYTES_MAX = 123;

/** Opens a socket. Throws what the constructor throws (a malformed URL or subprotocol). */
export function openSocket(
  Constructor: WebSocketConstructor,
  url: string,
  protocols: string[],
  handlers: SocketHandlers,
): OpenSocket {
  const socket = new Constructor(url, protocols);
  let done = false;
  socket.onopen = null;
  // What is wrong is not told here but in the close event that follows.
  socket.onerror = (): void => {};
  socket.onmessage = (event: { data: unknown }): void => {
    if (!done && typeof event.data === 'string') handlers.message(event.data);
  };
  socket.onclose = (event: { code?: number; reason?: string }): void => {
    if (done) return;
    done = true;
    handlers.close(event.code ?? 1006, event.reason ?? '');
  };
  return {
    send: text => socket.send(text),
    abandon(code, reason) {
      done = true;
      socket.close(code, reason.slice(0, CLOSE_REASON_BYTES_MAX));
    },
  };
}

/** The constructor given, else the platform's own. */
export function webSocketConstructor(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (found) return found;
  throw new TypeError('There is no global WebSocket here; pass one: `import WebSocket from "ws"`, option `WebSocket`');
}
