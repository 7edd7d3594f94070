import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** How much may wait for a narrow way, in milliseconds of it. */
const QUEUE_MAX_MS = 120;

/** A way between browsers and a node's UDP port, as wide as one wants. */
export class Relay {
  /** How much it carries to the browsers, in kbit/s. */
  downKbps = Number.POSITIVE_INFINITY;
  readonly #front: Socket = createSocket('udp4');
  readonly #target: number;
  readonly #behind = new Map<string, Socket>();
  /** When the last packet on the way will have gone through. */
  #freeAt = 0;

  constructor(target: number) {
    this.#target = target;
  }

  async start(): Promise<number> {
    await new Promise<void>(done => this.#front.bind(0, '127.0.0.1', done));
    this.#front.on('message', (packet, from) => this.#behindOf(from).send(packet, this.#target, '127.0.0.1'));
    return (this.#front.address() as AddressInfo).port;
  }

  stop(): void {
    this.#front.close();
    for (const socket of this.#behind.values()) socket.close();
  }

  /** Each browser is seen by the node under an address of its own. */
  #behindOf(from: RemoteInfo): Socket {
    const key = `${from.address}:${from.port}`;
    const known = this.#behind.get(key);
    if (known) return known;
    const socket = createSocket('udp4');
    socket.on('message', packet => this.#down(packet, from));
    this.#behind.set(key, socket);
    return socket;
  }

  #down(packet: Buffer, to: RemoteInfo): void {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now);
    if (this.#freeAt - now > QUEUE_MAX_MS) return;
    this.#freeAt += (packet.length * 8) / this.downKbps;
    const send = (): void => this.#front.send(packet, to.port, to.address, () => {});
    if (this.#freeAt - now < 1) send();
    else setTimeout(send, this.#freeAt - now);
  }
}
