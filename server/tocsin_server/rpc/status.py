"""Errors of ours as gRPC statuses with details.

Every error carries `google.rpc.ErrorInfo`; validation errors also `BadRequest` with every bad field, and those that
pass by themselves `RetryInfo`. They travel as a `google.rpc.Status` in the trailer that all gRPC libraries read.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import TypeAlias

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from tocsin_server import errors

log = logging.getLogger(__name__)

DOMAIN = "tocsin"
DETAILS_TRAILER = "grpc-status-details-bin"

LONGEST_TEXT = 1_000
"""Characters of a status message: it travels in a header, and a request with 1,000 bad fields would burst it."""

MOST_VIOLATIONS = 50
"""Bad fields named at most; trailers have a limit of 8 KiB with many peers."""

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


def to_status(error: errors.TocsinError) -> status_pb2.Status:
    """Describe an error of ours."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason,
        domain=DOMAIN,
        metadata={name: value[:LONGEST_TEXT] for name, value in error.metadata.items()},
    )
    details = [info]
    if isinstance(error, errors.InvalidArgument):
        named = error.violations[:MOST_VIOLATIONS]
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description) for v in named
                ]
            )
        )
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    code: int = code_of(error).value[0]
    return status_pb2.Status(code=code, message=error.message[:LONGEST_TEXT], details=packed)


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
