// Generated from docs/signaling.schema.json by `npm run generate`: change the schema, not this.

/** What somebody is doing (RFC 4480 §3.2, and `available`). */
export type Activity =
  | 'unknown'
  | 'available'
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
/** The name of the notice that brought it. */
export type CurrentInvitationKind = 'invite' | 'inviteRequest';
/** What happened, by its name. */
export type Event =
  | {
      eventName: 'hello';
      payload: Hello;
    }
  | {
      eventName: 'invite';
      payload: IncomingInvite;
    }
  | {
      eventName: 'inviteRequest';
      payload: IncomingInvite;
    }
  | {
      eventName: 'inviteAccepted';
      payload: InviteAccepted;
    }
  | {
      eventName: 'inviteStopped';
      payload: InviteStopped;
    }
  | {
      eventName: 'inviteDeclined';
      payload: InviteOver;
    }
  | {
      eventName: 'inviteCancelled';
      payload: InviteOver;
    }
  | {
      eventName: 'inviteExpired';
      payload: InviteOver;
    }
  | {
      eventName: 'inviteEnded';
      payload: InviteOver;
    }
  | {
      eventName: 'participantJoined';
      payload: InRoom;
    }
  | {
      eventName: 'participantLeft';
      payload: ParticipantLeft;
    }
  | {
      eventName: 'participantHeld';
      payload: InRoom;
    }
  | {
      eventName: 'participantUnheld';
      payload: InRoom;
    }
  | {
      eventName: 'participantMuted';
      payload: ParticipantMuted;
    }
  | {
      eventName: 'mute-request';
      payload: MuteRequest;
    }
  | {
      eventName: 'roomUpdated';
      payload: RoomUpdated;
    }
  | {
      eventName: 'roomClosed';
      payload: RoomClosed;
    }
  | {
      eventName: 'callTransferStart';
      payload: CallTransferStart;
    }
  | {
      eventName: 'callTransferCompleted';
      payload: CallTransferCompleted;
    }
  | {
      eventName: 'callTransferFailed';
      payload: CallTransferFailed;
    }
  | {
      eventName: 'sessionClosed';
      payload: SessionClosed;
    };
/** An invitation. */
export type InviteId = string;
/** Why somebody is no longer in a room. */
export type LeaveReason = 'left' | 'expelled' | 'lost' | 'closed';
/** A kind of media. */
export type Media = 'audio' | 'video';
/** One start of one process. */
export type NodeId = string;
/** The one kind of frame that is no answer. */
export type NoticeKind = 'event';
/** One or several of something. */
export type OneOrMany = string | string[];
/** Place in the whole log: 1, 2, 3 … without gaps, in commit order. 0 is "before everything". */
export type Position = number;
/** What is pushed. */
export type PushBody = PresencePush | ConferencePush | ConferenceChange;
/** A request by its name. */
export type Request =
  | {
      payload: CreateRoom;
      request: 'createRoom';
    }
  | {
      payload: UpdateRoom;
      request: 'updateRoom';
    }
  | {
      payload: OfRoom;
      request: 'closeRoom';
    }
  | {
      payload: OfRoom;
      request: 'joinRoom';
    }
  | {
      payload: OfRoom;
      request: 'leaveRoom';
    }
  | {
      payload: OfRoom;
      request: 'listParticipants';
    }
  | {
      payload: Invite;
      request: 'invite';
    }
  | {
      payload: InviteRequest;
      request: 'inviteRequest';
    }
  | {
      payload: Accept;
      request: 'accept';
    }
  | {
      payload: EndInvite;
      request: 'decline';
    }
  | {
      payload: EndInvite;
      request: 'cancel';
    }
  | {
      payload: NoPayload;
      request: 'currentInvitations';
    }
  | {
      payload: OfRoom;
      request: 'hold';
    }
  | {
      payload: OfRoom;
      request: 'unhold';
    }
  | {
      payload: Mute;
      request: 'mute';
    }
  | {
      payload: MuteParticipant;
      request: 'muteParticipant';
    }
  | {
      payload: ExpelParticipant;
      request: 'expelParticipant';
    }
  | {
      payload: CallTransfer;
      request: 'callTransfer';
    }
  | {
      payload: OfTransfer;
      request: 'acceptTransfer';
    }
  | {
      payload: DeclineTransfer;
      request: 'declineTransfer';
    }
  | {
      payload: AttendedTransfer;
      request: 'attendedTransfer';
    }
  | {
      payload: JoinQuickConference;
      request: 'joinQuickConference';
    };
/** A session: a device of a user, under the id of the token family whose grant opened it. */
export type SessionId = string;
/** Why something rings no longer. */
export type StopReason = 'accepted' | 'declined' | 'gone';
/** A transfer. */
export type TransferId = string;
/** A user; `wac-user:<id>` as a URI. */
export type UserId = string;
/** A verb of WAPI. */
export type WapiMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Of `accept`. */
export interface Accept {
  /** The invitation. */
  inviteId: string;
  /** The room the caller of an `inviteRequest` is let into. */
  roomId?: string | null;
}
/** Of `accept`: the room, and what else became of it. */
export interface Accepted {
  /** Who may join without an invitation: user ids. */
  acl: UserId[];
  /** Greatest bit rate of one video, kbit/s. */
  bitrate: number;
  /** The other invitations that were declined with it (`invites.onlyOneDeviceWithInvitations`). */
  declined: InviteId[];
  /** STUN and TURN servers. */
  ice: IceServer[];
  /** The `roomId` of all other requests. */
  id: string;
  /** Whether media can be exchanged. */
  media: RoomMedia;
  /** What to dial to reach it by telephone. */
  number: string;
  /** User id of the owner. */
  owner?: UserId | null;
  /** User ids, those of longest standing first. */
  participants: UserId[];
  /** Most devices in it. */
  participantsLimit: number;
  /** Whether it is to be recorded. */
  record: boolean;
  /** The same. */
  room: string;
  /** The media node's addresses by protocol. */
  server: {
    [k: string]: string;
  };
  /** The media node. */
  serverUuid: string;
  /** Where it is reached by SIP. */
  sipUri: string;
  /** When it was opened, milliseconds since the epoch. */
  timestamp: number;
  /** Lets its holder join the media. */
  token: string;
  /** This opening of the room: 64 hex digits. */
  uuid: string;
}
/** An answer; the request's own fields stand beside these. */
export interface AnswerFrame {
  /** The request's name. */
  answer: string;
  /** Where the change stands in the log, if there was one. */
  position?: Position | null;
  /** The request's id. */
  requestID: string;
  [k: string]: unknown;
}
/** What each request is answered with, beside the fields of `AnswerFrame`. */
export interface Answers {
  accept: Accepted;
  acceptTransfer: Transfer;
  attendedTransfer: Transfer;
  callTransfer: Transfer;
  cancel: Nothing;
  closeRoom: Nothing;
  createRoom: RoomObject;
  currentInvitations: CurrentInvitations;
  decline: Nothing;
  declineTransfer: Transfer;
  expelParticipant: Nothing;
  hold: Nothing;
  invite: Sent | SentToMany;
  inviteRequest: Sent;
  joinQuickConference: RoomObject;
  joinRoom: RoomObject;
  leaveRoom: Nothing;
  listParticipants: Participants;
  mute: Nothing;
  muteParticipant: Nothing;
  unhold: Nothing;
  updateRoom: RoomObject;
}
/** Of `attendedTransfer`. */
export interface AttendedTransfer {
  /** The room, in which exactly one other person is. */
  roomId: string;
  /** Where he is to go; the caller is there too. */
  targetRoomId: string;
}
/** Of `callTransfer`. */
export interface CallTransfer {
  /** The media of the new call; sound and picture unless it is said. */
  mediaTypes?: MediaTypes;
  /** The room, in which exactly one other person is. */
  roomId: string;
  /** Whom the other one is to call: an address. */
  to: string;
}
/** Of `callTransferCompleted`. */
export interface CallTransferCompleted {
  /** The transfer. */
  callTransferId: TransferId;
  /** The room in which party and target are. */
  roomId: string;
}
/** Of `callTransferFailed`. */
export interface CallTransferFailed {
  /** The transfer. */
  callTransferId: TransferId;
  /** Call code. */
  errorCode: number;
}
/** Of `callTransferStart`. */
export interface CallTransferStart {
  /** The transfer. */
  callTransferId: TransferId;
  /** The media of the new call. */
  mediaTypes: MediaTypes;
  /** The room one is in. */
  roomId: string;
  /**
   * Whom one is to be connected with: `wac-user:` or `wac-group:` and an id; of an attended
   * transfer the transferor, who is with him.
   */
  to: string;
}
/** Who calls. Names are missing once they have been erased. */
export interface CallerDetails {
  /** The name others see. */
  displayName?: string | null;
  /** His domain's name. */
  domain?: string | null;
  /** His id. */
  userId: UserId;
  /** His name. */
  username?: string | null;
}
/** The record of a conference has changed: a media session of the recipient's has ended, and its quality is known. */
export interface ConferenceChange {
  /** Names of the domains involved. */
  domains?: string[];
  /** The opening: 64 hex digits. */
  id: string;
  /** Who was invited. */
  invites?: unknown[];
  /** Who sat in it. */
  participants?: unknown[];
  /** Who was transferred. */
  transfers?: unknown[];
}
/** A conference that is over. */
export interface ConferencePush {
  /** When it was opened, milliseconds since the epoch. */
  createdAt: number;
  /** Names of the domains involved. */
  domains?: string[];
  /** When it ended, milliseconds since the epoch. */
  finishedAt: number;
  /** The opening: 64 hex digits. */
  id: string;
  /** Who was invited. */
  invites?: unknown[];
  /** User id of the owner. */
  owner?: UserId | null;
  /** Who sat in it. */
  participants?: unknown[];
  /** The room. */
  roomId: string;
  /** `finished`. */
  state: string;
  /** Who was transferred. */
  transfers?: unknown[];
}
/** Of `createRoom`. */
export interface CreateRoom {
  /** Who may join without an invitation: user ids or addresses. */
  acl?: string[];
  /** Whether it is to be recorded. */
  record?: boolean;
}
/** An invitation that rings, with its kind. */
export interface CurrentInvitation {
  /** Whatever the caller's application says about the call. */
  context: {
    [k: string]: unknown;
  };
  /** The caller's user id. */
  from: UserId;
  /** The caller. */
  fromDetails: CallerDetails;
  /** The invitation. */
  inviteId: InviteId;
  /** The media offered. */
  mediatypes: MediaTypes;
  /** When it expires, milliseconds since the epoch. */
  ringUntil: number;
  /** The room; not of an `inviteRequest`. */
  roomId?: string | null;
  /** `invite` or `inviteRequest`. */
  type: CurrentInvitationKind;
}
/** Of `currentInvitations`. */
export interface CurrentInvitations {
  /** What rings. */
  payload: CurrentInvitationsPayload;
}
/** What rings for somebody. */
export interface CurrentInvitationsPayload {
  /** Oldest first. */
  currentInvitations: CurrentInvitation[];
}
/** Of `declineTransfer`. */
export interface DeclineTransfer {
  /** The transfer. */
  callTransferId: string;
  /** Call code, 400 to 699; 603 unless it is said. */
  errorCode?: number | null;
}
/** Of `decline` and `cancel`. */
export interface EndInvite {
  /** Call code, 400 to 699; 603 of `decline` and 487 of `cancel` unless it is said. */
  errorCode?: number | null;
  /** The invitation. */
  inviteId: string;
}
/** What went wrong, in the fields of RFC 9457 that make sense without HTTP. */
export interface ErrorBody {
  /** Stable; for programs. */
  code: string;
  /** This occurrence, in a sentence. */
  detail: string;
  /** JSON pointer (RFC 6901) into the payload, if one field is wrong. */
  pointer?: string | null;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** The code in a few words. */
  title: string;
  /** Where the code is explained, relative to the platform's public address. */
  type: string;
}
/** Of `expelParticipant`. */
export interface ExpelParticipant {
  /** The room. */
  roomId: string;
  /** Who: user id or address. */
  userId: string;
}
/** Of `hello`. */
export interface Hello {
  /** What the client has to keep to. */
  limits: Limits;
  /** The node that holds the socket. */
  node: NodeId;
  /** Where the socket starts in the log. */
  position: Position;
  /** Version of this protocol. */
  protocol: number;
  /** Whether it goes on from the position that was asked for. */
  resumed: boolean;
  /** The device. */
  sessionId: SessionId;
  /** Whose. */
  userId: UserId;
}
/** One STUN or TURN server. */
export interface IceServer {
  /** `stun:` and `turn:` URIs. */
  urls: string[];
}
/** Of the notices about somebody in a room. */
export interface InRoom {
  /** The room. */
  roomId: string;
  /** Who. */
  userId: UserId;
}
/** An invitation, as who rings sees it. */
export interface IncomingInvite {
  /** Whatever the caller's application says about the call. */
  context: {
    [k: string]: unknown;
  };
  /** The caller's user id. */
  from: UserId;
  /** The caller. */
  fromDetails: CallerDetails;
  /** The invitation. */
  inviteId: InviteId;
  /** The media offered. */
  mediatypes: MediaTypes;
  /** When it expires, milliseconds since the epoch. */
  ringUntil: number;
  /** The room; not of an `inviteRequest`. */
  roomId?: string | null;
}
/** Of `invite`. */
export interface Invite {
  /** Whatever the caller's application says about the call. */
  context?: {
    [k: string]: unknown;
  } | null;
  /** The media offered; sound and picture unless it is said. */
  mediatypes?: MediaTypes;
  /** The room, in which the caller is. */
  roomId: string;
  /** Addresses. */
  to: OneOrMany;
}
/** Of `inviteAccepted`. */
export interface InviteAccepted {
  /** The invitation. */
  inviteId: InviteId;
  /** The room both are in. */
  roomId: string;
  /** User id of who took it. */
  whoAccepted: UserId;
}
/** Of the notices that an invitation came to nothing. */
export interface InviteOver {
  /** Call code. */
  errorCode: number;
  /** The invitation. */
  inviteId: InviteId;
}
/** Of `inviteRequest`. */
export interface InviteRequest {
  /** Whatever the caller's application says about the call. */
  context?: {
    [k: string]: unknown;
  } | null;
  /** The media offered; sound and picture unless it is said. */
  mediatypes?: MediaTypes;
  /** An address. */
  to: string;
}
/** Of `inviteStopped`. */
export interface InviteStopped {
  /** The invitation. */
  inviteId: InviteId;
  /** Why. */
  reason: StopReason;
}
/** Of `joinQuickConference`. */
export interface JoinQuickConference {
  /** `wac-conf` and 20 digits, unless the deployment says otherwise. */
  uri: string;
}
/** What a client has to keep to. */
export interface Limits {
  /** How long a socket may be silent, milliseconds. */
  idleTimeout: number;
  /** Longest frame, in bytes. */
  maxFrame: number;
  /** How often the server pings, milliseconds. */
  pingInterval: number;
  /** How long a cut device keeps its seats, milliseconds. */
  removeAfter: number;
  /** Requests at once. */
  requestsBurst: number;
  /** Requests a second, in the long run. */
  requestsPerSecond: number;
  /** How far back a device may resume, milliseconds. */
  resumeWindow: number;
}
/** Kinds of media somebody wants to exchange. */
export interface MediaTypes {
  /** Sound. */
  audio?: boolean;
  /** A screen. */
  screen?: boolean;
  /** Moving pictures. */
  video?: boolean;
}
/** Of `mute`. */
export interface Mute {
  /** Sound or picture. */
  media: Media;
  /** Muted or not. */
  muted: boolean;
  /** The room. */
  roomId: string;
}
/** Of `muteParticipant`. */
export interface MuteParticipant {
  /** Sound or picture. */
  media: Media;
  /** Muted or not. */
  muted: boolean;
  /** The room. */
  roomId: string;
  /** Who: user id or address. */
  to: string;
}
/** Of `mute-request`. */
export interface MuteRequest {
  /** Sound or picture. */
  media: Media;
  /** Muted or not. */
  muted: boolean;
  /** The room. */
  roomId: string;
  /** User id of who is to be muted. */
  to: UserId;
}
/** What of somebody is muted. */
export interface MutedMedia {
  /** His sound. */
  audio: boolean;
  /** His picture. */
  video: boolean;
}
/** Of the requests that say nothing further. */
export interface NoPayload {}
/** An answer without fields of its own. */
export interface Nothing {}
/** A notice. */
export interface NoticeFrame {
  /** What happened. */
  payload: Event;
  /** Where what happened stands in the log. */
  position: Position;
  /** `event`. */
  type: NoticeKind;
}
/** Of the requests that name a room and nothing else. */
export interface OfRoom {
  /** The room. */
  roomId: string;
}
/** Of `acceptTransfer`. */
export interface OfTransfer {
  /** The transfer. */
  callTransferId: string;
}
/** A person in a room. */
export interface Participant {
  /** On how many devices. */
  devices: number;
  /** Whether he attends to something else. */
  held: boolean;
  /** What of him is muted. */
  muted: MutedMedia;
  /** Whether the room is his. */
  owner: boolean;
  /** Who. */
  userId: UserId;
}
/** Of `participantLeft`. */
export interface ParticipantLeft {
  /** Why. */
  reason: LeaveReason;
  /** The room. */
  roomId: string;
  /** Who. */
  userId: UserId;
}
/** Of `participantMuted`. */
export interface ParticipantMuted {
  /** User id of who did it. */
  by: UserId;
  /** Sound or picture. */
  media: Media;
  /** Muted or not. */
  muted: boolean;
  /** The room. */
  roomId: string;
  /** Whose. */
  userId: UserId;
}
/** Of `listParticipants`. */
export interface Participants {
  /** Each person once, those of longest standing first. */
  participants: Participant[];
}
/** What has changed of somebody's presence; what has not is left out. */
export interface PresencePush {
  /** What he is doing. */
  activity?: Activity | null;
  /** How he feels; `null`: he does not say any more. */
  mood?: string | null;
  /** A free text; `null`: none any more. */
  note?: string | null;
  /** Whether any of his devices can be reached. */
  online?: boolean | null;
  /** Who. */
  userId: UserId;
}
/** A push with its place in the log, as it goes over WAPI. */
export interface PushFrame {
  /** It, or what of it has changed. */
  body: PushBody;
  /** What happened to the resource. */
  method: WapiMethod;
  /** Where what happened stands in the log. */
  position: Position;
  /** The resource, without `/sapi`. */
  url: string;
}
/** A refusal. */
export interface RefusalFrame {
  /** The request's name; empty if the frame had none. */
  answer: string;
  /** What and why. */
  error: ErrorBody;
  /** A call code (404, 408, 480, 486, 487, 603), or the HTTP status of the like. */
  errorCode: number;
  /** The request's id; empty if the frame had none. */
  requestID: string;
}
/** Of `roomClosed`. */
export interface RoomClosed {
  /** `closed`. */
  reason: string;
  /** The room. */
  roomId: string;
}
/** Whether media can be exchanged in a room. */
export interface RoomMedia {
  /** Whether it can. */
  available: boolean;
  /** Why not. */
  reason?: string | null;
}
/**
 * A room, as `createRoom`, `updateRoom`, `joinRoom`, `accept` and `joinQuickConference` answer.
 * What needs a media node is empty as long as none runs, and [`RoomMedia`] says so.
 */
export interface RoomObject {
  /** Who may join without an invitation: user ids. */
  acl: UserId[];
  /** Greatest bit rate of one video, kbit/s. */
  bitrate: number;
  /** STUN and TURN servers. */
  ice: IceServer[];
  /** The `roomId` of all other requests. */
  id: string;
  /** Whether media can be exchanged. */
  media: RoomMedia;
  /** What to dial to reach it by telephone. */
  number: string;
  /** User id of the owner. */
  owner?: UserId | null;
  /** User ids, those of longest standing first. */
  participants: UserId[];
  /** Most devices in it. */
  participantsLimit: number;
  /** Whether it is to be recorded. */
  record: boolean;
  /** The same. */
  room: string;
  /** The media node's addresses by protocol. */
  server: {
    [k: string]: string;
  };
  /** The media node. */
  serverUuid: string;
  /** Where it is reached by SIP. */
  sipUri: string;
  /** When it was opened, milliseconds since the epoch. */
  timestamp: number;
  /** Lets its holder join the media. */
  token: string;
  /** This opening of the room: 64 hex digits. */
  uuid: string;
}
/** Of `roomUpdated`. */
export interface RoomUpdated {
  /** Who may join without an invitation: user ids. */
  acl: UserId[];
  /** User id of the owner. */
  owner?: UserId | null;
  /** Whether it is to be recorded. */
  record: boolean;
  /** The room. */
  roomId: string;
  /** The addresses by protocol of the media node the room has moved to: join its media anew. */
  server?: {
    [k: string]: string;
  };
  /** Lets this device join the media there. */
  token?: string | null;
}
/** Of `invite` to one address, and of `inviteRequest`. */
export interface Sent {
  /** The invitation. */
  inviteId: InviteId;
}
/** One invitation of several. */
export interface SentTo {
  /** The invitation. */
  inviteId: InviteId;
  /** The address as it was given. */
  to: string;
}
/** Of `invite` to a list of addresses. */
export interface SentToMany {
  /** In the order of the list. */
  invites: SentTo[];
}
/** Of `sessionClosed`. */
export interface SessionClosed {
  /**
   * `logout`, `expired`, `revoked`, `superseded`, `password_changed`, `token_reuse`,
   * `user_deleted`, `client_deleted` or `user_moved`.
   */
  reason: string;
  /** The device. */
  sessionId: SessionId;
}
/** Of the requests about transfers. */
export interface Transfer {
  /** The transfer. */
  callTransferId: TransferId;
}
/** Of `updateRoom`; what is left out stays. */
export interface UpdateRoom {
  /** The access list from now on: user ids or addresses. */
  acl?: string[] | null;
  /** Only say what would come of it. */
  dryRun?: boolean;
  /** Whether it is to be recorded. */
  record?: boolean | null;
  /** The room. */
  roomId: string;
}
/** An answer over WAPI. */
export interface WapiAnswer {
  /** The resource, or the problem. */
  body?: unknown;
  /** The request's id. */
  id: string;
  /** Of a list that goes on: the `url` of its next page, query and all. */
  next?: string | null;
  /** Where the change stands in the log, if there was one. */
  position?: Position | null;
  /** HTTP status. */
  status: number;
}
/** A request over WAPI. */
export interface WapiRequest {
  /** The body. */
  body?: unknown;
  /** The client's own id of it; the answer repeats it. */
  id: string;
  /**
   * A write with the same key and content happens once, however often it is sent: `Idempotency-Key`
   * of SAPI. 1 to 255 visible ASCII characters, the caller's own.
   */
  idempotencyKey?: string | null;
  /** The verb. */
  method: WapiMethod;
  /** The query. */
  qs?: {
    [k: string]: unknown;
  } | null;
  /** The resource, without `/sapi`. */
  url: string;
}
