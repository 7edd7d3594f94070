import type { Conference } from '../conferences/conference.js';
import type { Context } from '../conferences/context.js';
import { Emitter } from '../emitter.js';
import { MediaError } from '../errors.js';
import type { Media } from '../wire.js';
import type { JoinMediaOptions, MediaConnection, PublishOptions } from './connection.js';
import { type DeviceChoice, openDevice } from './devices.js';
import type { MediaEndReason, MediaParticipant, MediaQuality, TrackSource, TrackWish } from './frames.js';
import type { LocalTrack, Sending } from './local.js';
import type { MediaMessage, MessageOptions, MessageRefusal } from './messages.js';
import type { RemoteTrack } from './remote.js';
import { type ConferenceMediaStatus, MediaSessions, mediaEnded } from './sessions.js';
import { type MediaStats, type Report, type Section, Statistics } from './stats.js';

/** What happens to the media of a conference, over all media sessions it takes. */
export interface ConferenceMediaEvents {
  status: ConferenceMediaStatus;
  /** This device sends a track, or another device's in its place. */
  localTrack: LocalTrack;
  /** It does not any more: stopped, unplugged, or the screen is not shared any longer. */
  localTrackEnded: LocalTrack;
  /** Somebody's track arrives from now on. */
  remoteTrack: RemoteTrack;
  /** It does not any more. */
  remoteTrackEnded: RemoteTrack;
  /** Whose media are there, and what can be had of them. */
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
  /** There will be no media any more. */
  ended: { reason: MediaEndReason };
}

/**
 * The media of a conference: what this device sends, and what it is sent. It outlives single media sessions: when the
 * way to the media node is lost, or the node itself, it joins anew and sends what was sent before.
 *
 * @example
 * ```ts
 * const { media } = conference;
 * media.on('remoteTrack', track => void track.attach(elementOf(track.userId)));
 * await media.join();
 * await media.useMicrophone();
 * await media.useCamera();
 * ```
 */
export class ConferenceMedia extends Emitter<ConferenceMediaEvents> {
  readonly #conference: Conference;
  readonly #sessions: MediaSessions;
  readonly #sent = new Map<TrackSource, Sending>();
  readonly #wishes = new Map<string, TrackWish>();
  readonly #told = new WeakMap<MediaConnection, Map<string, TrackWish>>();
  #statistics = new Statistics();

  /** @internal */
  constructor(conference: Conference, context: Context) {
    super();
    this.#conference = conference;
    this.#sessions = new MediaSessions(conference, context, {
      begun: connection => this.#begun(connection),
      status: status => this.emit('status', status),
      ended: reason => this.#end(reason),
    });
    conference.on('muteRequest', ({ media, muted }) => this.#enable(media, !muted));
  }

  /** Where it is. */
  get status(): ConferenceMediaStatus {
    return this.#sessions.status;
  }

  /** The present media session, for what has no method here. */
  get connection(): MediaConnection | undefined {
    return this.#sessions.connection;
  }

  /** What this device sends, by source. */
  get localTracks(): ReadonlyMap<TrackSource, LocalTrack> {
    return this.#sent;
  }

  /** What arrives. */
  get remoteTracks(): readonly RemoteTrack[] {
    return this.connection?.remoteTracks ?? [];
  }

  /** Whose media are there, and what can be had of them. */
  get participants(): readonly MediaParticipant[] {
    return this.connection?.participants ?? [];
  }

  /**
   * Joins, and stays joined for as long as the conference lasts. Joining twice is joining once.
   *
   * @throws MediaError when there is no media node, or it refuses.
   *
   * @example
   * ```ts
   * await conference.media.join();
   * ```
   */
  join(options: JoinMediaOptions = {}): Promise<void> {
    return this.#sessions.join(options);
  }

  /**
   * Sends a track of the application's own: a canvas, a file, a processed microphone.
   *
   * @example
   * ```ts
   * const [track] = canvas.captureStream(20).getVideoTracks();
   * await conference.media.publish(track, { source: 'screen' });
   * ```
   */
  async publish(track: MediaStreamTrack, options: PublishOptions = {}): Promise<LocalTrack> {
    const source = options.source ?? (track.kind === 'audio' ? 'microphone' : 'camera');
    const simulcast = track.kind === 'video' && (options.simulcast ?? source === 'camera');
    const known = this.#sent.get(source);
    const sending: Sending = { source, track, simulcast, sender: known?.sender };
    this.#sent.set(source, sending);
    if (known && known.track !== track) {
      known.track.onended = null;
      known.track.stop();
    }
    track.onended = () => void this.stop(source).catch(() => {});
    track.enabled = this.#isSent(source);
    // What was not sent yet goes out with the next session, or with this one.
    if (known?.sender) await known.sender.replaceTrack(track);
    else if (this.connection) await this.#send(this.connection, sending);
    this.emit('localTrack', sending);
    return sending;
  }

  /**
   * Sends a microphone, or changes it in the middle of a call.
   *
   * @example
   * ```ts
   * await conference.media.useMicrophone({ deviceId });
   * ```
   */
  async useMicrophone(choice: DeviceChoice = {}): Promise<LocalTrack> {
    return this.#own(await openDevice('microphone', choice), 'microphone');
  }

  /**
   * Sends a camera, or changes it in the middle of a call.
   *
   * @example
   * ```ts
   * await conference.media.useCamera({ deviceId });
   * ```
   */
  async useCamera(choice: DeviceChoice = {}): Promise<LocalTrack> {
    return this.#own(await openDevice('camera', choice), 'camera');
  }

  /**
   * Shares a screen, a window or a tab, which the user picks; its sound too, where browser and user allow it.
   *
   * @example
   * ```ts
   * await conference.media.shareScreen({ audio: true });
   * ```
   */
  async shareScreen(options: DisplayMediaStreamOptions = {}): Promise<LocalTrack> {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false, ...options });
    const [picture] = stream.getVideoTracks();
    const [sound] = stream.getAudioTracks();
    if (!picture) throw new DOMException('There is no picture', 'NotFoundError');
    picture.contentHint = 'detail';
    if (sound) await this.#own(sound, 'screenaudio');
    return this.#own(picture, 'screen');
  }

  /**
   * Sends a track no longer, and lets go of the device. With a screen its sound ends.
   *
   * @example
   * ```ts
   * await conference.media.stop('camera');
   * ```
   */
  async stop(source: TrackSource): Promise<void> {
    const sending = this.#sent.get(source);
    if (!sending) return;
    this.#sent.delete(source);
    sending.track.onended = null;
    sending.track.stop();
    this.emit('localTrackEnded', sending);
    if (source === 'screen') await this.stop('screenaudio');
    if (sending.sender && this.connection) await this.connection.unpublish(sending.sender);
  }

  /**
   * Mutes this person for everybody to see, and the device itself: nothing leaves it.
   *
   * @example
   * ```ts
   * await conference.media.mute('audio');
   * ```
   */
  mute(media: Media = 'audio'): Promise<void> {
    this.#enable(media, false);
    return this.#conference.mute(media);
  }

  /**
   * Takes that back.
   *
   * @example
   * ```ts
   * await conference.media.unmute('audio');
   * ```
   */
  async unmute(media: Media = 'audio'): Promise<void> {
    await this.#conference.unmute(media);
    this.#enable(media, true);
  }

  /**
   * Says what this device wants of somebody's track; it holds for that person's source, in later media sessions too.
   *
   * @example
   * ```ts
   * conference.media.subscribe(userId, 'camera', { on: true, maxWidth: 320 });
   * ```
   */
  subscribe(userId: string, source: TrackSource, wish: TrackWish): void {
    this.#wishes.set(wishKey(userId, source), wish);
    for (const participant of this.participants) {
      if (participant.userId === userId) this.#wish(participant, source);
    }
  }

  /**
   * Sends a message to the others, past the server's log: up to 16 KiB, a hundred a second. Whoever has joined with
   * `messages: true` gets it.
   *
   * @example
   * ```ts
   * await conference.media.join({ messages: true });
   * conference.media.on('message', ({ from, data }) => show(from, data));
   * await conference.media.send({ hand: 'up' });
   * ```
   */
  async send(data: unknown, options: MessageOptions = {}): Promise<void> {
    if (!this.connection)
      throw new MediaError('There is no media session now', { code: 'no_messages', retryable: true });
    await this.connection.send(data, options);
  }

  /**
   * Figures of every track, and of the way to the node; rates are those since the last time it was asked.
   *
   * @example
   * ```ts
   * const { roundTripMs, received } = await conference.media.stats();
   * ```
   */
  async stats(): Promise<MediaStats> {
    const connection = this.connection;
    if (!connection) return this.#statistics.summary([], new Map());
    const sections = new Map<string, Section>(connection.remoteTracks.map(remote => [remote.mid, remote]));
    for (const { mid, sender } of connection.peer.getTransceivers()) {
      const sending = [...this.#sent.values()].find(candidate => candidate.sender === sender);
      if (mid !== null && sending) sections.set(mid, { userId: undefined, source: sending.source });
    }
    const plain = new Map([...sections].map(([mid, { userId, source }]) => [mid, { userId, source }]));
    const reports = [...(await connection.peer.getStats()).values()] as Report[];
    return this.#statistics.summary(reports, plain);
  }

  /**
   * Looks for a new way to the node; done by itself when the network changes or the way is lost.
   *
   * @example
   * ```ts
   * await conference.media.restartIce();
   * ```
   */
  async restartIce(): Promise<void> {
    await this.connection?.restartIce();
  }

  #own(track: MediaStreamTrack, source: TrackSource): Promise<LocalTrack> {
    if (this.status === 'ENDED') {
      track.stop();
      return Promise.reject(mediaEnded());
    }
    return this.publish(track, { source });
  }

  async #begun(connection: MediaConnection): Promise<void> {
    this.#statistics = new Statistics();
    this.#listen(connection);
    for (const sending of this.#sent.values()) await this.#send(connection, sending);
  }

  #listen(connection: MediaConnection): void {
    const current = (tell: () => void) => (): void => {
      if (this.connection === connection) tell();
    };
    connection.on('trackStarted', track => current(() => this.emit('remoteTrack', track))());
    connection.on('trackEnded', track => this.emit('remoteTrackEnded', track));
    connection.on('participants', all => current(() => this.#others(all))());
    connection.on('speakers', speakers => current(() => this.emit('speakers', speakers))());
    connection.on('muted', change => current(() => this.emit('muted', change))());
    connection.on('layer', change => current(() => this.emit('layer', change))());
    connection.on('message', message => current(() => this.emit('message', message))());
    connection.on('messageRefused', refusal => current(() => this.emit('messageRefused', refusal))());
    connection.on('quality', quality => current(() => this.emit('quality', quality))());
    this.#others(connection.participants);
    for (const track of connection.remoteTracks) this.emit('remoteTrack', track);
  }

  #others(participants: readonly MediaParticipant[]): void {
    this.emit('participants', participants);
    for (const participant of participants) {
      for (const { source } of participant.tracks) this.#wish(participant, source);
    }
  }

  /** Tells the node a wish once for each track it holds for. */
  #wish({ userId, tracks }: MediaParticipant, source: TrackSource): void {
    const connection = this.connection;
    const wish = this.#wishes.get(wishKey(userId, source));
    if (!connection || !wish) return;
    const told = this.#told.get(connection) ?? new Map<string, TrackWish>();
    this.#told.set(connection, told);
    for (const { trackId } of tracks.filter(track => track.source === source)) {
      if (told.get(trackId) === wish) continue;
      told.set(trackId, wish);
      connection.subscribe(trackId, wish);
    }
  }

  async #send(connection: MediaConnection, sending: Sending): Promise<void> {
    const { track, source, simulcast } = sending;
    sending.sender = undefined;
    const sender = await connection.publish(track, { source, simulcast });
    sending.sender = sender;
    // It was changed, or stopped, while the node was told of it.
    const present = this.#sent.get(source);
    if (present === sending || this.connection !== connection) return;
    if (!present) return connection.unpublish(sender);
    present.sender = sender;
    await sender.replaceTrack(present.track);
  }

  /** Whether a source is to be sent, as far as muting goes. */
  #isSent(source: TrackSource): boolean {
    const muted = this.#conference.localParticipant?.isMuted;
    if (source === 'microphone') return !muted?.audio;
    return source !== 'camera' || !muted?.video;
  }

  #enable(media: Media, on: boolean): void {
    const source = media === 'audio' ? 'microphone' : 'camera';
    const sending = this.#sent.get(source);
    if (sending) sending.track.enabled = on;
  }

  #end(reason: MediaEndReason): void {
    for (const sending of [...this.#sent.values()]) {
      this.#sent.delete(sending.source);
      sending.track.onended = null;
      sending.track.stop();
      this.emit('localTrackEnded', sending);
    }
    this.emit('ended', { reason });
  }
}

const wishKey = (userId: string, source: TrackSource): string => `${userId} ${source}`;
