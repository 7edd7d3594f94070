/**
 * What goes over the sockets: frames, requests, notices, resources.
 *
 * Types only, no code. Everything else in the SDK takes its wire types from here, and the maps
 * {@link Requests} and {@link Notices} are what the typed request and notice functions are made of.
 *
 * @packageDocumentation
 */

/** Milliseconds since the epoch. */
export type Milliseconds = number;

/** A place in the log; notices and answers that changed something carry it. */
export type Position = number;

/** Which media a call wants. */
export interface MediaTypes {
  audio: boolean;
  video: boolean;
  screen?: boolean;
}

/** One kind of media, as it is muted. */
export type Media = 'audio' | 'video';

/** What an application hands along with an invitation; the server does not look into it. */
export type InviteContext = Record<string, unknown>;

/** Whom an invitation comes from, as far as the server tells. */
export interface CallerDetails {
  username?: string;
  domain?: string;
  displayName?: string | null;
  [detail: string]: unknown;
}

/** A refusal as the server describes it (RFC 9457). */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  /** Stable word for programs. */
  code?: string;
  errors?: { pointer?: string; code?: string; detail?: string }[];
  request_id?: string;
  retryable?: boolean;
}

/** A room, as `createRoom`, `updateRoom`, `joinRoom`, `accept` and `joinQuickConference` answer. */
export interface Room {
  /** The `roomId` of all other requests. */
  id: string;
  uuid?: string;
  /** User id of the owner; `null` when there is none. */
  owner: string | null;
  record?: boolean;
  number?: string;
  sipUri?: string;
  bitrate?: number;
  serverUuid?: string;
  /** Where media goes; empty while no media node runs. */
  server?: Record<string, string>;
  timestamp?: Milliseconds;
  participantsLimit?: number;
  ice?: { urls: string | string[]; username?: string; credential?: string }[];
  room?: string;
  /** Lets its holder join the media; short-lived. */
  token?: string;
  /** User ids, those of longest standing first. */
  participants: string[];
  acl?: string[];
  /** Whether media can be exchanged, and if not, why. */
  media?: { available: boolean; reason?: string };
}

/** One person in a room, as `listParticipants` answers. */
export interface RoomParticipant {
  userId: string;
  owner: boolean;
  held: boolean;
  muted: { audio: boolean; video: boolean };
  /** On how many devices. */
  devices: number;
  /** `false` while the person's media is missing. */
  connected?: boolean;
}

/** An invitation that rings, as `currentInvitations` lists it and the notices `invite` and `inviteRequest` bring it. */
export interface InviteNotice {
  inviteId: string;
  /** The caller's user id or address. */
  from: string;
  fromDetails?: CallerDetails;
  /** Missing in an `inviteRequest`: who accepts names the room. */
  roomId?: string;
  mediatypes: MediaTypes;
  context?: InviteContext;
  ringUntil: Milliseconds;
}

/** An entry of `currentInvitations`: `type` tells an `inviteRequest` from an `invite` where there is a `roomId` in both. */
export interface CurrentInvitation extends InviteNotice {
  type?: 'invite' | 'inviteRequest';
}

/** Requests over QSS: payload and answer of each. */
export interface Requests {
  createRoom: { payload: { record?: boolean; acl?: string[] }; answer: Room };
  updateRoom: { payload: { roomId: string; acl?: string[]; record?: boolean; dryRun?: boolean }; answer: Room };
  closeRoom: { payload: { roomId: string }; answer: Empty };
  joinRoom: { payload: { roomId: string }; answer: Room };
  leaveRoom: { payload: { roomId: string }; answer: Empty };
  listParticipants: { payload: { roomId: string }; answer: { participants: RoomParticipant[] } };
  invite: {
    payload: { to: string | string[]; roomId: string; mediatypes: MediaTypes; context: InviteContext };
    answer: { inviteId?: string; invites?: { inviteId: string; to: string }[] };
  };
  inviteRequest: {
    payload: { to: string; mediatypes: MediaTypes; context: InviteContext };
    answer: { inviteId: string };
  };
  accept: { payload: { inviteId: string; roomId?: string }; answer: Room };
  decline: { payload: { inviteId: string; errorCode?: number }; answer: Empty };
  cancel: { payload: { inviteId: string; errorCode?: number }; answer: Empty };
  currentInvitations: { payload: Empty; answer: { payload: { currentInvitations: CurrentInvitation[] } } };
  hold: { payload: { roomId: string }; answer: Empty };
  unhold: { payload: { roomId: string }; answer: Empty };
  mute: { payload: { roomId: string; media: Media; muted: boolean }; answer: Empty };
  muteParticipant: { payload: { roomId: string; to: string; media: Media; muted: boolean }; answer: Empty };
  expelParticipant: { payload: { roomId: string; userId: string }; answer: Empty };
  callTransfer: {
    payload: { to: string; roomId: string; mediaTypes: MediaTypes };
    answer: { callTransferId: string };
  };
  acceptTransfer: { payload: { callTransferId: string }; answer: Empty };
  declineTransfer: { payload: { callTransferId: string; errorCode?: number }; answer: Empty };
  attendedTransfer: { payload: { roomId: string; targetRoomId: string }; answer: { callTransferId: string } };
  joinQuickConference: { payload: { uri: string }; answer: Room };
}

/** Nothing in particular. */
export type Empty = Record<string, never>;

/** Name of a QSS request. */
export type RequestName = keyof Requests;

/** Limits a server tells in `hello`. */
export interface Limits {
  /** Largest frame it takes, in bytes. */
  maxFrame?: number;
  requestsPerSecond?: number;
  /** How long a device whose sockets were cut keeps its seats, in milliseconds. */
  removeAfter?: Milliseconds;
  [limit: string]: unknown;
}

/** The first notice on every socket. */
export interface Hello {
  sessionId: string;
  userId: string;
  node: string;
  protocol: string | number;
  position: Position;
  /** Whether this socket goes on from the position the client asked for. */
  resumed: boolean;
  limits?: Limits;
}

/** Why a participant is not in a room any more. */
export type LeaveReason = 'left' | 'expelled' | 'lost' | 'closed';

/** Notices over QSS: payload of each. */
export interface Notices {
  hello: Hello;
  invite: InviteNotice;
  inviteRequest: InviteNotice;
  inviteAccepted: { inviteId: string; roomId: string; whoAccepted: string };
  inviteStopped: { inviteId: string; reason: 'accepted' | 'declined' | 'gone' };
  inviteDeclined: { inviteId: string; errorCode: number };
  inviteCancelled: { inviteId: string; errorCode: number };
  inviteExpired: { inviteId: string; errorCode: number };
  inviteEnded: { inviteId: string; errorCode: number };
  participantJoined: { roomId: string; userId: string };
  participantLeft: { roomId: string; userId: string; reason: LeaveReason };
  participantHeld: { roomId: string; userId: string };
  participantUnheld: { roomId: string; userId: string };
  participantMuted: { roomId: string; userId: string; media: Media; muted: boolean; by: string };
  'mute-request': { media: Media; muted: boolean; roomId: string; to: string };
  roomUpdated: { roomId: string; owner: string | null; acl?: string[]; record?: boolean };
  roomClosed: { roomId: string; reason: string };
  callTransferStart: { callTransferId: string; mediaTypes: MediaTypes; roomId: string; to: string };
  callTransferCompleted: { callTransferId: string; roomId: string };
  callTransferFailed: { callTransferId: string; errorCode: number };
  sessionClosed: { sessionId: string; reason: string };
}

/** Name of a QSS notice. */
export type NoticeName = keyof Notices;

/** A notice with its name, so that a `switch` over `eventName` knows the payload. */
export type NoticeBody = { [Name in NoticeName]: { eventName: Name; payload: Notices[Name] } }[NoticeName];

/** A request frame. */
export interface RequestFrame {
  request: string;
  requestID: string;
  payload: unknown;
}

/** An answer frame, or a refusal if it has an `errorCode`; the answer's own fields stand beside these. */
export interface AnswerFrame {
  answer: string;
  requestID: string;
  position?: Position;
  /** A call code (404, 486, 603 …) or an HTTP status. */
  errorCode?: number;
  error?: Problem;
  [field: string]: unknown;
}

/** A notice frame. */
export interface NoticeFrame {
  type: 'event';
  position: Position;
  payload: { eventName: string; payload: unknown };
}

/** Verbs of WAPI. */
export type WapiMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A WAPI request frame. */
export interface WapiRequestFrame {
  id: string;
  method: WapiMethod;
  url: string;
  qs?: Record<string, string | number | boolean>;
  body?: unknown;
}

/** A WAPI answer frame. */
export interface WapiAnswerFrame {
  id: string;
  status: number;
  body?: unknown;
  position?: Position;
}

/** A WAPI push. */
export interface WapiPush {
  method: WapiMethod;
  url: string;
  body?: unknown;
  position?: Position;
}

/** What somebody is doing: the list of RFC 4480, and `available`. */
export type Activity =
  | 'available'
  | 'unknown'
  | 'appointment'
  | 'away'
  | 'breakfast'
  | 'busy'
  | 'dinner'
  | 'holiday'
  | 'in-transit'
  | 'looking-for-work'
  | 'lunch'
  | 'meal'
  | 'meeting'
  | 'on-the-phone'
  | 'other'
  | 'performance'
  | 'permanent-absence'
  | 'playing'
  | 'presentation'
  | 'shopping'
  | 'sleeping'
  | 'spectator'
  | 'steering'
  | 'travel'
  | 'tv'
  | 'vacation'
  | 'working'
  | 'worship';

/** Presence of one person: `/presence/:userId`. */
export interface PresenceResource {
  userId: string;
  /** Derived by the server: a session of his has a socket. */
  online: boolean;
  activity: Activity;
  note: string | null;
  mood: string | null;
  /** When he went online or offline. */
  since?: Milliseconds | null;
}

/** What is pushed of somebody's presence: what has changed. */
export type PresencePush = Pick<PresenceResource, 'userId'> & Partial<PresenceResource>;

/** A person of the domain: `/contacts`. */
export interface ContactResource {
  id: string;
  /** `wac-user:<id>`. */
  uri: string;
  /** `null` once he is erased. */
  username: string | null;
  domain: string;
  alias?: string | null;
  displayName?: string | null;
  presence: PresenceResource;
}

/** A group: `/usersGroup/:id`. */
export interface GroupResource {
  id: string;
  /** `wac-group:<id>`. */
  uri: string;
  name: string;
  /** User id. */
  owner: string;
  domain: string;
  /** User ids, those of longest standing first. */
  participants: string[];
  created: Milliseconds;
}

/** A device's push token: `/pushtokens/:id`. The token itself is not given back. */
export interface PushTokenResource {
  id: string;
  tokenType: string;
  deviceId?: string | null;
}

/** What is pushed when a conference is over. */
export interface ConferenceFinished {
  id: string;
  roomId: string;
  state: string;
  createdAt: Milliseconds;
  finishedAt: Milliseconds;
  /** User id. */
  owner: string | null;
}

/** What became of an invitation. */
export type LoggedInviteState = 'RINGING' | 'ACCEPTED' | 'DECLINED' | 'DECLINED_BY_CREATOR' | 'DECLINED_BY_TIMEOUT';

/** An invitation in the log. */
export interface LoggedInvite {
  id: string;
  /** `wac-user:<id>`. */
  from: string;
  /** `wac-user:<id>` or `wac-group:<id>`. */
  to: string;
  state: LoggedInviteState;
  group: boolean;
  inviteRequest: boolean;
  mediatypes: MediaTypes;
  /** The call code it came to; `null` while it rings. */
  error: number | null;
  /** Who was called, and the call code of each. */
  candidates: { address: string; endReason: number | null }[];
}

/** A transfer in the log. */
export interface LoggedTransfer {
  id: string;
  from: string;
  /** `wac-user:<id>`, `wac-group:<id>`, or the id of the room that the party was moved to. */
  to: string | null;
  idInvite: string | null;
  roomId: string;
  state: 'INVITED' | 'DECLINED';
  mediatypes: MediaTypes;
}

/** One conference in the log: `/conferences`. */
export interface ConferenceLogEntry {
  id: string;
  roomId: string;
  /** User id. */
  owner: string | null;
  state: 'active' | 'finished';
  createdAt: Milliseconds;
  finishedAt: Milliseconds | null;
  domains: string[];
  /** One entry for each stay of a device. */
  participants: { address: string; sessionId: string; createdAt: Milliseconds; finishedAt: Milliseconds | null }[];
  invites: LoggedInvite[];
  transfers: LoggedTransfer[];
}
