import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Limits, NoticeName, Notices, RequestFrame, WapiPush, WapiRequestFrame } from '../../src/wire.js';
import { type Caller, FakeSocket } from './socket.js';
import { FakeTokens } from './tokens.js';

/** A refusal, thrown by a handler. */
export class Refuse {
  constructor(
    readonly status: number,
    readonly code?: string,
  ) {}
}

/** A page of a list that goes on, returned by a handler. */
export class Page {
  constructor(
    readonly body: readonly unknown[],
    readonly next: string,
  ) {}
}

type Handler = (payload: never, socket: FakeSocket, frame: RequestFrame) => object;
type WapiHandler = (frame: WapiRequestFrame, socket: FakeSocket) => unknown;

interface Logged {
  position: number;
  userId: string;
  protocol: 'jt' | 'wapi';
  frame: object;
}

/** A server that speaks the protocol and does what a test says. Positions, resume, idempotent requests and tokens are as they should be; rooms and the like are up to the test. */
export class FakeServer {
  readonly tokens = new FakeTokens();
  /** Every upgrade: path with query, and the subprotocols. */
  readonly upgrades: { url: string; protocols: string[] }[] = [];
  /** Every request frame that arrived over QSS, repetitions too. */
  readonly requests: RequestFrame[] = [];
  readonly wapiRequests: WapiRequestFrame[] = [];
  position = 100;
  limits: Partial<Limits> = {};
  /** Refuses upgrades with this status. */
  refuseWith: number | undefined;
  /** Closes every new socket with this code instead of a `hello`. */
  closeNewWith: number | undefined;
  /** Says nothing on new sockets. */
  silentFrom: 'jt' | 'wapi' | undefined;
  /** Positions before this one are too far back. */
  resumeFrom = 0;
  /** Says `resumed: false` to everybody. */
  neverResumes = false;
  node = 'node-1';
  /** What a browser gets at `/`. */
  page = '';
  readonly #http: Server;
  readonly #handlers = new Map<string, Handler>();
  readonly #wapiHandlers: [method: string, url: RegExp, handler: WapiHandler][] = [];
  readonly #answered = new Map<string, object>();
  readonly #log: Logged[] = [];
  readonly sockets = new Set<FakeSocket>();

  private constructor() {
    const upgrades = new WebSocketServer({ noServer: true, handleProtocols: protocols => [...protocols][0] ?? false });
    this.#http = createServer((request, response) => {
      if (request.url?.startsWith('/sapi/')) void this.tokens.handle(request, response);
      else response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(this.page);
    });
    this.#http.on('upgrade', (request, stream, head) => this.#upgrade(upgrades, request, stream, head));
    this.on('currentInvitations', () => ({ payload: { currentInvitations: [] } }));
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = new FakeServer();
    await new Promise<void>(done => server.#http.listen(port, '127.0.0.1', done));
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.cut();
    this.#http.closeAllConnections();
    await new Promise<void>(done => this.#http.close(() => done()));
  }

  /** Sets what a request is answered with; the handler may throw a {@link Refuse}. */
  on(request: string, handler: Handler): void {
    this.#handlers.set(request, handler);
  }

  /** The same for a resource. What is set later wins. */
  onWapi(method: string, url: RegExp, handler: WapiHandler): void {
    this.#wapiHandlers.unshift([method, url, handler]);
  }

  /** Open sockets of somebody. */
  of(name: string, protocol: 'jt' | 'wapi' = 'jt'): FakeSocket[] {
    const theirs = [...this.sockets].filter(({ caller, isOpen }) => caller.userId === `u-${name}` && isOpen);
    return theirs.filter(socket => socket.protocol === protocol);
  }

  /** Something has happened that `name` is told of, now or when he resumes. Returns its position. */
  notice<Name extends NoticeName>(name: string, eventName: Name, payload: Notices[Name]): number {
    this.position += 1;
    const frame = { type: 'event', position: this.position, payload: { eventName, payload } };
    return this.#append(name, 'jt', frame);
  }

  /** A resource has changed that `name` is told of. */
  push(name: string, push: Omit<WapiPush, 'position' | 'body'> & { body?: unknown }): number {
    this.position += 1;
    return this.#append(name, 'wapi', { ...push, position: this.position });
  }

  #append(name: string, protocol: 'jt' | 'wapi', frame: object): number {
    this.#log.push({ position: this.position, userId: `u-${name}`, protocol, frame });
    for (const socket of this.of(name, protocol)) socket.send(frame);
    return this.position;
  }

  #upgrade(upgrades: WebSocketServer, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    // Clients that go away in the middle are part of what is tested.
    stream.on('error', () => {});
    const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(/, */);
    this.upgrades.push({ url: request.url ?? '', protocols });
    const bearer = protocols.find(protocol => protocol.startsWith('bearer.'))?.slice('bearer.'.length) ?? '';
    const caller = this.tokens.caller(bearer);
    const status = this.refuseWith ?? (caller ? undefined : 401);
    if (status !== undefined || !caller) {
      stream.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    upgrades.handleUpgrade(request, stream, head, webSocket => {
      const protocol = protocols[0] === 'wapi' ? 'wapi' : 'jt';
      const socket: FakeSocket = new FakeSocket(webSocket, protocol, caller, frame => this.#receive(socket, frame));
      webSocket.on('error', () => {});
      webSocket.on('close', () => this.sockets.delete(socket));
      this.sockets.add(socket);
      this.#greet(socket, new URL(request.url ?? '', this.url).searchParams.get('position'));
    });
  }

  #greet(socket: FakeSocket, asked: string | null): void {
    if (this.closeNewWith !== undefined) return socket.close(this.closeNewWith);
    if (this.silentFrom === socket.protocol) return;
    if (asked !== null && Number(asked) < this.resumeFrom) return socket.close(4410, 'resync');
    const position = asked === null ? this.position : Number(asked);
    const hello = {
      ...this.#identity(socket.caller),
      position,
      resumed: asked !== null && !this.neverResumes,
      limits: this.limits,
    };
    socket.send({ type: 'event', position, payload: { eventName: 'hello', payload: hello } });
    for (const { position: at, userId, protocol, frame } of this.#log) {
      if (at > position && userId === socket.caller.userId && protocol === socket.protocol) socket.send(frame);
    }
  }

  #identity({ userId, sessionId }: Caller) {
    return { userId, sessionId, node: this.node, protocol: 1 };
  }

  #receive(socket: FakeSocket, frame: RequestFrame | WapiRequestFrame): void {
    if ('request' in frame) this.#request(socket, frame);
    else this.#wapiRequest(socket, frame);
  }

  #request(socket: FakeSocket, frame: RequestFrame): void {
    this.requests.push(frame);
    const key = `${socket.caller.userId} ${frame.requestID}`;
    const first = this.#answered.get(key);
    if (first) return socket.send(first);
    const answer = { answer: frame.request, requestID: frame.requestID };
    try {
      const handler = this.#handlers.get(frame.request);
      if (!handler) throw new Refuse(400, 'unknown_request');
      const complete = { ...answer, ...handler(frame.payload as never, socket, frame) };
      this.#answered.set(key, complete);
      socket.send(complete);
    } catch (refused) {
      if (!(refused instanceof Refuse)) throw refused;
      const { status, code } = refused;
      socket.send({ ...answer, errorCode: status, error: { type: 'about:blank', title: `No: ${status}`, code } });
    }
  }

  #wapiRequest(socket: FakeSocket, frame: WapiRequestFrame): void {
    this.wapiRequests.push(frame);
    const key = `${socket.caller.userId} ${frame.idempotencyKey}`;
    const first = this.#answered.get(key);
    if (first) return socket.send({ ...first, id: frame.id });
    const [, , handler] =
      this.#wapiHandlers.find(([method, url]) => method === frame.method && url.test(frame.url)) ?? [];
    try {
      if (!handler) throw new Refuse(404, 'not_found');
      const made = handler(frame, socket);
      const { body, next } = made instanceof Page ? made : { body: made, next: undefined };
      const answer = { id: frame.id, status: body === undefined ? 204 : 200, body, next };
      if (frame.idempotencyKey !== undefined) this.#answered.set(key, answer);
      socket.send(answer);
    } catch (refused) {
      if (!(refused instanceof Refuse)) throw refused;
      socket.send({ id: frame.id, status: refused.status, body: { title: 'No', code: refused.code } });
    }
  }
}
