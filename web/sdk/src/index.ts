/**
 * Calls, conferences, presence, contacts and groups over the wac WebRTC application controller.
 *
 * Start with {@link createSession}.
 *
 * @packageDocumentation
 */

export { Conference, type InviteOptions } from './conferences/conference.js';
export {
  ConferenceInvitation,
  ConferenceInvitationRequest,
  type IncomingEndReason,
  type IncomingInvitationEvents,
  RingingInvitation,
} from './conferences/incoming.js';
export { ConferenceLog, type ConferenceLogEvents, type ConferenceLogQuery } from './conferences/log.js';
export { type Call, ConferenceManager, type ConferenceOptions } from './conferences/manager.js';
export {
  type ConferenceEndReason,
  type ConferenceEvents,
  type ConferenceStatus,
  Membership,
  type MuteChange,
} from './conferences/membership.js';
export {
  type Accepted,
  Invitation,
  InvitationRequest,
  OutgoingInvitation,
  type OutgoingInvitationEvents,
} from './conferences/outgoing.js';
export type { ConferenceManagerEvents } from './conferences/registry.js';
export type { Participant } from './conferences/roster.js';
export { IncomingTransfer, OutgoingTransfer } from './conferences/transfer.js';
export { type Contact, ContactManager } from './contacts/manager.js';
export { Emitter, type Unsubscribe, type WaitOptions } from './emitter.js';
export * from './errors.js';
export { Group } from './groups/group.js';
export { GroupManager } from './groups/manager.js';
export { ConferenceMedia, type ConferenceMediaEvents } from './media/conference.js';
export {
  type JoinMediaOptions,
  joinMedia,
  MediaConnection,
  type MediaEvents,
  type PublishOptions,
} from './media/connection.js';
export { type DeviceChoice, type MediaDevices, mediaDevices } from './media/devices.js';
export type {
  CarriedTrack,
  MediaEndReason,
  MediaLimits,
  MediaParticipant,
  MediaQuality,
  OfferedTrack,
  TrackSource,
  TrackWish,
} from './media/frames.js';
export type { LocalTrack } from './media/local.js';
export type { MediaMessage, MessageOptions, MessageRefusal } from './media/messages.js';
export { RemoteTrack } from './media/remote.js';
export type { ConferenceMediaStatus } from './media/sessions.js';
export type { MediaStats, TrackStats } from './media/stats.js';
export {
  type Presence,
  type PresenceChange,
  PresenceManager,
  type PresenceManagerEvents,
} from './presence/manager.js';
export { type PushRegistration, PushTokenManager } from './push/manager.js';
export type { CallbackLogin, Login, PasswordLogin, SessionConfig, TokenLogin } from './session/config.js';
export { createAnonymousSession, createSession, recoverSession } from './session/factories.js';
export { Raw } from './session/raw.js';
export { Session, type SessionEvents, type SessionStatus } from './session/session.js';
export { type SessionSnapshot, type SessionStorage, savedSession } from './session/snapshot.js';
export type { BackoffOptions } from './transport/backoff.js';
export type { HeartbeatOptions } from './transport/heartbeat.js';
export type { Logger, LogLevel } from './transport/logger.js';
export type { Fetch, FetchResponse, TokenSet } from './transport/oauth.js';
export type { RequestOptions } from './transport/outbox.js';
export type { Paths } from './transport/servers.js';
export type { WebSocketConstructor, WebSocketLike } from './transport/socket.js';
export type { GetToken } from './transport/tokens.js';
export type { Query } from './transport/wapi.js';
export type * as wire from './wire/signaling.js';
export type * from './wire.js';
