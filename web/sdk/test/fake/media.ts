import type { MediaParticipant } from '../../src/index.js';

type Frame = { type: string; id?: string } & Record<string, unknown>;

/** A media node, as far as a client sees it: it greets, and answers every offer. */
export class FakeNode {
  /** Every socket that was opened, oldest first. */
  readonly sockets: FakeMediaSocket[] = [];
  /** Does not greet. */
  isSilent = false;
  participants: MediaParticipant[] = [];
  /** A WebSocket class that leads here. */
  readonly WebSocket: new (
    url: string,
    protocols?: string | string[],
  ) => FakeMediaSocket;

  constructor() {
    const node = this;
    this.WebSocket = class extends FakeMediaSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(node, url, [protocols ?? []].flat());
      }
    };
  }

  /** The last socket. */
  get socket(): FakeMediaSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error('no socket was opened');
    return last;
  }
}

/** A client's socket to such a node. */
export class FakeMediaSocket {
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  readonly url: string;
  readonly token: string;
  readonly said: Frame[] = [];
  isClosed = false;

  constructor(node: FakeNode, url: string, protocols: string[]) {
    this.url = url;
    this.token = protocols.find(protocol => protocol.startsWith('bearer.'))?.slice('bearer.'.length) ?? '';
    node.sockets.push(this);
    setImmediate(() => {
      const { participants, isSilent } = node;
      const limits = { bitrateKbps: 1_000, autoVideo: 16, frameBytes: 262_144 };
      if (!isSilent) this.tell({ type: 'hello', sessionId: 'm-1', codecs: [], participants, limits });
    });
  }

  /** What the node says. */
  tell(frame: Frame): void {
    (this.onmessage as ((event: { data: string }) => void) | null)?.({ data: JSON.stringify(frame) });
  }

  /** The connection is gone. */
  cut(code = 1006): void {
    this.isClosed = true;
    (this.onclose as ((event: { code: number; reason: string }) => void) | null)?.({ code, reason: '' });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.said.push(frame);
    if (frame.type !== 'offer' && frame.type !== 'restart') return;
    setImmediate(() => this.tell({ type: 'answer', id: frame.id ?? '', sdp: 'v=0', tracks: [] }));
  }

  close(): void {
    this.isClosed = true;
  }

  /** The sources of the last offer. */
  get offered(): unknown[] {
    const offer = this.said.filter(({ type }) => type === 'offer' || type === 'restart').at(-1);
    return ((offer?.['tracks'] as { source: string }[] | undefined) ?? []).map(({ source }) => source);
  }

  /** How often something was said. */
  count(type: string): number {
    return this.said.filter(frame => frame.type === type).length;
  }
}

/** A track of a device. */
export class FakeTrack {
  enabled = true;
  isStopped = false;
  onended: unknown = null;

  constructor(readonly kind: 'audio' | 'video') {}

  stop(): void {
    this.isStopped = true;
  }
}

/** As a browser would see it. */
export const trackOf = (kind: 'audio' | 'video'): MediaStreamTrack & FakeTrack =>
  new FakeTrack(kind) as unknown as MediaStreamTrack & FakeTrack;

interface FakeTransceiver {
  mid: string | null;
  direction: string;
  sender: { track: unknown; replaceTrack(track: unknown): Promise<void> };
  receiver: { track: FakeTrack };
}

/** A peer connection that negotiates with nobody. */
export class FakePeer {
  static readonly made: FakePeer[] = [];
  connectionState = 'new';
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  restarts = 0;
  isClosed = false;
  readonly #transceivers: FakeTransceiver[] = [];

  constructor() {
    FakePeer.made.push(this);
  }

  addTransceiver(what: FakeTrack | 'audio' | 'video', { direction }: { direction: string }): FakeTransceiver {
    const kind = typeof what === 'string' ? what : what.kind;
    const sender = {
      track: typeof what === 'string' ? null : (what as unknown),
      replaceTrack(track: unknown): Promise<void> {
        sender.track = track;
        return Promise.resolve();
      },
    };
    const transceiver = { mid: null, direction, sender, receiver: { track: new FakeTrack(kind) } };
    this.#transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.#transceivers;
  }

  createOffer(): Promise<{ type: string; sdp: string }> {
    return Promise.resolve({ type: 'offer', sdp: 'v=0' });
  }

  setLocalDescription(): Promise<void> {
    this.localDescription = { sdp: 'v=0' };
    for (const [index, transceiver] of this.#transceivers.entries()) transceiver.mid = String(index);
    return Promise.resolve();
  }

  setRemoteDescription(): Promise<void> {
    return Promise.resolve();
  }

  restartIce(): void {
    this.restarts += 1;
  }

  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.isClosed = true;
  }
}
