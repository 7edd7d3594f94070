import type { WebSocket } from 'ws';

/** Who is behind a token. */
export interface Caller {
  userId: string;
  sessionId: string;
}

/** One socket, seen from the server. */
export class FakeSocket {
  readonly protocol: 'jt' | 'wapi';
  readonly caller: Caller;
  readonly #socket: WebSocket;
  /** Frames that arrive while this is set are swallowed. */
  deaf = false;
  /** Frames that would be sent while this is set are swallowed. */
  mute = false;

  constructor(socket: WebSocket, protocol: 'jt' | 'wapi', caller: Caller, receive: (frame: never) => void) {
    this.#socket = socket;
    this.protocol = protocol;
    this.caller = caller;
    socket.on('message', data => {
      if (!this.deaf) receive(JSON.parse(String(data)) as never);
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(frame: unknown): void {
    if (this.isOpen && !this.mute) this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Closes it with a code. */
  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }
}
