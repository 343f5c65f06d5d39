"""Everything that a call can fail with, as one tree; each class stands for a canonical gRPC code.

::

    TocsinError
    ├── Cancelled               the call was cancelled
    ├── Unknown                 something between client and server failed without saying how
    ├── InvalidArgument         can never succeed as it is; ``violations`` names every bad field
    ├── DeadlineExceeded        no answer in time; whether the call took effect is open   (a TimeoutError)
    ├── NotFound                no such notification or contact
    ├── AlreadyExists           the idempotency key was used with other content
    ├── PermissionDenied        the credentials are good but do not allow this
    ├── ResourceExhausted       over a limit; ``retry_after`` says when to try again
    ├── FailedPrecondition      right in form, impossible as things stand
    ├── Aborted                 not sent by Tocsin itself
    ├── OutOfRange              not sent by Tocsin itself
    ├── Unimplemented           this server does not offer it
    ├── Internal                a fault in the server; ``metadata["incident"]`` is what to look for in its log
    ├── Unavailable             unreachable or going away; whether it took effect is open  (a ConnectionError)
    ├── DataLoss                not sent by Tocsin itself
    └── Unauthenticated         no credentials, or bad ones, or a token that has expired

``reason`` says more exactly why: the name of a value of the API's enum ``ErrorReason`` without its prefix, such
as ``"NOTIFICATION_NOT_FOUND"``, and ``metadata`` has the facts that the reason documents. ``reason`` is empty
when the error did not come from a Tocsin server but from gRPC, a proxy, or the caller's own deadline. Programs
should go by class, ``reason`` and ``metadata``: the message is for people and may change.

Wrong arguments that never leave the client (an unknown channel's word, a time without zone) are ValueErrors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Violation(NamedTuple):
    """One bad field of a request: its path, and what would be right."""

    field: str
    description: str


class TocsinError(Exception):
    """Base of all errors of a call.

    Attributes:
        code: Name of the canonical gRPC code, such as ``"NOT_FOUND"``.
        reason: Why, more exactly; empty if no Tocsin server said so.
        message: A sentence for people.
        metadata: What the reason documents, as strings.
        violations: Every bad field, for `InvalidArgument`.
        retry_after: Seconds to wait at least before trying again; None if the server named none.
    """

    code: str = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after

    def __str__(self) -> str:
        label = f"{self.code} ({self.reason})" if self.reason and self.reason != self.code else self.code
        return f"{label}: {self.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, reason={self.reason!r}, metadata={self.metadata!r})"


class Cancelled(TocsinError):
    """The call was cancelled."""

    code = "CANCELLED"


class Unknown(TocsinError):
    """Something between client and server failed without saying how."""

    code = "UNKNOWN"


class InvalidArgument(TocsinError):
    """The request can never succeed as it is; ``violations`` names every bad field."""

    code = "INVALID_ARGUMENT"


class DeadlineExceeded(TocsinError, TimeoutError):
    """No answer in time. Whether the call took effect is open; repeat a send with the same idempotency key."""

    code = "DEADLINE_EXCEEDED"


class NotFound(TocsinError):
    """There is no such notification or contact."""

    code = "NOT_FOUND"


class AlreadyExists(TocsinError):
    """The idempotency key was used before, with other content."""

    code = "ALREADY_EXISTS"


class PermissionDenied(TocsinError):
    """The credentials are good but do not allow this."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(TocsinError):
    """Over a limit: of calls, streams, the queue, or a subscriber's buffer."""

    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(TocsinError):
    """Right in form, but impossible as things stand."""

    code = "FAILED_PRECONDITION"


class Aborted(TocsinError):
    """Aborted by something between client and server."""

    code = "ABORTED"


class OutOfRange(TocsinError):
    """Out of range, according to something between client and server."""

    code = "OUT_OF_RANGE"


class Unimplemented(TocsinError):
    """This server does not offer the call."""

    code = "UNIMPLEMENTED"


class Internal(TocsinError):
    """A fault in the server, or a connection that broke in an unusual way (then ``reason`` is empty)."""

    code = "INTERNAL"


class Unavailable(TocsinError, ConnectionError):
    """The server cannot be reached, has lost its database, or is going away."""

    code = "UNAVAILABLE"


class DataLoss(TocsinError):
    """Data were lost, according to something between client and server."""

    code = "DATA_LOSS"


class Unauthenticated(TocsinError):
    """No credentials, or ones that the server does not accept, or a token that has expired."""

    code = "UNAUTHENTICATED"


_BY_CODE = {error.code: error for error in TocsinError.__subclasses__()}


def error_class(code: str) -> type[TocsinError]:
    """Return the class for a canonical code's name; `Unknown` for a code that does not exist."""
    return _BY_CODE.get(code, Unknown)
