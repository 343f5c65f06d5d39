"""The error tree: drawn as it is, and each class as it is promised to callers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import grpc
import pytest
from tocsin.v1 import error_reason_pb2

from helpers.calls import promised, read_status
from tocsin_server.domain import errors
from tocsin_server.domain.errors import InvalidArgument, StartupError, TocsinError, Violation
from tocsin_server.rpc.status import (
    DETAILS_TRAILER,
    LONGEST_TEXT,
    code_of,
    internal,
    to_status,
    trailers,
)
from tocsin_server.rpc.validation import MOST_VIOLATIONS

ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"

SAMPLES: tuple[TocsinError, ...] = (
    errors.InvalidArgument([Violation("title", "must be given"), Violation("addresses[0].address", "must be given")]),
    errors.MalformedRequest("tocsin.v1.SendRequest"),
    errors.RequestTooLarge("tocsin.v1.GetRequest", 70_000, 65_536),
    errors.MalformedCursor("up_to_cursor", "is not a cursor"),
    errors.MalformedPageToken("is not a page token"),
    errors.BatchTooLarge(1204, 1000, "requests"),
    errors.NotificationNotFound(ID),
    errors.ContactNotFound("user", ID),
    errors.IdempotencyKeyReused("order-ABC123-shipped", ID),
    errors.ChannelNotConfigured("sms", "TOCSIN_TWILIO_ACCOUNT_SID"),
    errors.AddressUnknown("email"),
    errors.RecipientNotRegistered("guest"),
    errors.NoRoute("guest"),
    errors.PolicyDenied(["sms"], ["guests get no marketing by SMS"]),
    errors.AlreadyRouted(ID),
    errors.LeaseHeld(ID, "2026-03-01T12:00:00Z"),
    errors.LeaseExpired(ID),
    errors.AlreadySettled(ID, "sent"),
    errors.NotRetryable(ID, "email,sms"),
    errors.Expired(ID, "2026-03-01T12:00:00Z"),
    errors.Unauthenticated(),
    errors.TokenExpired("2026-03-01T12:00:00Z"),
    errors.PermissionDenied("the token has no scope for it", "tocsin.v1.NotificationService/Get"),
    errors.TooManyStreams("recipient", 32),
    errors.QueueFull(10_000),
    errors.RateLimited(500, "second", 0.25),
    errors.PolicyLimit("sms", "three SMS a day for each recipient", 3, 3_600.0),
    errors.SubscriberTooSlow("too slow", cursor="AZJvPnwaAAAAAAAAAtI"),
    errors.DatabaseUnavailable("the database does not answer now"),
    errors.DatabaseRefusal("4711"),
    errors.ShuttingDown(),
    errors.StreamAged("aged", cursor="AZJvPnwaAAAAAAAAAtI"),
    errors.NotImplementedYet("the RPC Route", "tocsin.v1.NotificationService/Route"),
    errors.TocsinError("internal error", incident="4711"),
)
"""One of each class that reaches callers, made as the server makes it."""


def _below(ancestor: type[TocsinError]) -> Iterator[type[TocsinError]]:
    for child in ancestor.__subclasses__():
        yield child
        yield from _below(child)


CLASSES = [cls for cls in _below(TocsinError) if cls.__module__ == errors.__name__]


def _drawn() -> dict[str, str]:
    """Read the drawing: each class with its parent."""
    parents: dict[str, str] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)(?:  .*)?", line)
        if match:
            depth = len(match[1]) // 4 + ("──" in line)
            branch[depth:] = [match[2]]
            if depth:
                parents[match[2]] = branch[depth - 1]
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    actual = {cls.__name__: base.__name__ for cls in CLASSES for base in cls.__bases__}
    assert _drawn() == actual


def test_every_class_that_reaches_callers_has_a_sample_here() -> None:
    reachable = {cls for cls in CLASSES if not issubclass(cls, StartupError) and "reason" in vars(cls)}
    assert {type(error) for error in SAMPLES} == reachable | {TocsinError}


def test_a_class_without_a_reason_is_a_branch_or_never_reaches_callers() -> None:
    without = {cls for cls in CLASSES if "reason" not in vars(cls) and not issubclass(cls, StartupError)}
    assert all(cls.__subclasses__() for cls in without)
    assert not [cls for cls in CLASSES if issubclass(cls, StartupError) and "reason" in vars(cls)]


def test_no_two_classes_share_a_reason_but_faults_of_ours() -> None:
    reasons = [error.reason for error in SAMPLES if error.reason != TocsinError.reason]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_is_as_its_document_promises(error: TocsinError) -> None:
    assert f"ERROR_REASON_{error.reason}" in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118 - not a dict
    promise = promised()[error.reason]
    assert code_of(error) is promise.code
    assert set(error.metadata) == promise.keys
    assert all(isinstance(value, str) for value in error.metadata.values())
    assert (error.retry_after is not None) == promise.retry_info
    assert error.message == str(error) != ""
    refusal = read_status(to_status(error))
    assert (refusal.reason, refusal.message, refusal.metadata) == (error.reason, error.message, error.metadata)
    assert refusal.retry_after == error.retry_after


def test_an_error_travels_in_the_trailer_that_all_libraries_read() -> None:
    code, message, [(name, raw)] = trailers(SAMPLES[0])
    assert (code, message) == (grpc.StatusCode.INVALID_ARGUMENT, SAMPLES[0].message)
    assert name == DETAILS_TRAILER == "grpc-status-details-bin"
    assert raw == to_status(SAMPLES[0]).SerializeToString()


def test_every_bad_field_is_named_at_once() -> None:
    refusal = read_status(to_status(SAMPLES[0]))
    assert refusal.violations == {"title": "must be given", "addresses[0].address": "must be given"}
    assert refusal.metadata == {"fields": "title,addresses[0].address"}


def test_a_thousand_bad_fields_do_not_burst_the_trailer() -> None:
    error = InvalidArgument([Violation(f"requests[{number}].title", "x" * 40) for number in range(1000)])
    status = to_status(error)
    assert len(error.violations) == 1000
    assert len(read_status(status).violations) == MOST_VIOLATIONS
    assert len(status.message) == LONGEST_TEXT
    assert len(status.SerializeToString()) < 8 * 1024


def test_a_class_without_a_code_of_its_own_has_that_of_its_branch() -> None:
    class Special(errors.AddressUnknown):
        pass

    assert code_of(Special("email")) is grpc.StatusCode.FAILED_PRECONDITION
    assert code_of(StartupError("never seen")) is grpc.StatusCode.INTERNAL


def test_of_an_unexpected_error_callers_learn_a_number_and_the_log_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = internal(ValueError("password=hunter2"), "tocsin.v1.NotificationService.Send")
    incident = error.metadata["incident"]
    assert "hunter2" not in str(to_status(error))
    assert incident in error.message
    [record] = caplog.records
    assert incident in record.getMessage()
    assert "hunter2" in caplog.text
    assert internal(ValueError(), "x").metadata["incident"] != incident
