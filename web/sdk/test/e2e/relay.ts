import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** How much may wait for a narrow way, in milliseconds of it. */
const QUEUE_MAX_MS = 120;

/** What becomes of packets on a way, in both directions. */
export interface Weather {
  /** Of a hundred packets, so many are lost. */
  lossPercent: number;
  /** How long each takes, in milliseconds, and at most so much longer: that is how they overtake one another. */
  delayMs: number;
  jitterMs: number;
}

/** A way between browsers and a node's UDP port, as wide and as bad as one wants. */
export class Relay {
  /** How much it carries to the browsers, in kbit/s. */
  downKbps = Number.POSITIVE_INFINITY;
  weather: Weather = { lossPercent: 0, delayMs: 0, jitterMs: 0 };
  /** Packets that were carried, and that were lost. */
  carried = 0;
  lost = 0;
  readonly #front: Socket = createSocket('udp4');
  readonly #target: number;
  readonly #behind = new Map<string, Socket>();
  /** When the last packet on the way will have gone through. */
  #freeAt = 0;

  #seed: number;
  #stopped = false;

  /** @param seed - Which packets are lost and how long each takes follows from it. */
  constructor(target: number, seed = 1) {
    this.#target = target;
    this.#seed = seed;
  }

  async start(): Promise<number> {
    await new Promise<void>(done => this.#front.bind(0, '127.0.0.1', done));
    this.#front.on('message', (packet, from) =>
      this.#carry(0, () => this.#behindOf(from).send(packet, this.#target, '127.0.0.1', () => {})),
    );
    return (this.#front.address() as AddressInfo).port;
  }

  stop(): void {
    this.#stopped = true;
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
    this.#carry(this.#freeAt - now, () => this.#front.send(packet, to.port, to.address, () => {}));
  }

  #carry(waitMs: number, send: () => void): void {
    const { lossPercent, delayMs, jitterMs } = this.weather;
    if (this.#random() * 100 < lossPercent) {
      this.lost += 1;
      return;
    }
    this.carried += 1;
    const time = waitMs + delayMs + this.#random() * jitterMs;
    if (time < 1) send();
    else setTimeout(() => this.#stopped || send(), time);
  }

  /** Evenly from 0 to 1 (mulberry32). */
  #random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
