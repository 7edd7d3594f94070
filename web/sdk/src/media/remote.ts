import type { CarriedTrack, TrackSource } from './frames.js';

/**
 * A track of somebody else that arrives.
 *
 * @example
 * ```ts
 * conference.media.on('remoteTrack', track => {
 *   if (track.kind === 'video') track.attach(videoOf(track.userId));
 * });
 * ```
 */
export class RemoteTrack implements CarriedTrack {
  /** The media section that carries it. */
  readonly mid: string;
  /** Whose it is. */
  readonly userId: string;
  /** The node's name for it. */
  readonly trackId: string;
  /** What it shows or sounds. */
  readonly source: TrackSource;
  /** The browser's track. */
  readonly track: MediaStreamTrack;

  /** @internal */
  constructor({ mid, userId, trackId, source }: CarriedTrack, track: MediaStreamTrack) {
    this.mid = mid;
    this.userId = userId;
    this.trackId = trackId;
    this.source = source;
    this.track = track;
  }

  /** Sound or picture. */
  get kind(): 'audio' | 'video' {
    return this.track.kind === 'audio' ? 'audio' : 'video';
  }

  /**
   * Plays it in an element, beside what the element plays already.
   *
   * @returns What `play()` of the element says: rejected where the browser wants the user to click first.
   *
   * @example
   * ```ts
   * await track.attach(document.querySelector('video'));
   * ```
   */
  attach(element: HTMLMediaElement): Promise<void> {
    const known = element.srcObject instanceof MediaStream ? element.srcObject : undefined;
    // Pictures replace one another; so does sound.
    for (const other of known?.getTracks() ?? []) {
      if (other.kind === this.kind && other !== this.track) known?.removeTrack(other);
    }
    if (known) known.addTrack(this.track);
    else element.srcObject = new MediaStream([this.track]);
    return element.play();
  }

  /**
   * Takes it out of an element again.
   *
   * @example
   * ```ts
   * track.detach(element);
   * ```
   */
  detach(element: HTMLMediaElement): void {
    if (!(element.srcObject instanceof MediaStream)) return;
    element.srcObject.removeTrack(this.track);
    if (element.srcObject.getTracks().length === 0) element.srcObject = null;
  }
}
