/**
 * What goes over the sockets: frames, requests, notices, resources.
 *
 * Types only, no code. `wire/` is generated from the server's schemas; here its types get the names the SDK uses,
 * and the maps {@link Requests} and {@link Notices} are what the typed request and notice functions are made of.
 *
 * @packageDocumentation
 */

import type { Problem as HttpProblem } from './wire/resources.js';
import type { Answers, ErrorBody, Event, Request, RoomObject } from './wire/signaling.js';

export type {
  Conference as ConferenceLogEntry,
  ConferenceCandidate as LoggedCandidate,
  ConferenceInvite as LoggedInvite,
  ConferenceInviteState as LoggedInviteState,
  ConferenceMedia as LoggedMedia,
  ConferenceParticipant as LoggedParticipant,
  ConferenceState as LoggedState,
  ConferenceTransfer as LoggedTransfer,
  ConferenceTransferState as LoggedTransferState,
  Contact as ContactResource,
  FieldError,
  Presence as PresenceResource,
  Problem as HttpProblem,
  PushToken as PushTokenResource,
  UsersGroup as GroupResource,
} from './wire/resources.js';
export type {
  Activity,
  AnswerFrame,
  CallerDetails,
  ConferencePush as ConferenceFinished,
  CurrentInvitation,
  Hello,
  IncomingInvite as InviteNotice,
  LeaveReason,
  Limits,
  Media,
  MediaTypes,
  NoticeFrame,
  Participant as RoomParticipant,
  Position,
  PresencePush,
  PushFrame as WapiPush,
  RefusalFrame,
  RoomObject as Room,
  WapiAnswer as WapiAnswerFrame,
  WapiMethod,
  WapiRequest as WapiRequestFrame,
} from './wire/signaling.js';

/** Milliseconds since the epoch. */
export type Milliseconds = number;

/** What an application hands along with an invitation; the server does not look into it. */
export type InviteContext = Record<string, unknown>;

/** A room as far as it is known: all of it once an answer has described it, its people alone after a page reload. */
export type KnownRoom = Pick<RoomObject, 'id' | 'participants'> & Partial<RoomObject>;

/** A refusal as the server describes it (RFC 9457); over the signaling socket without what only HTTP has. */
export type Problem = Partial<HttpProblem & ErrorBody>;

/** Name of a QSS request. */
export type RequestName = Request['request'];

/** Requests over QSS: payload and answer of each. */
export type Requests = {
  [Name in RequestName]: { payload: Extract<Request, { request: Name }>['payload']; answer: Answers[Name] };
};

/** A request frame. */
export type RequestFrame = Request & { requestID: string };

/** A notice with its name, so that a `switch` over `eventName` knows the payload. */
export type NoticeBody = Event;

/** Name of a QSS notice. */
export type NoticeName = NoticeBody['eventName'];

/** Notices over QSS: payload of each. */
export type Notices = { [Name in NoticeName]: Extract<NoticeBody, { eventName: Name }>['payload'] };
