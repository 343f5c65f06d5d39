/**
 * What a failed call rejects with.
 *
 * Every error of a call is a {@link TocsinError}. Below it is a class for each gRPC code, and below these one for each
 * reason that the API documents (`ErrorReason`), so that `instanceof` is as exact as a program needs it:
 * `NotFoundError`, or `NotificationNotFoundError`. A reason that is newer than this client gives the class of its code,
 * with all that the server said. Programs should go by class, `reason` and `metadata`: the message is for people and
 * may change.
 *
 * Wrong arguments that never leave the client are TypeErrors and RangeErrors, and a call that its own `AbortSignal` ends
 * rejects with the signal's reason.
 */

/** Names of gRPC's codes, by their numbers. */
export const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Name of a gRPC code, such as `"NOT_FOUND"`. */
export type Code = Exclude<(typeof CODES)[number], "OK">;

/** One bad field of a request: its path, and what would be right. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** What an error carries beside its message; all of it may be absent when no Tocsin server said it. */
export interface ErrorFacts {
  readonly reason?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly violations?: readonly Violation[] | undefined;
  readonly retryDelayMs?: number | undefined;
  readonly cause?: unknown;
}

/** Base of all errors of a call. */
export class TocsinError extends Error {
  /** The gRPC code. */
  readonly code: Code;
  /** Why, more exactly, such as `"NOTIFICATION_NOT_FOUND"`; empty if no Tocsin server said so. */
  readonly reason: string;
  /** What the reason documents. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every bad field. */
  readonly violations: readonly Violation[];
  /** How long to wait at least before trying again, in milliseconds, if the server said so. */
  readonly retryDelayMs: number | undefined;
  /** The server's sentence for people, without code and reason. */
  readonly details: string;

  constructor(code: Code, details: string, facts: ErrorFacts = {}) {
    const reason = facts.reason ?? "";
    const label = reason && reason !== code ? `${code} (${reason})` : code;
    super(`${label}: ${details}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.reason = reason;
    this.metadata = facts.metadata ?? {};
    this.violations = facts.violations ?? [];
    this.retryDelayMs = facts.retryDelayMs;
    this.details = details;
  }
}

/** The call was cancelled, by something between client and server or by a server that stops. */
export class CancelledError extends TocsinError {}

/** Something between client and server failed without saying how. */
export class UnknownError extends TocsinError {}

/** The request can never succeed as it is. */
export class InvalidArgumentError extends TocsinError {}

/** No answer in time. Whether the call took effect is open; repeat a send with the same key. */
export class DeadlineExceededError extends TocsinError {}

/** There is no such notification or contact. */
export class NotFoundError extends TocsinError {}

/** The idempotency key was used before, with other content. */
export class AlreadyExistsError extends TocsinError {}

/** The credentials are good but do not allow this. */
export class PermissionDeniedError extends TocsinError {}

/** Over a limit: of calls, streams, the queue, or a subscriber's buffer. */
export class ResourceExhaustedError extends TocsinError {}

/** Right in form, but impossible as things stand. */
export class FailedPreconditionError extends TocsinError {}

/** Aborted by something between client and server. */
export class AbortedError extends TocsinError {}

/** Out of range, according to something between client and server. */
export class OutOfRangeError extends TocsinError {}

/** This server does not offer the call. */
export class UnimplementedError extends TocsinError {}

/** A fault in the server, or a connection that broke in an unusual way (then `reason` is empty). */
export class InternalError extends TocsinError {}

/** The server cannot be reached, has lost its database, or is going away; whether it took effect is open. */
export class UnavailableError extends TocsinError {}

/** Data were lost, according to something between client and server. */
export class DataLossError extends TocsinError {}

/** No credentials, or ones that the server does not accept, or a token that has expired. */
export class UnauthenticatedError extends TocsinError {}

/** Fields are missing or wrong; `violations` names every one of them. */
export class InvalidFieldError extends InvalidArgumentError {}

/** Client and server disagree about the API. */
export class MalformedRequestError extends InvalidArgumentError {}

/** A cursor is not one that this server gave out: start again from `list`. */
export class MalformedCursorError extends InvalidArgumentError {}

/** A page token is not one that this server gave out: start again from the first page. */
export class MalformedPageTokenError extends InvalidArgumentError {}

/** A batch has more than 1,000 drafts or more than 2 MiB; nothing was accepted. */
export class BatchTooLargeError extends InvalidArgumentError {}

/** There is no notification with this id. */
export class NotificationNotFoundError extends NotFoundError {}

/** There is no contact for this recipient. */
export class ContactNotFoundError extends NotFoundError {}

/** The key was used before with other content, by the notification `metadata.id`. */
export class IdempotencyKeyReusedError extends AlreadyExistsError {}

/** The channel `metadata.channel` has no provider on this server. */
export class ChannelNotConfiguredError extends FailedPreconditionError {}

/** The channel `metadata.channel` has no address. */
export class AddressUnknownError extends FailedPreconditionError {}

/** Somebody without an id has no feed. */
export class RecipientNotRegisteredError extends FailedPreconditionError {}

/** No channel was named, and the routing rules found none. */
export class NoRouteError extends FailedPreconditionError {}

/** Nothing of the notification is outstanding. */
export class AlreadySettledError extends FailedPreconditionError {}

/** The notification's channels are decided already. */
export class AlreadyRoutedError extends FailedPreconditionError {}

/** A channel to be retried has not failed. */
export class NotRetryableError extends FailedPreconditionError {}

/** The notification has expired: send a new one. */
export class ExpiredError extends FailedPreconditionError {}

/** No credentials, or ones that the server does not accept. */
export class BadCredentialsError extends UnauthenticatedError {}

/** The token was valid until `metadata.expired_at`. */
export class TokenExpiredError extends UnauthenticatedError {}

/** The credentials are good but do not allow this. */
export class NotAllowedError extends PermissionDeniedError {}

/** More calls a second than the limit allows. */
export class RateLimitedError extends ResourceExhaustedError {}

/** As many streams as are allowed are open. */
export class TooManyStreamsError extends ResourceExhaustedError {}

/** More notifications wait to be stored than the server can hold; nothing was accepted. */
export class QueueFullError extends ResourceExhaustedError {}

/** A stream was read more slowly than events came. */
export class SubscriberTooSlowError extends ResourceExhaustedError {}

/** The database cannot be reached; whether the call took effect is open. */
export class DatabaseUnavailableError extends UnavailableError {}

/** This server is going away; repeating reaches another one, or the next. */
export class ShuttingDownError extends UnavailableError {}

/** A stream has reached its age and ends as planned. */
export class StreamAgedError extends UnavailableError {}

/** The RPC is part of the API, but this server does not offer it. */
export class NotImplementedError extends UnimplementedError {}

/** A fault in the server; `metadata.incident` is what to look for in its log. */
export class ServerFaultError extends InternalError {}

/** The request is larger than any of its RPC can be. */
export class RequestTooLargeError extends InvalidArgumentError {}

/** Policies of the server forbid the channels `metadata.channels`. */
export class PolicyDeniedError extends FailedPreconditionError {}

/** A policy's limit is reached; `retryDelayMs` says for how long. */
export class PolicyLimitError extends ResourceExhaustedError {}

/** Another caller holds the notification until `metadata.lease_until`. */
export class LeaseHeldError extends FailedPreconditionError {}

/** The lease has ended, and the notification is undecided. */
export class LeaseExpiredError extends FailedPreconditionError {}

type ErrorClass = new (code: Code, details: string, facts?: ErrorFacts) => TocsinError;

const BY_CODE: Readonly<Record<Code, ErrorClass>> = {
  CANCELLED: CancelledError,
  UNKNOWN: UnknownError,
  INVALID_ARGUMENT: InvalidArgumentError,
  DEADLINE_EXCEEDED: DeadlineExceededError,
  NOT_FOUND: NotFoundError,
  ALREADY_EXISTS: AlreadyExistsError,
  PERMISSION_DENIED: PermissionDeniedError,
  RESOURCE_EXHAUSTED: ResourceExhaustedError,
  FAILED_PRECONDITION: FailedPreconditionError,
  ABORTED: AbortedError,
  OUT_OF_RANGE: OutOfRangeError,
  UNIMPLEMENTED: UnimplementedError,
  INTERNAL: InternalError,
  UNAVAILABLE: UnavailableError,
  DATA_LOSS: DataLossError,
  UNAUTHENTICATED: UnauthenticatedError,
};

/** @internal The class of each reason. */
export const BY_REASON: Readonly<Record<string, ErrorClass>> = {
  INVALID_FIELD: InvalidFieldError,
  MALFORMED_REQUEST: MalformedRequestError,
  MALFORMED_CURSOR: MalformedCursorError,
  MALFORMED_PAGE_TOKEN: MalformedPageTokenError,
  BATCH_TOO_LARGE: BatchTooLargeError,
  NOTIFICATION_NOT_FOUND: NotificationNotFoundError,
  CONTACT_NOT_FOUND: ContactNotFoundError,
  IDEMPOTENCY_KEY_REUSED: IdempotencyKeyReusedError,
  CHANNEL_NOT_CONFIGURED: ChannelNotConfiguredError,
  ADDRESS_UNKNOWN: AddressUnknownError,
  RECIPIENT_NOT_REGISTERED: RecipientNotRegisteredError,
  NO_ROUTE: NoRouteError,
  ALREADY_SETTLED: AlreadySettledError,
  ALREADY_ROUTED: AlreadyRoutedError,
  NOT_RETRYABLE: NotRetryableError,
  EXPIRED: ExpiredError,
  UNAUTHENTICATED: BadCredentialsError,
  TOKEN_EXPIRED: TokenExpiredError,
  PERMISSION_DENIED: NotAllowedError,
  RATE_LIMITED: RateLimitedError,
  TOO_MANY_STREAMS: TooManyStreamsError,
  QUEUE_FULL: QueueFullError,
  SUBSCRIBER_TOO_SLOW: SubscriberTooSlowError,
  DATABASE_UNAVAILABLE: DatabaseUnavailableError,
  SHUTTING_DOWN: ShuttingDownError,
  STREAM_AGED: StreamAgedError,
  NOT_IMPLEMENTED: NotImplementedError,
  INTERNAL: ServerFaultError,
  REQUEST_TOO_LARGE: RequestTooLargeError,
  POLICY_DENIED: PolicyDeniedError,
  POLICY_LIMIT: PolicyLimitError,
  LEASE_HELD: LeaseHeldError,
  LEASE_EXPIRED: LeaseExpiredError,
};

/** @internal Makes the error of the class that its reason has, or else its code. */
export function errorOf(codeNumber: number, details: string, facts: ErrorFacts = {}): TocsinError {
  const name = CODES[codeNumber];
  const code: Code = name === undefined || name === "OK" ? "UNKNOWN" : name;
  const ofReason = facts.reason && Object.hasOwn(BY_REASON, facts.reason) ? BY_REASON[facts.reason] : undefined;
  const Class = ofReason && ofReason.prototype instanceof BY_CODE[code] ? ofReason : BY_CODE[code];
  return new Class(code, details, facts);
}

/** What happens to calls of a client, or drafts of a sender, that is closed. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
}
