// Generated from docs/openapi.json by `npm run generate`: change the schema, not this.

import type { Activity } from './signaling.js';

/** What became of an invitation. */
export type ConferenceInviteState = 'RINGING' | 'ACCEPTED' | 'DECLINED' | 'DECLINED_BY_CREATOR' | 'DECLINED_BY_TIMEOUT';
/** Whether a conference goes on. */
export type ConferenceState = 'active' | 'finished';
/** What became of a transfer. */
export type ConferenceTransferState = 'INVITED' | 'DECLINED';

/** An entry of the conference log: one opening of a room. */
export interface Conference {
  /** When it was opened, in milliseconds since the epoch. */
  createdAt: number;
  /** Names of the domains involved. */
  domains: string[];
  /** When it ended; `null`: it goes on. */
  finishedAt: number | null;
  /** Its id. */
  id: string;
  /** Who was invited. */
  invites: ConferenceInvite[];
  /** The room's owner: a user's id. */
  owner: string | null;
  /** Who sat in it: one entry for each stay of a device. */
  participants: ConferenceParticipant[];
  quality: ConferenceQuality | null;
  /** The room. */
  roomId: string;
  /** Whether it goes on. */
  state: ConferenceState;
  /** Who was transferred. */
  transfers: ConferenceTransfer[];
}
/** Somebody who was called. */
export interface ConferenceCandidate {
  /** `wac-user:<id>`. */
  address: string;
  /** Call code: 200 accepted, 603 declined, 487 cancelled, 408 missed, 404 without a device; `null` while it rings. */
  endReason: number | null;
}
/** An invitation into a conference. */
export interface ConferenceInvite {
  /** Who was called. */
  candidates: ConferenceCandidate[];
  /** Call code it came to; `null` while it rings. */
  error: number | null;
  /** `wac-user:<id>` of the caller. */
  from: string;
  /** Whether a group was called. */
  group: boolean;
  /** Its id. */
  id: string;
  /** Whether the caller asked to be let in. */
  inviteRequest: boolean;
  /** The media offered. */
  mediatypes: ConferenceMedia;
  /** What became of it. */
  state: ConferenceInviteState;
  /** `wac-user:<id>` or `wac-group:<id>`. */
  to: string;
}
/** Kinds of media. */
export interface ConferenceMedia {
  /** Sound. */
  audio: boolean;
  /** A screen; of transfers only. */
  screen?: boolean;
  /** Moving pictures. */
  video: boolean;
}
/** A stay of one device in a conference. */
export interface ConferenceParticipant {
  /** `wac-user:<id>`. */
  address: string;
  /** When it came, in milliseconds since the epoch. */
  createdAt: number;
  /** When it left; `null`: it is there. */
  finishedAt: number | null;
  /** The media node that carried its media last; `null`: none did. */
  node: string | null;
  quality: ConferenceQuality | null;
  /** The device. */
  sessionId: string;
}
/**
 * How well media went, from the media nodes' summaries: means weighted by time, and sums. What was not measured is
 * `null`.
 */
export interface ConferenceQuality {
  /** Bytes of media received. */
  bytesReceived: number;
  /** Bytes of media sent. */
  bytesSent: number;
  /** Mean opinion score to be expected of what was heard, 1 to 4.5: an estimate from loss and delay. */
  estimatedMos: number | null;
  /** By how much it varied of what was received, milliseconds. */
  jitterReceivedMs: number | null;
  /** By how much the time between packets varied of what was sent, milliseconds. */
  jitterSentMs: number | null;
  /** Lost of what was received, percent. */
  lostReceivedPercent: number | null;
  /** Lost of what was sent, percent. */
  lostSentPercent: number | null;
  /** Measured, milliseconds. */
  measuredMs: number;
  /** Packets lost of what was received. */
  packetsLostReceived: number | null;
  /** Packets lost of what was sent. */
  packetsLostSent: number | null;
  /** To the media node and back, milliseconds. */
  roundTripMs: number | null;
  /** Spoken, milliseconds. */
  speakingMs: number;
}
/** A transfer out of a conference. */
export interface ConferenceTransfer {
  /** `wac-user:<id>` of the transferor. */
  from: string;
  /** Its id. */
  id: string;
  /** The invitation sent in the party's name. */
  idInvite: string | null;
  /** The media of the call to be made. */
  mediatypes: ConferenceMedia;
  /** The room. */
  roomId: string;
  /** What became of it. */
  state: ConferenceTransferState;
  /** `wac-user:<id>`, `wac-group:<id>`, or the id of the room the party was moved to. */
  to: string | null;
}
/** A person of the domain. */
export interface Contact {
  /** Another name. */
  alias: string | null;
  /** The name others see. */
  displayName: string | null;
  /** The domain's name. */
  domain: string;
  /** The user's id. */
  id: string;
  /** Whether he is there. */
  presence: Presence;
  /** `wac-user:<id>`. */
  uri: string;
  /** The user's name; `null` once erased. */
  username: string | null;
}
/** One field that is wrong. */
export interface FieldError {
  /** Stable, snake_case. */
  code: string;
  /** A sentence for people. */
  detail: string;
  /** JSON pointer into the body, or `?name` for a query parameter. */
  pointer: string;
}
/** What is known of somebody's whereabouts. */
export interface Presence {
  /** What he is doing: RFC 4480 §3.2, or `available`. */
  activity: Activity;
  /** How he feels. */
  mood: string | null;
  /** A free text. */
  note: string | null;
  /** Whether a device of his has a socket. */
  online: boolean;
  /** When he went online or offline, in milliseconds since the epoch. */
  since?: number | null;
  /** Whose. */
  userId: string;
}
/** A problem (RFC 9457). */
export interface Problem {
  /** Stable, snake_case. */
  code: string;
  /** A sentence about this occurrence. */
  detail: string;
  /** The fields concerned. */
  errors?: FieldError[];
  /** The path of the request. */
  instance: string;
  /** The request's id, also in `X-Request-Id`. */
  request_id: string;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** HTTP status. */
  status: number;
  /** What went wrong in a few words. */
  title: string;
  /** URL of the page that explains the problem. */
  type: string;
}
/** How a device is woken. The token itself is not given back. */
export interface PushToken {
  /** The client's own id of its device. */
  deviceId?: string | null;
  /** Its id: that of its session. */
  id: string;
  /** `apns`, `apns-voip`, `fcm` or `webpush`. */
  tokenType: string;
}
/** People who ring together. */
export interface UsersGroup {
  /** When it was created, in milliseconds since the epoch. */
  created: number;
  /** Its domain's name. */
  domain: string;
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** Who manages it: a user's id. */
  owner: string;
  /** Ids of its participants, those of longest standing first. */
  participants: string[];
  /** `wac-group:<id>`. */
  uri: string;
}
