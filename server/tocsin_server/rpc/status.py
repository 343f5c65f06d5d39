"""Errors of ours as gRPC statuses with details.

Every error carries `google.rpc.ErrorInfo`; validation errors also `BadRequest` with every bad field, and those that
pass by themselves `RetryInfo`. They travel as a `google.rpc.Status` in the trailer that all gRPC libraries read.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from tocsin_server.domain import errors
from tocsin_server.rpc.validation import MOST_VIOLATIONS

log = logging.getLogger(__name__)

DOMAIN = "tocsin"
DETAILS_TRAILER = "grpc-status-details-bin"

# A client reads about 8 KiB of headers; of more, gRPC's own refuse some at random, from 16 KiB on all, and the caller
# gets RESOURCE_EXHAUSTED in place of the error. Message and details (in base64) are to stay below that together.

LONGEST_TEXT = 500
"""Bytes of a status message in its header, where whatever is not printable ASCII takes three for one."""

LONGEST_VALUE = 1_000
"""Characters of a value of the metadata."""

LARGEST_STATUS = 5_200
"""Bytes of the details."""

LARGEST_REFUSALS = 3 * 1024 * 1024
"""Bytes of all refusals in the answer to a batch, which the caller must be able to take: 4 MiB by default."""

CODES: Mapping[type[errors.TocsinError], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.IdempotencyKeyReused: grpc.StatusCode.ALREADY_EXISTS,
    errors.PreconditionFailed: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.LimitExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.NotImplementedYet: grpc.StatusCode.UNIMPLEMENTED,
}
"""The code of each branch of the error tree; a class not named here has that of its nearest ancestor."""

Trailers: TypeAlias = tuple[tuple[str, bytes], ...]


def code_of(error: errors.TocsinError) -> grpc.StatusCode:
    """Return the gRPC code of an error."""
    for ancestor in type(error).__mro__:
        if ancestor in CODES:
            return CODES[ancestor]
    return grpc.StatusCode.INTERNAL


def to_status(error: errors.TocsinError, largest: int = LARGEST_STATUS) -> status_pb2.Status:
    """Describe an error of ours, in ``largest`` bytes or so: of many bad fields, as many are named as have room."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason,
        domain=DOMAIN,
        metadata={name: value[:LONGEST_VALUE] for name, value in error.metadata.items()},
    )
    message = _fitting(error.message, LONGEST_TEXT)
    details = [info]
    if isinstance(error, errors.InvalidArgument):
        room = largest - len(message.encode()) - info.ByteSize() - 3 * _ENVELOPE
        details.append(_bad_request(error.violations[:MOST_VIOLATIONS], room))
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    code: int = code_of(error).value[0]
    return status_pb2.Status(code=code, message=message, details=packed)


_ENVELOPE = 64
"""Bytes that the name of its type, and lengths, add to each of the details."""


def _bad_request(violations: Sequence[errors.Violation], room: int) -> error_details_pb2.BadRequest:
    """Name bad fields, as many as take ``room`` bytes."""
    bad_request = error_details_pb2.BadRequest()
    for field, description in violations:
        named = error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
        room -= named.ByteSize() + 4  # its tag and length
        if room < 0:
            break
        bad_request.field_violations.append(named)
    return bad_request


def _fitting(text: str, limit: int) -> str:
    """Return as much of a text as takes ``limit`` bytes when percent-encoded, as gRPC has it in its header."""
    size = 0
    for place, character in enumerate(text):
        size += 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode())
        if size > limit:
            return text[:place]
    return text


def internal(error: BaseException, method: str) -> errors.TocsinError:
    """Log an unexpected error under a number, and return what a caller may know of it: the number."""
    incident = secrets.token_hex(4)
    log.error(
        "unexpected error, incident %s",
        incident,
        exc_info=error,
        extra={"event": "internal_error", "incident": incident, "method": method},
    )
    return errors.TocsinError(f"internal error, incident {incident}", incident=incident)


def trailers(error: errors.TocsinError) -> tuple[grpc.StatusCode, str, Trailers]:
    """Return code, message and trailing metadata for an abort."""
    status = to_status(error)
    return code_of(error), status.message, ((DETAILS_TRAILER, status.SerializeToString()),)
