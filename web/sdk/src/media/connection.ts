import { Emitter } from '../emitter.js';
import { MediaError } from '../errors.js';
import { type OpenSocket, openSocket, type WebSocketConstructor, webSocketConstructor } from '../transport/socket.js';
import type { KnownRoom } from '../wire.js';
import type { CarriedTrack, MediaEndReason, MediaLimits, MediaParticipant, NodeFrame, TrackSource } from './frames.js';

/** Media of somebody else that arrives. */
export interface RemoteTrack extends CarriedTrack {
  track: MediaStreamTrack;
}

/** What happens to the media of a room. */
export interface MediaEvents {
  /** Somebody's track arrives from now on. */
  trackStarted: RemoteTrack;
  /** It does not any more. */
  trackEnded: RemoteTrack;
  /** Who else is there, and what can be had of them. */
  participants: readonly MediaParticipant[];
  /** Who speaks, the loudest first: user ids. */
  speakers: readonly string[];
  /** A track of somebody is muted, or not. */
  muted: { userId: string; trackId: string; muted: boolean };
  /** Which layer of a track arrives. */
  layer: { trackId: string; rid: string | undefined };
  /** ICE and DTLS: `connected`, `disconnected`, `failed` … */
  connection: RTCPeerConnectionState;
  /** The session is over. */
  ended: { reason: MediaEndReason };
}

/** How to join the media of a room. */
export interface JoinMediaOptions {
  /** A constructor of WebSockets, where the platform has none. */
  WebSocket?: WebSocketConstructor;
}

/** How to send a track. */
export interface PublishOptions {
  /** What it shows; a microphone or a camera if left out. */
  source?: TrackSource;
  /** Whether a picture is sent in several sizes, from which each receiver gets what suits him; of cameras: yes. */
  simulcast?: boolean;
}

/** A new session is greeted within this time, in milliseconds. */
const HELLO_TIMEOUT_MS = 15_000;
/** An offer is answered within this time, in milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;

/** So often a new socket is tried for a session that goes on, and how long the first pause is, in milliseconds. */
const SOCKET_TRIES_MAX = 8;
const SOCKET_PAUSE_MS = 200;
const SOCKET_PAUSE_MAX_MS = 5_000;
/** A socket that was opened is greeted within this time, in milliseconds. */
const SOCKET_TIMEOUT_MS = 5_000;
/** So often an offer is made again when the socket is cut before the answer. */
const OFFER_TRIES_MAX = 4;

/** Three sizes of a picture, the least first. */
const layers = (bitrateKbps: number): RTCRtpEncodingParameters[] => {
  const most = (bitrateKbps || 2_500) * 1_000;
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: Math.min(150_000, most) },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: Math.min(500_000, most) },
    { rid: 'f', maxBitrate: most },
  ];
};

/**
 * Joins the media of a room this device has just got a seat in.
 *
 * @param room - As `createConference`, `joinConference` or `accept` has brought it; its token is good once, for a minute.
 *
 * @example
 * ```ts
 * const media = await joinMedia(conference.room);
 * media.on('trackStarted', ({ userId, track }) => show(userId, new MediaStream([track])));
 * const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
 * for (const track of camera.getTracks()) await media.publish(track);
 * ```
 */
export async function joinMedia(room: KnownRoom, options: JoinMediaOptions = {}): Promise<MediaConnection> {
  const url = socketUrl(room.server ?? {});
  if (!url || !room.token) {
    throw new MediaError(room.media?.reason ?? 'The room has no media', { code: 'no_media', retryable: true });
  }
  const connection = new MediaConnection(room, url, webSocketConstructor(options.WebSocket));
  await connection.greeted;
  return connection;
}

/** A page that was loaded in the clear may use the clear socket; every other one needs the secure one. */
function socketUrl(server: Record<string, string>): string | undefined {
  const { ws, wss } = server;
  const secure = typeof location === 'object' && location.protocol === 'https:';
  return secure ? wss : (ws ?? wss);
}

/** The media of this device in a room: what it sends and what it is sent. */
export class MediaConnection extends Emitter<MediaEvents> {
  /** The peer connection, for statistics and whatever else an application needs of it. */
  readonly peer: RTCPeerConnection;
  /** @internal */
  readonly greeted: Promise<void>;
  readonly #open: () => OpenSocket;
  #socket: OpenSocket;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #greeting: Promise<void>;
  #greetedAgain: (() => void) | undefined;
  readonly #sources = new Map<RTCRtpTransceiver, TrackSource>();
  readonly #remote = new Map<string, RemoteTrack>();
  #participants: readonly MediaParticipant[] = [];
  #limits: MediaLimits = { bitrateKbps: 0, autoVideo: 0 };
  #negotiation: Promise<void> = Promise.resolve();
  #answer: { resolve(frame: { sdp: string; tracks: CarriedTrack[] }): void; reject(error: Error): void } | undefined;
  #offers = 0;
  #restart = false;
  #ended: MediaEndReason | undefined;
  #hello: { resolve(): void; reject(error: Error): void } | undefined;

  /** @internal */
  constructor(room: KnownRoom, url: string, WebSocket: WebSocketConstructor) {
    super();
    this.peer = new RTCPeerConnection({ iceServers: room.ice ?? [], bundlePolicy: 'max-bundle' });
    this.peer.onconnectionstatechange = () => this.#connectionChanged();
    this.greeted = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#gone('failed'), HELLO_TIMEOUT_MS);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.#hello = undefined;
        then();
      };
      this.#hello = { resolve: () => settle(resolve), reject: error => settle(() => reject(error)) };
    });
    // The token is good for as long as the session lives that it has begun.
    this.#open = () =>
      openSocket(WebSocket, url, ['media', `bearer.${room.token}`], {
        message: text => this.#told(JSON.parse(text) as NodeFrame),
        close: () => this.#cut(),
      });
    this.#greeting = this.greeted;
    this.#socket = this.#open();
  }

  /** Who else is there, and what can be had of them. */
  get participants(): readonly MediaParticipant[] {
    return this.#participants;
  }

  /** What arrives. */
  get remoteTracks(): readonly RemoteTrack[] {
    return [...this.#remote.values()];
  }

  /** What holds for this session. */
  get limits(): MediaLimits {
    return this.#limits;
  }

  /** Why it has ended. */
  get endReason(): MediaEndReason | undefined {
    return this.#ended;
  }

  /**
   * Sends a track to the others.
   *
   * @returns The sender: `replaceTrack` changes the device, {@link MediaConnection.unpublish} ends it.
   */
  async publish(track: MediaStreamTrack, options: PublishOptions = {}): Promise<RTCRtpSender> {
    const source = options.source ?? (track.kind === 'audio' ? 'microphone' : 'camera');
    const simulcast = track.kind === 'video' && (options.simulcast ?? source === 'camera');
    const most = this.#limits.bitrateKbps * 1_000;
    const one: RTCRtpEncodingParameters[] = track.kind === 'video' && most > 0 ? [{ maxBitrate: most }] : [{}];
    const transceiver = this.peer.addTransceiver(track, {
      direction: 'sendonly',
      sendEncodings: simulcast ? layers(this.#limits.bitrateKbps) : one,
    });
    this.#sources.set(transceiver, source);
    await this.#negotiate();
    return transceiver.sender;
  }

  /** Sends a track no longer. */
  async unpublish(sender: RTCRtpSender): Promise<void> {
    const transceiver = this.peer.getTransceivers().find(candidate => candidate.sender === sender);
    if (!transceiver || transceiver.direction === 'inactive') return;
    await sender.replaceTrack(null);
    transceiver.direction = 'inactive';
    this.#sources.delete(transceiver);
    await this.#negotiate();
  }

  /** Says what this device wants of a track: not at all, or at most so wide, or rather than others. */
  subscribe(trackId: string, wish: { on: boolean; maxWidth?: number; priority?: number }): void {
    this.#say({ type: 'subscribe', trackId, ...wish });
  }

  /** Finds a new way to the node; done by itself when the way is lost. */
  restartIce(): Promise<void> {
    this.peer.restartIce();
    this.#restart = true;
    return this.#negotiate();
  }

  /** Ends the session; the seat in the room stays. */
  leave(): void {
    this.#say({ type: 'bye', reason: 'left' });
    this.#gone('left');
  }

  /** The socket is gone, the session need not be: media goes on without it. */
  #cut(): void {
    if (this.#ended) return;
    if (this.#hello || this.#tries >= SOCKET_TRIES_MAX) return this.#gone('lost');
    this.#answer?.reject(new MediaError('The media socket was cut', { code: 'media_cut', retryable: true }));
    if (!this.#greetedAgain) {
      this.#greeting = new Promise(resolve => {
        this.#greetedAgain = () => {
          this.#greetedAgain = undefined;
          resolve();
        };
      });
    }
    const pause = Math.min(SOCKET_PAUSE_MS * 2 ** this.#tries, SOCKET_PAUSE_MAX_MS);
    this.#tries += 1;
    this.#retry = setTimeout(() => {
      this.#socket = this.#open();
      this.#retry = setTimeout(() => {
        this.#socket.abandon(1000, 'late');
        this.#cut();
      }, SOCKET_TIMEOUT_MS);
    }, pause);
  }

  #say(frame: { type: string; [field: string]: unknown }): void {
    if (!this.#ended) this.#socket.send(JSON.stringify(frame));
  }

  #told(frame: NodeFrame): void {
    switch (frame.type) {
      case 'hello':
        clearTimeout(this.#retry);
        this.#tries = 0;
        this.#greetedAgain?.();
        this.#limits = frame.limits;
        this.#others(frame.participants);
        this.#hello?.resolve();
        break;
      case 'answer':
        this.#answer?.resolve(frame);
        break;
      case 'need':
        this.#receive(frame.audio, frame.video);
        break;
      case 'tracks':
        this.#others(frame.participants);
        this.#carried(frame.tracks);
        break;
      case 'muted':
        this.emit('muted', { userId: frame.userId, trackId: frame.trackId, muted: frame.muted });
        break;
      case 'speakers':
        this.emit('speakers', frame.userIds);
        break;
      case 'layer':
        this.emit('layer', { trackId: frame.trackId, rid: frame.rid });
        break;
      case 'error':
        if (frame.id) this.#answer?.reject(new MediaError(frame.title, { code: frame.code }));
        break;
      case 'bye':
        this.#gone(frame.reason);
    }
  }

  #others(participants: readonly MediaParticipant[]): void {
    this.#participants = participants;
    this.emit('participants', participants);
  }

  /** Makes room for so much more. */
  #receive(audio: number, video: number): void {
    for (let n = 0; n < audio; n += 1) this.peer.addTransceiver('audio', { direction: 'recvonly' });
    for (let n = 0; n < video; n += 1) this.peer.addTransceiver('video', { direction: 'recvonly' });
    // Whoever fails here has ended, and says so.
    this.#negotiate().catch(() => {});
  }

  /** One offer after the other, each with everything that is wanted by then. */
  #negotiate(): Promise<void> {
    const turn = this.#negotiation.then(() => this.#offer(OFFER_TRIES_MAX));
    this.#negotiation = turn.catch(() => {});
    return turn;
  }

  async #offer(tries: number): Promise<void> {
    try {
      await this.#offerOnce();
    } catch (error) {
      if (!(error instanceof MediaError && error.code === 'media_cut') || tries <= 1) throw error;
      await this.#offer(tries - 1);
    }
  }

  async #offerOnce(): Promise<void> {
    await this.#greeting;
    if (this.#ended) throw new MediaError('The media session has ended', { code: 'media_ended' });
    const type = this.#restart ? 'restart' : 'offer';
    this.#restart = false;
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const tracks = [...this.#sources].flatMap(([{ mid }, source]) => (mid === null ? [] : [{ mid, source }]));
    this.#offers += 1;
    const answered = this.#answered();
    this.#say({ id: String(this.#offers), type, sdp: this.peer.localDescription?.sdp, tracks });
    const { sdp, tracks: carried } = await answered;
    await this.peer.setRemoteDescription({ type: 'answer', sdp });
    this.#carried(carried);
  }

  #answered(): Promise<{ sdp: string; tracks: CarriedTrack[] }> {
    return new Promise((resolve, reject) => {
      const late = new MediaError('The media node does not answer', { code: 'media_timeout', retryable: true });
      const timer = setTimeout(() => this.#answer?.reject(late), ANSWER_TIMEOUT_MS);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.#answer = undefined;
        then();
      };
      this.#answer = { resolve: frame => settle(() => resolve(frame)), reject: error => settle(() => reject(error)) };
    });
  }

  /** What the media sections carry from now on. */
  #carried(tracks: readonly CarriedTrack[]): void {
    for (const [mid, remote] of this.#remote) {
      if (tracks.some(track => track.mid === mid && track.trackId === remote.trackId)) continue;
      this.#remote.delete(mid);
      this.emit('trackEnded', remote);
    }
    for (const carried of tracks) {
      const transceiver = this.peer.getTransceivers().find(({ mid }) => mid === carried.mid);
      if (!transceiver || this.#remote.has(carried.mid)) continue;
      const remote = { ...carried, track: transceiver.receiver.track };
      this.#remote.set(carried.mid, remote);
      this.emit('trackStarted', remote);
    }
  }

  #connectionChanged(): void {
    const state = this.peer.connectionState;
    this.emit('connection', state);
    if (state === 'failed' && !this.#ended) this.restartIce().catch(() => this.#gone('failed'));
  }

  #gone(reason: MediaEndReason): void {
    if (this.#ended) return;
    this.#ended = reason;
    clearTimeout(this.#retry);
    this.#greetedAgain?.();
    const error = new MediaError(`The media session has ended: ${reason}`, { code: 'media_ended' });
    this.#hello?.reject(error);
    this.#answer?.reject(error);
    this.#socket.abandon(1000, reason);
    for (const remote of this.remoteTracks) this.emit('trackEnded', remote);
    this.#remote.clear();
    this.peer.onconnectionstatechange = null;
    this.peer.close();
    this.emit('ended', { reason });
  }
}
