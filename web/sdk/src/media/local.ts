import type { TrackSource } from './frames.js';

/** A track that this device sends. */
export interface LocalTrack {
  readonly source: TrackSource;
  /** The browser's track; another device or screen brings another one. */
  readonly track: MediaStreamTrack;
  /** Whether it is sent in several sizes. */
  readonly simulcast: boolean;
}

/** A track of this device, and how it is sent at present. */
export interface Sending extends LocalTrack {
  sender?: RTCRtpSender | undefined;
}
