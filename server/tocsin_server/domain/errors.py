"""Everything that Tocsin refuses or fails at, as one tree.

::

    TocsinError
    ├── InvalidArgument              the request can never succeed as it is
    │   ├── MalformedRequest         bytes that are not the message they should be
    │   ├── RequestTooLarge          too many bytes to be read at all
    │   ├── MalformedCursor
    │   ├── MalformedPageToken
    │   └── BatchTooLarge
    ├── NotFound
    │   ├── NotificationNotFound
    │   └── ContactNotFound
    ├── IdempotencyKeyReused         the key was used with other content
    ├── PreconditionFailed           right in form, impossible as things stand
    │   ├── ChannelNotConfigured
    │   ├── AddressUnknown
    │   ├── RecipientNotRegistered
    │   ├── NoRoute
    │   ├── PolicyDenied
    │   ├── AlreadyRouted
    │   ├── LeaseHeld
    │   ├── LeaseExpired
    │   ├── AlreadySettled
    │   ├── NotRetryable
    │   └── Expired
    ├── Unauthenticated              no or unknown credentials
    │   └── TokenExpired
    ├── PermissionDenied             good credentials that do not allow this
    ├── LimitExceeded                try again later, or ask for less
    │   ├── TooManyStreams
    │   ├── QueueFull
    │   ├── RateLimited
    │   ├── PolicyLimit
    │   └── SubscriberTooSlow
    ├── Unavailable                  try again, with the same idempotency key
    │   ├── DatabaseUnavailable
    │   ├── ShuttingDown
    │   └── StreamAged
    ├── DatabaseRefusal              the database will never take this
    ├── NotImplementedYet
    └── StartupError                 one line on stderr and exit status 1; never reaches a caller
        ├── PartEnded
        ├── ConfigurationError
        ├── ListenError
        ├── DatabaseInUse
        ├── DatabaseUnusable
        ├── DatabaseNewer
        └── MigrationsPending

Each class that reaches a caller has a ``reason``, the name of a value of the protobuf enum ``ErrorReason``
without its prefix, and ``metadata``, the facts that its message mentions. `rpc.status` gives each a gRPC code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple


class Violation(NamedTuple):
    """One bad field of a request: its path in the request, and what would be right."""

    field: str
    description: str


class TocsinError(Exception):
    """Base of all errors of ours.

    ``retry_after`` is the number of seconds after which to try again, where that makes sense. ``policies`` are the
    names of those that are the cause, one for each channel.
    """

    reason: ClassVar[str] = "INTERNAL"
    retry_after: float | None = None
    policies: Sequence[str] = ()

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = metadata


class InvalidArgument(TocsinError):
    """One or more fields are wrong; names every one of them."""

    reason = "INVALID_FIELD"

    def __init__(self, violations: Sequence[Violation], **metadata: str) -> None:
        metadata = metadata or {"fields": ",".join(violation.field for violation in violations)}
        super().__init__("; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations))
        self.metadata = metadata
        self.violations = tuple(violations)


class MalformedRequest(InvalidArgument):
    """The request's bytes are not the protobuf message they should be."""

    reason = "MALFORMED_REQUEST"

    def __init__(self, message_type: str) -> None:
        text = f"the bytes are not a {message_type} (or a text in it is not UTF-8)"
        super().__init__([Violation("", text)], type=message_type)


class RequestTooLarge(InvalidArgument):
    """The request has more bytes than any of its RPC can have; it was not read."""

    reason = "REQUEST_TOO_LARGE"

    def __init__(self, message_type: str, actual: int, limit: int) -> None:
        text = f"a {message_type} must be at most {limit} bytes, is {actual}"
        super().__init__([Violation("", text)], type=message_type, actual=str(actual), limit=str(limit))


class MalformedCursor(InvalidArgument):
    """A feed cursor that this server never gave."""

    reason = "MALFORMED_CURSOR"

    def __init__(self, field: str, description: str) -> None:
        super().__init__([Violation(field, description)], field=field)


class MalformedPageToken(InvalidArgument):
    """A page token that this server never gave, or one of another list."""

    reason = "MALFORMED_PAGE_TOKEN"

    def __init__(self, description: str) -> None:
        super().__init__([Violation("page_token", description)], field="page_token")


class BatchTooLarge(InvalidArgument):
    """A batch over its limit of requests or bytes."""

    reason = "BATCH_TOO_LARGE"

    def __init__(self, actual: int, limit: int, unit: str) -> None:
        violation = Violation("requests", f"must be at most {limit} {unit}, is {actual}; split the batch")
        super().__init__([violation], actual=str(actual), limit=str(limit), unit=unit)


class NotFound(TocsinError):
    """What the request names does not exist."""


class NotificationNotFound(NotFound):
    """No notification has this id."""

    reason = "NOTIFICATION_NOT_FOUND"

    def __init__(self, notification_id: str) -> None:
        super().__init__(f"no notification has the id {notification_id}", id=notification_id)


class ContactNotFound(NotFound):
    """The recipient has no contact."""

    reason = "CONTACT_NOT_FOUND"

    def __init__(self, recipient_type: str, recipient_id: str) -> None:
        super().__init__(
            f"the {recipient_type} {recipient_id} has no contact",
            recipient_type=recipient_type,
            recipient_id=recipient_id,
        )


class IdempotencyKeyReused(TocsinError):
    """The idempotency key belongs to an earlier notification with other content."""

    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self, key: str, notification_id: str) -> None:
        super().__init__(
            f"idempotency key {key!r} was used before with different content, for notification {notification_id}",
            idempotency_key=key,
            id=notification_id,
        )


class PreconditionFailed(TocsinError):
    """Right in form, but impossible in the present state of the system."""


class ChannelNotConfigured(PreconditionFailed):
    """No provider is configured for the channel."""

    reason = "CHANNEL_NOT_CONFIGURED"

    def __init__(self, channel: str, setting: str) -> None:
        super().__init__(f"channel {channel} is not configured: set {setting} on the server", channel=channel)


class AddressUnknown(PreconditionFailed):
    """The request gives no address for the channel and none is stored."""

    reason = "ADDRESS_UNKNOWN"

    def __init__(self, channel: str, *, chosen: bool = False) -> None:
        what = (
            f"the {channel} address is none that is known for the recipient: leave it out to use that"
            if chosen
            else f"no {channel} address is known for the recipient: give it in channels or in addresses"
        )
        super().__init__(what, channel=channel)


class RecipientNotRegistered(PreconditionFailed):
    """A feed needs a recipient with an id."""

    reason = "RECIPIENT_NOT_REGISTERED"

    def __init__(self, recipient_type: str) -> None:
        super().__init__(
            "the websocket channel needs a registered recipient: give recipient.id",
            channel="websocket",
            recipient_type=recipient_type,
        )


class NoRoute(PreconditionFailed):
    """No channel was named and none that a rule chooses is possible; ``left_out`` is what it chose, and why not."""

    reason = "NO_ROUTE"

    def __init__(self, recipient_type: str, rule: str = "built-in", left_out: Sequence[str] = ()) -> None:
        why = (
            f"of what the rule {rule!r} chooses nothing is left ({'; '.join(left_out)})"
            if left_out
            else "the recipient is not registered and has no address for a configured channel"
        )
        super().__init__(f"no channel is named and none is possible: {why}", recipient_type=recipient_type)


class PolicyDenied(PreconditionFailed):
    """A policy forbids a channel that was named."""

    reason = "POLICY_DENIED"

    def __init__(self, channels: Sequence[str], policies: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(channels)}: denied by policy {', '.join(repr(policy) for policy in policies)}",
            channels=",".join(channels),
            policies=",".join(policies),
        )
        self.policies = policies


class AlreadyRouted(PreconditionFailed):
    """The channels are decided already."""

    reason = "ALREADY_ROUTED"

    def __init__(self, notification_id: str) -> None:
        super().__init__(f"the channels of notification {notification_id} are decided already", id=notification_id)


class LeaseHeld(PreconditionFailed):
    """Another decider holds the notification."""

    reason = "LEASE_HELD"

    def __init__(self, notification_id: str, lease_until: str) -> None:
        super().__init__(
            f"notification {notification_id} is leased until {lease_until}: only its lease_token decides it before",
            id=notification_id,
            lease_until=lease_until,
        )


class LeaseExpired(PreconditionFailed):
    """The lease under which it was to be decided has ended."""

    reason = "LEASE_EXPIRED"

    def __init__(self, notification_id: str) -> None:
        super().__init__(
            f"the lease of notification {notification_id} has ended: take it anew with LeaseUndecided",
            id=notification_id,
        )


class AlreadySettled(PreconditionFailed):
    """Nothing is left to cancel."""

    reason = "ALREADY_SETTLED"

    def __init__(self, notification_id: str, status: str) -> None:
        super().__init__(
            f"nothing of notification {notification_id} is pending any more, it is {status}",
            id=notification_id,
            status=status,
        )


class NotRetryable(PreconditionFailed):
    """None of the channels asked for has failed."""

    reason = "NOT_RETRYABLE"

    def __init__(self, notification_id: str, channels: str) -> None:
        super().__init__(
            f"cannot retry {channels or 'anything'}: of notification {notification_id}, only what has failed can be",
            id=notification_id,
            channels=channels,
        )


class Expired(PreconditionFailed):
    """The notification's time is over."""

    reason = "EXPIRED"

    def __init__(self, notification_id: str, expires_at: str) -> None:
        super().__init__(
            f"notification {notification_id} expired at {expires_at}",
            id=notification_id,
            expires_at=expires_at,
        )


class Unauthenticated(TocsinError):
    """No credentials, or none that this server accepts; it does not say which."""

    reason = "UNAUTHENTICATED"

    def __init__(self, message: str = "credentials are missing or not accepted", **metadata: str) -> None:
        super().__init__(message, **metadata)


class TokenExpired(Unauthenticated):
    """A recipient token that was good; a stream that it opened ends with it."""

    reason = "TOKEN_EXPIRED"

    def __init__(self, expired_at: str) -> None:
        super().__init__(f"the token expired at {expired_at}", expired_at=expired_at)


class PermissionDenied(TocsinError):
    """Good credentials that do not allow this."""

    reason = "PERMISSION_DENIED"

    def __init__(self, message: str, method: str) -> None:
        super().__init__(message, method=method)


class LimitExceeded(TocsinError):
    """A limit was reached; later, or with less, it will work."""

    retry_after = 1.0


class TooManyStreams(LimitExceeded):
    """As many live streams as are allowed are open."""

    reason = "TOO_MANY_STREAMS"

    def __init__(self, scope: str, limit: int) -> None:
        super().__init__(f"the {scope} has {limit} streams, as many as are allowed", scope=scope, limit=str(limit))


class QueueFull(LimitExceeded):
    """More writes are waiting than the server takes on."""

    reason = "QUEUE_FULL"

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} writes are waiting", limit=str(limit))


class RateLimited(LimitExceeded):
    """The caller sends more than its rate; ``retry_after`` is when it may go on."""

    reason = "RATE_LIMITED"

    def __init__(self, limit: int, unit: str, retry_after: float) -> None:
        unit = f"requests per {unit}"
        super().__init__(f"these credentials may send {limit} {unit}", limit=str(limit), unit=unit)
        self.retry_after = retry_after


class PolicyLimit(LimitExceeded):
    """A policy's limit is reached; ``retry_after`` is when its window ends."""

    reason = "POLICY_LIMIT"

    def __init__(self, channel: str, policy: str, limit: int, retry_after: float) -> None:
        super().__init__(
            f"{channel}: the limit of policy {policy!r}, {limit}, is reached",
            channel=channel,
            policy=policy,
            limit=str(limit),
        )
        self.retry_after = retry_after
        self.policies = (policy,)


class SubscriberTooSlow(LimitExceeded):
    """The subscriber does not read as fast as its feed changes; it resumes with its cursor."""

    reason = "SUBSCRIBER_TOO_SLOW"


class Unavailable(TocsinError):
    """The server cannot answer now; the caller cannot know whether a write took place."""

    retry_after = 1.0


class DatabaseUnavailable(Unavailable):
    """The database does not take the statement now."""

    reason = "DATABASE_UNAVAILABLE"


class DatabaseRefusal(TocsinError):
    """The database refuses a value: a fault of ours, since whatever may come from outside is checked before.

    It is about one thing that was to be written, and would come again. ``incident`` finds it in the log.
    """

    reason = "INTERNAL"

    def __init__(self, incident: str) -> None:
        super().__init__(f"the database refuses a value, incident {incident}", incident=incident)


class ShuttingDown(Unavailable):
    """The server is about to stop."""

    reason = "SHUTTING_DOWN"

    def __init__(self) -> None:
        super().__init__("the server is shutting down", cursor="")


class StreamAged(Unavailable):
    """A stream reached its maximum age; the subscriber resumes with its cursor."""

    reason = "STREAM_AGED"
    retry_after = 0.1


class NotImplementedYet(TocsinError):
    """Part of the contract that this version does not offer."""

    reason = "NOT_IMPLEMENTED"

    def __init__(self, what: str, method: str) -> None:
        super().__init__(f"{what} is not offered by this server", method=method)


class StartupError(TocsinError):
    """The process cannot start, or cannot go on; its message is for the operator."""


class PartEnded(StartupError):
    """Something that runs as long as the process does has ended."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} ended unexpectedly, and the process with it; the log says why")


class ConfigurationError(StartupError):
    """A setting is missing or wrong; the message names it."""


class ListenError(StartupError):
    """An address cannot be listened on."""


class DatabaseInUse(StartupError):
    """Another process serves the database, which may not be so for this."""


class DatabaseUnusable(StartupError):
    """The database cannot be opened, read or written."""


class DatabaseNewer(StartupError):
    """The database was migrated by a newer version of Tocsin."""


class MigrationsPending(StartupError):
    """The schema is older than this version needs."""
