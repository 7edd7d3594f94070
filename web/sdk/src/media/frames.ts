/** What a track shows or sounds. */
export type TrackSource = 'microphone' | 'camera' | 'screen' | 'screenaudio';

/** A track that can be had of somebody. */
export interface OfferedTrack {
  trackId: string;
  source: TrackSource;
  kind: 'audio' | 'video';
  muted: boolean;
  /** The layers that have arrived at the node, least first; empty: it has none. */
  layers: string[];
}

/** Somebody else whose media is in the room. */
export interface MediaParticipant {
  userId: string;
  tracks: OfferedTrack[];
}

/** What a media section carries to this device. */
export interface CarriedTrack {
  mid: string;
  userId: string;
  trackId: string;
  source: TrackSource;
}

/** Why the node has ended a media session. */
export type MediaEndReason = 'left' | 'expelled' | 'closed' | 'lost' | 'replaced' | 'failed' | 'stopping';

/** @internal The frames of the node. */
export type NodeFrame = { id?: string } & (
  | { type: 'hello'; sessionId: string; codecs: string[]; participants: MediaParticipant[]; limits: MediaLimits }
  | { type: 'answer'; sdp: string; tracks: CarriedTrack[] }
  | { type: 'need'; audio: number; video: number }
  | { type: 'tracks'; tracks: CarriedTrack[]; participants: MediaParticipant[] }
  | { type: 'muted'; userId: string; trackId: string; muted: boolean }
  | { type: 'speakers'; userIds: string[] }
  | { type: 'layer'; trackId: string; rid?: string }
  | ({ type: 'quality' } & MediaQuality)
  | { type: 'error'; code: string; title: string }
  | { type: 'bye'; reason: MediaEndReason }
);

/** What holds for a media session. */
export interface MediaLimits {
  /** Greatest bit rate of one video, kbit/s; 0: none. */
  bitrateKbps: number;
  /** So many pictures are sent without being asked for. */
  autoVideo: number;
}

/** How the way between this device and the node is, as the node sees it. */
export interface MediaQuality {
  /** Of a thousand packets that this device sent, so many were lost. */
  lostUpPermille?: number;
  /** Of a thousand packets that were sent to it, so many were lost. */
  lostDownPermille?: number;
  /** There and back, in milliseconds. */
  roundTripMs?: number;
}

/** What this device wants of a track. */
export interface TrackWish {
  /** Whether it wants it at all. */
  on: boolean;
  /** At most so wide, in pixels. */
  maxWidth?: number;
  /** Rather than those with a lower number, when not everything fits. */
  priority?: number;
}
