import type { Problem } from './wire.js';

/** What an error is made of, beside its message. */
export interface ErrorDetails {
  /** Stable word for programs. */
  code?: string;
  /** Call code or HTTP status, where a server said one. */
  status?: number;
  /** The server's own description. */
  problem?: Problem;
  /** Whether the same call may succeed when it is made again unchanged. */
  retryable?: boolean;
  /** How long to wait before that, in milliseconds. */
  retryAfterMs?: number;
  cause?: unknown;
}

/**
 * Every error of the SDK.
 *
 * @example
 * ```ts
 * try {
 *   await invitation.outcome();
 * } catch (error) {
 *   if (error instanceof BusyError) show('Busy');
 *   else if (error instanceof WacError) show(`${error.code}: ${error.message}`);
 *   else throw error;
 * }
 * ```
 */
export class WacError extends Error {
  /** Stable word for programs: the server's `code`, or the SDK's own. */
  readonly code: string;
  /** Call code (486, 603 …) or HTTP status, where a server said one. */
  readonly status: number | undefined;
  /** The server's own description (RFC 9457), where there is one. */
  readonly problem: Problem | undefined;
  /** Whether the same call may succeed when it is made again unchanged. */
  readonly retryable: boolean;
  /** How long the server asks to wait before that, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code ?? details.problem?.code ?? 'error';
    this.status = details.status;
    this.problem = details.problem;
    this.retryable = details.retryable ?? details.problem?.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The server understood and refused. The subclasses say why. */
export class RefusedError extends WacError {}

/** 400, 413, 415, 422: the request itself is wrong. */
export class InvalidRequestError extends RefusedError {}

/** 401: no token, or one that does not work. */
export class UnauthorizedError extends RefusedError {}

/** 403: not allowed. */
export class ForbiddenError extends RefusedError {}

/** 403 `participants_limit`: the room is full. An invitation stays open. */
export class RoomFullError extends ForbiddenError {}

/** 404: unknown, or known and without a device. */
export class NotFoundError extends RefusedError {}

/** 409: contradicts the present state. */
export class ConflictError extends RefusedError {}

/** 409 `ALREADY_JOINED`: this device is in the room already. */
export class AlreadyJoinedError extends ConflictError {}

/** 429: too many requests. */
export class RateLimitedError extends RefusedError {}

/** 500 and above: the server could not. */
export class ServerError extends RefusedError {}

/** An invitation ended without being accepted. The subclasses say how. */
export class InvitationError extends RefusedError {}

/** 408: nobody answered in time. */
export class NoAnswerError extends InvitationError {}

/** 480: temporarily unavailable, the last device is gone, or nobody of a group or pool is left. */
export class UnavailableError extends InvitationError {}

/** 486: busy. */
export class BusyError extends InvitationError {}

/** 487: cancelled. */
export class CancelledError extends InvitationError {}

/** 603: declined. */
export class DeclinedError extends InvitationError {}

/** The token endpoint refused: wrong name or password, a used-up refresh token, a grant that is not offered. `code` is that of RFC 6749. */
export class LoginError extends WacError {}

/** The server did not answer a request in time, though it may have carried it out. */
export class TimeoutError extends WacError {}

/** The connection was lost and did not come back in time; the outcome is unknown. */
export class ConnectionLostError extends WacError {}

/** The session has ended: logged out, expired, revoked. `code` is the reason. */
export class SessionEndedError extends WacError {}

/** A frame that the protocol does not know, from either side. */
export class ProtocolError extends WacError {}

type RefusalClass = new (message: string, details: ErrorDetails) => RefusedError;

const BY_STATUS: Readonly<Record<number, RefusalClass>> = {
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  408: NoAnswerError,
  409: ConflictError,
  429: RateLimitedError,
  480: UnavailableError,
  486: BusyError,
  487: CancelledError,
  603: DeclinedError,
};

const BY_CODE: Readonly<Record<string, RefusalClass>> = {
  already_joined: AlreadyJoinedError,
  participants_limit: RoomFullError,
};

const TITLES: Readonly<Record<number, string>> = {
  404: 'Not found, or without a device',
  408: 'Nobody answered in time',
  480: 'Temporarily unavailable',
  486: 'Busy',
  487: 'Cancelled',
  603: 'Declined',
};

function classOf(status: number, code: string | undefined): RefusalClass {
  const named = code === undefined ? undefined : BY_CODE[code.toLowerCase()];
  if (named) return named;
  const known = BY_STATUS[status];
  if (known) return known;
  if (status >= 500 && status < 600) return ServerError;
  return InvalidRequestError;
}

/**
 * The error for a refusal.
 *
 * @param status - Call code or HTTP status.
 * @param problem - The server's description.
 * @param what - What was refused, for the message: a request's or a resource's name.
 *
 * @example
 * ```ts
 * refusal(486, undefined, 'invite') instanceof BusyError; // true
 * ```
 */
export function refusal(status: number, problem?: Problem, what?: string): RefusedError {
  const said = problem?.detail ?? problem?.title ?? TITLES[status] ?? `Refused with ${status}`;
  const Refusal = classOf(status, problem?.code);
  const details: ErrorDetails = { status, code: problem?.code ?? String(status) };
  if (problem) details.problem = problem;
  if (status === 429 || status === 503) details.retryable = problem?.retryable ?? true;
  return new Refusal(what === undefined ? said : `${what}: ${said}`, details);
}

/** The media of a room cannot be had, or not any more. */
export class MediaError extends WacError {}
