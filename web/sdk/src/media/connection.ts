import { Emitter } from '../emitter.js';
import { MediaError } from '../errors.js';
import { type WebSocketConstructor, webSocketConstructor } from '../transport/socket.js';
import type { KnownRoom } from '../wire.js';
import type {
  CarriedTrack,
  MediaEndReason,
  MediaLimits,
  MediaParticipant,
  MediaQuality,
  NodeFrame,
  TrackSource,
  TrackWish,
} from './frames.js';
import { layersOf, oneLayer } from './layers.js';
import { MediaLine } from './line.js';
import { type MediaMessage, type MessageOptions, type MessageRefusal, Messages } from './messages.js';
import { RemoteTrack } from './remote.js';

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
  /** How the way to the node is, every two seconds. */
  quality: MediaQuality;
  /** Somebody has sent a message. */
  message: MediaMessage;
  /** A message of this device was not sent on. */
  messageRefused: { reason: MessageRefusal };
  /** ICE and DTLS: `connected`, `disconnected`, `failed` … */
  connection: RTCPeerConnectionState;
  /** The session is over. */
  ended: { reason: MediaEndReason };
}

/** How to join the media of a room. */
export interface JoinMediaOptions {
  /** A constructor of WebSockets, where the platform has none. */
  WebSocket?: WebSocketConstructor;
  /** Whether messages are exchanged, too. */
  messages?: boolean;
}

/** How to send a track. */
export interface PublishOptions {
  /** What it shows; a microphone or a camera if left out. */
  source?: TrackSource;
  /** Whether a picture is sent in several sizes, from which each receiver gets what suits him; of cameras: yes. */
  simulcast?: boolean;
}

/** An offer is answered within this time, in milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** So often an offer is made again when the socket is cut before the answer. */
const OFFER_TRIES_MAX = 4;
/** A way that is away for longer than this is looked for anew, in milliseconds. */
const DISCONNECTED_MAX_MS = 2_000;

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
  if (options.messages) await connection.openMessages();
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
  readonly #line: MediaLine;
  readonly #sources = new Map<RTCRtpTransceiver, TrackSource>();
  readonly #remote = new Map<string, RemoteTrack>();
  #participants: readonly MediaParticipant[] = [];
  #limits: MediaLimits = { bitrateKbps: 0, autoVideo: 0 };
  #messages: Messages | undefined;
  #negotiation: Promise<void> = Promise.resolve();
  #answer: { resolve(frame: { sdp: string; tracks: CarriedTrack[] }): void; reject(error: Error): void } | undefined;
  #offers = 0;
  #restart = false;
  #ended: MediaEndReason | undefined;
  #away: ReturnType<typeof setTimeout> | undefined;

  /** @internal */
  constructor(room: KnownRoom, url: string, WebSocket: WebSocketConstructor) {
    super();
    this.peer = new RTCPeerConnection({ iceServers: room.ice ?? [], bundlePolicy: 'max-bundle' });
    this.peer.onconnectionstatechange = () => this.#connectionChanged();
    this.#line = new MediaLine(WebSocket, url, room.token ?? '', {
      frame: frame => this.#told(frame),
      cut: () =>
        this.#answer?.reject(new MediaError('The media socket was cut', { code: 'media_cut', retryable: true })),
      over: reason => this.#gone(reason),
    });
    this.greeted = this.#line.greeting;
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
    const transceiver = this.peer.addTransceiver(track, {
      direction: 'sendonly',
      sendEncodings: simulcast ? layersOf(this.#limits.bitrateKbps) : oneLayer(track.kind, this.#limits.bitrateKbps),
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
  subscribe(trackId: string, wish: TrackWish): void {
    this.#line.send({ type: 'subscribe', trackId, ...wish });
  }

  /** @internal Opens the channels for messages. */
  openMessages(): Promise<void> {
    this.#messages = new Messages(this.peer, {
      message: message => this.emit('message', message),
      refused: reason => this.emit('messageRefused', { reason }),
    });
    return this.#negotiate();
  }

  /** Sends a message to the others, past the server's log; see {@link JoinMediaOptions.messages}. */
  async send(data: unknown, options: MessageOptions = {}): Promise<void> {
    if (!this.#messages) throw new MediaError('Messages were not asked for', { code: 'no_messages' });
    await this.#messages.send(data, options);
  }

  /** Finds a new way to the node; done by itself when the way is lost. */
  restartIce(): Promise<void> {
    this.peer.restartIce();
    this.#restart = true;
    return this.#negotiate();
  }

  /** The network has changed: a new socket is tried at once if there is none, and a new way. */
  networkChanged(): void {
    if (this.#ended) return;
    this.#line.wake();
    this.#findAnotherWay();
  }

  /** Ends the session; the seat in the room stays. */
  leave(): void {
    if (!this.#ended) this.#line.send({ type: 'bye', reason: 'left' });
    this.#gone('left');
  }

  #told(frame: NodeFrame): void {
    switch (frame.type) {
      case 'hello':
        this.#limits = frame.limits;
        this.#others(frame.participants);
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
        this.#noteMuted(frame.trackId, frame.muted);
        this.emit('muted', { userId: frame.userId, trackId: frame.trackId, muted: frame.muted });
        break;
      case 'speakers':
        this.emit('speakers', frame.userIds);
        break;
      case 'layer':
        this.emit('layer', { trackId: frame.trackId, rid: frame.rid });
        break;
      case 'quality': {
        const { type: _, ...quality } = frame;
        this.emit('quality', quality);
        break;
      }
      case 'error':
        if (frame.id) this.#answer?.reject(new MediaError(frame.title, { code: frame.code }));
        break;
      case 'bye':
        this.#gone(frame.reason);
    }
  }

  #noteMuted(trackId: string, muted: boolean): void {
    this.#participants = this.#participants.map(({ userId, tracks }) => ({
      userId,
      tracks: tracks.map(track => (track.trackId === trackId ? { ...track, muted } : track)),
    }));
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
    const restarts = this.#restart;
    try {
      await this.#offerOnce();
    } catch (error) {
      this.#restart ||= restarts;
      if (!(error instanceof MediaError && error.code === 'media_cut') || tries <= 1) throw error;
      await this.#offer(tries - 1);
    }
  }

  async #offerOnce(): Promise<void> {
    await this.#line.greeting;
    if (this.#ended) throw new MediaError('The media session has ended', { code: 'media_ended' });
    const type = this.#restart ? 'restart' : 'offer';
    this.#restart = false;
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const tracks = [...this.#sources].flatMap(([{ mid }, source]) => (mid === null ? [] : [{ mid, source }]));
    this.#offers += 1;
    const answered = this.#answered();
    this.#line.send({ id: String(this.#offers), type, sdp: this.peer.localDescription?.sdp, tracks });
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
      const remote = new RemoteTrack(carried, transceiver.receiver.track);
      this.#remote.set(carried.mid, remote);
      this.emit('trackStarted', remote);
    }
  }

  #connectionChanged(): void {
    const state = this.peer.connectionState;
    this.emit('connection', state);
    clearTimeout(this.#away);
    if (state === 'failed') this.#findAnotherWay();
    else if (state === 'disconnected') this.#away = setTimeout(() => this.#findAnotherWay(), DISCONNECTED_MAX_MS);
  }

  /** A node that does not answer has ended the session, or its socket has. */
  #findAnotherWay(): void {
    if (!this.#ended) this.restartIce().catch(() => this.#gone('failed'));
  }

  #gone(reason: MediaEndReason): void {
    if (this.#ended) return;
    this.#ended = reason;
    clearTimeout(this.#away);
    const error = new MediaError(`The media session has ended: ${reason}`, { code: 'media_ended' });
    this.#answer?.reject(error);
    this.#line.close(reason);
    for (const remote of this.remoteTracks) this.emit('trackEnded', remote);
    this.#remote.clear();
    this.peer.onconnectionstatechange = null;
    this.peer.close();
    this.emit('ended', { reason });
  }
}
