import {
  BusyError,
  CancelledError,
  type Conference,
  type ConferenceMedia,
  DeclinedError,
  type IncomingTransfer,
  type Invitation,
  NoAnswerError,
  NotFoundError,
  UnavailableError,
  WacError,
} from '@wac/sdk';
import { Changing } from './changes.js';
import type { WordKey } from './words.js';

/** Somebody this device rings. */
export interface Ringing {
  readonly to: string;
  readonly invitation: Invitation;
  /** Why nobody came; `undefined`: it still rings. */
  failure: WordKey | undefined;
}

/** Something to be told to the user. */
export interface Told {
  words: WordKey;
  detail?: string | undefined;
  isError: boolean;
}

/** How long a failed invitation stays to be read, in milliseconds. */
const FAILURE_SHOWN_MS = 6_000;
/** Whoever is left alone in a call for so long hangs up, in milliseconds; transfers come and go meanwhile. */
const ALONE_MAX_MS = 1_000;
/** A way with more loss than this, or a longer round trip, is a poor one. */
const POOR_PERMILLE = 80;
const POOR_ROUND_TRIP_MS = 600;
/** So many times in a row it has to be; the node says how it is every two seconds. */
const POOR_TIMES = 3;

/** Why an invitation came to nothing, in words. */
export function failureOf(error: unknown): WordKey {
  if (error instanceof BusyError) return 'busy';
  if (error instanceof DeclinedError) return 'declined';
  if (error instanceof NoAnswerError) return 'noAnswer';
  if (error instanceof CancelledError) return 'cancelled';
  if (error instanceof NotFoundError || error instanceof UnavailableError) return 'unavailable';
  return 'failed';
}

/** A call this device is in. */
export class Call extends Changing {
  readonly conference: Conference;
  readonly media: ConferenceMedia;
  readonly startedAt = Date.now();
  /** Whom this device rings. */
  readonly ringing: Ringing[] = [];
  /** Who speaks, the loudest first: user ids. */
  speakers: readonly string[] = [];
  #poorTimes = 0;
  #isStarted = false;
  #wantsVideo = false;
  /** Somebody wants to transfer this device. */
  transfer: IncomingTransfer | undefined;
  /** This device has asked for a transfer. */
  isTransferring = false;
  told: Told | undefined;
  /** What has happened last, and to whom. */
  news: { words: WordKey; userId: string } | undefined;
  /** Told who has come when somebody was called by name. */
  onMet: ((userId: string, name: string) => void) | undefined;
  /** Told where a transfer has brought this device. */
  onMoved: ((conference: Conference, video: boolean) => void) | undefined;
  /** Whether anybody else has ever been here. */
  hadCompany: boolean;

  constructor(conference: Conference) {
    super();
    this.conference = conference;
    this.media = conference.media;
    this.hadCompany = this.others.length > 0;
    const changed = (): void => {
      this.hadCompany ||= this.others.length > 0;
      this.changed();
    };
    for (const name of ['status', 'participantHeld', 'participantUnheld', 'participantMuted', 'updated'] as const) {
      conference.on(name, changed);
    }
    conference.on('participantJoined', ({ userId }) => {
      this.news = { words: 'joined', userId };
      changed();
    });
    conference.on('participantLeft', ({ participant }) => {
      this.news = { words: 'leftCall', userId: participant.userId };
      changed();
      setTimeout(() => this.#endIfAlone(), ALONE_MAX_MS);
    });
    conference.on('muteRequest', ({ muted }) => this.tell(muted ? 'mutedByModerator' : 'unmutedByModerator'));
    conference.on('updated', ({ token }) => {
      // There was no media node when this call began, and now there is.
      if (token && this.media.status === 'IDLE' && this.#isStarted) void this.start(this.#wantsVideo);
    });
    conference.on('transfer', transfer => this.#asked(transfer));
    for (const name of [
      'status',
      'localTrack',
      'localTrackEnded',
      'remoteTrack',
      'remoteTrackEnded',
      'muted',
    ] as const) {
      this.media.on(name, changed);
    }
    this.media.on('participants', changed);
    this.media.on('speakers', speakers => {
      this.speakers = speakers;
      this.changed();
    });
    this.media.on('quality', ({ lostDownPermille = 0, lostUpPermille = 0, roundTripMs = 0 }) => {
      const isPoor = Math.max(lostDownPermille, lostUpPermille) > POOR_PERMILLE || roundTripMs > POOR_ROUND_TRIP_MS;
      this.#poorTimes = isPoor ? this.#poorTimes + 1 : 0;
      this.changed();
    });
  }

  get id(): string {
    return this.conference.id;
  }

  /** User ids of the others. */
  get others(): string[] {
    return [...this.conference.participants.values()].filter(({ isLocal }) => !isLocal).map(({ userId }) => userId);
  }

  get isHeld(): boolean {
    return this.conference.localParticipant?.isHeld ?? false;
  }

  get isOwner(): boolean {
    return this.conference.localParticipant?.isOwner ?? false;
  }

  get isMuted(): boolean {
    return this.conference.localParticipant?.isMuted.audio ?? false;
  }

  get hasMicrophone(): boolean {
    return this.media.localTracks.has('microphone');
  }

  get hasCamera(): boolean {
    return this.media.localTracks.has('camera');
  }

  get hasScreen(): boolean {
    return this.media.localTracks.has('screen');
  }

  /** Whether the way to the node has been less than good for a while. */
  get isPoor(): boolean {
    return this.#poorTimes >= POOR_TIMES;
  }

  /** Joins the media; without a microphone one can listen. */
  async start(video: boolean): Promise<void> {
    this.#isStarted = true;
    this.#wantsVideo = video;
    try {
      await this.media.join();
    } catch (error) {
      return this.fail(error, 'noMedia');
    }
    await this.#open('microphone');
    if (video) await this.#open('camera');
  }

  /** Rings somebody into this call. */
  async invite(to: string, video = this.hasCamera): Promise<void> {
    try {
      this.follow(await this.conference.invite(to, { mediatypes: { audio: true, video } }));
    } catch (error) {
      this.fail(error, failureOf(error));
    }
  }

  /** Shows an invitation until it has an outcome. */
  follow(invitation: Invitation): void {
    const ringing: Ringing = { to: invitation.to, invitation, failure: undefined };
    this.ringing.push(ringing);
    this.changed();
    const remove = (): void => {
      const index = this.ringing.indexOf(ringing);
      if (index >= 0) this.ringing.splice(index, 1);
      this.changed();
    };
    const came = ({ whoAccepted }: { whoAccepted: string }): void => {
      this.onMet?.(whoAccepted.replace(/^wac-user:/, ''), invitation.to);
      remove();
    };
    invitation.outcome().then(came, error => {
      ringing.failure = failureOf(error);
      this.changed();
      setTimeout(remove, ringing.failure === 'cancelled' ? 0 : FAILURE_SHOWN_MS);
    });
  }

  async toggleMicrophone(): Promise<void> {
    if (!this.hasMicrophone) return this.#open('microphone');
    await this.#attempt(() => (this.isMuted ? this.media.unmute('audio') : this.media.mute('audio')));
  }

  async toggleCamera(): Promise<void> {
    if (this.hasCamera) {
      // Everybody sees that it is off, and the camera's own light goes out.
      await this.#attempt(async () => {
        await this.media.mute('video');
        await this.media.stop('camera');
      });
      return;
    }
    await this.#attempt(async () => {
      if (this.conference.localParticipant?.isMuted.video) await this.media.unmute('video');
    });
    await this.#open('camera');
  }

  async toggleScreen(): Promise<void> {
    if (this.hasScreen) return this.#attempt(() => this.media.stop('screen'));
    try {
      await this.media.shareScreen({ audio: true });
    } catch (error) {
      // Whoever picks no screen has changed his mind.
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) this.fail(error, 'noScreen');
    }
  }

  async useDevice(source: 'microphone' | 'camera', deviceId: string): Promise<void> {
    await this.#attempt(async () => {
      await (source === 'microphone' ? this.media.useMicrophone({ deviceId }) : this.media.useCamera({ deviceId }));
    });
  }

  async toggleHold(): Promise<void> {
    await this.#attempt(() => (this.isHeld ? this.conference.unhold() : this.conference.hold()));
  }

  /** Blind: the other one is to call `to` instead. */
  async transferTo(to: string): Promise<void> {
    await this.#transferring(() => this.conference.transfer(to));
  }

  /** Attended: the other one of this call moves into `target`. */
  async transferInto(target: Call): Promise<void> {
    await this.#transferring(() => this.conference.transferInto(target.conference));
  }

  /** Ends what rings, and leaves. A call of two is over then. */
  async hangUp(): Promise<void> {
    const cancelled = this.ringing.filter(({ failure }) => !failure).map(({ invitation }) => invitation.cancel());
    await Promise.allSettled(cancelled);
    await this.#attempt(async () => {
      if (this.isOwner && this.others.length <= 1) await this.conference.close();
      else await this.conference.leave();
    });
  }

  async endForAll(): Promise<void> {
    await this.#attempt(() => this.conference.close());
  }

  async remove(userId: string): Promise<void> {
    await this.#attempt(() => this.conference.expel(userId));
  }

  async muteOther(userId: string): Promise<void> {
    await this.#attempt(() => this.conference.muteParticipant(userId, 'audio', true));
  }

  /** Answers the wish to transfer this device. */
  async answerTransfer(agrees: boolean): Promise<void> {
    const { transfer } = this;
    this.transfer = undefined;
    this.changed();
    if (transfer) await this.#attempt(() => (agrees ? transfer.accept() : transfer.decline()));
  }

  tell(words: WordKey, detail?: string, isError = false): void {
    this.told = { words, detail, isError };
    this.changed();
  }

  fail(error: unknown, words: WordKey): void {
    this.tell(words, error instanceof WacError || error instanceof DOMException ? error.message : undefined, true);
  }

  /** The last of the others has gone, and nobody is to come. */
  #endIfAlone(): void {
    const somebodyComes = this.isTransferring || this.transfer || this.ringing.some(({ failure }) => !failure);
    if (this.conference.status === 'CONNECTED' && this.others.length === 0 && !somebodyComes) void this.hangUp();
  }

  #asked(transfer: IncomingTransfer): void {
    this.transfer = transfer;
    this.changed();
    const video = this.hasCamera;
    const over = (): void => {
      if (this.transfer === transfer) this.transfer = undefined;
      this.changed();
    };
    transfer.outcome().then(conference => {
      over();
      this.onMoved?.(conference, video);
    }, over);
  }

  async #transferring(begin: () => Promise<{ outcome(): Promise<void> }>): Promise<void> {
    this.isTransferring = true;
    this.tell('transferring');
    try {
      await (await begin()).outcome();
    } catch (error) {
      this.fail(error, 'transferFailed');
    } finally {
      this.isTransferring = false;
      this.changed();
    }
  }

  async #open(source: 'microphone' | 'camera'): Promise<void> {
    try {
      await (source === 'microphone' ? this.media.useMicrophone() : this.media.useCamera());
    } catch (error) {
      this.fail(error, source === 'microphone' ? 'noMicrophone' : 'noCamera');
    }
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (this.conference.status !== 'DISCONNECTED') this.fail(error, 'failed');
    }
  }
}
