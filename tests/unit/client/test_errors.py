"""Errors: what a server attaches becomes one tree of exceptions."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

import tocsin_client
from helpers.scripted_server import Refusal
from tocsin_client import TocsinError, Violation, convert, errors

CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_canonical_code_has_a_class_of_its_own(code: grpc.StatusCode) -> None:
    error = convert.error_from_bytes(code.value[0], "sorry", None)
    assert error.code == code.name
    assert type(error).__name__.lower() == code.name.replace("_", "").lower()
    assert str(error) == f"{code.name}: sorry"


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = [line.split()[1] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert drawn == [error.__name__ for error in TocsinError.__subclasses__()]
    assert len(drawn) == len(CODES)


def test_all_errors_can_be_imported_from_the_package() -> None:
    for error in TocsinError.__subclasses__():
        assert getattr(tocsin_client, error.__name__) is error


def test_an_error_carries_everything_that_the_server_attached() -> None:
    refusal = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "2 fields are wrong",
        reason="INVALID_FIELD",
        metadata={"fields": "title,message"},
        violations=[("title", "must have 1 to 255 characters"), ("message", "must not be empty")],
        retry_after=1.5,
    )
    error = convert.error_from_bytes(3, "2 fields are wrong", refusal.status().SerializeToString())
    assert isinstance(error, tocsin_client.InvalidArgument)
    assert error.reason == "INVALID_FIELD"
    assert error.metadata == {"fields": "title,message"}
    assert error.violations == (
        Violation("title", "must have 1 to 255 characters"),
        Violation("message", "must not be empty"),
    )
    assert error.retry_after == 1.5
    assert str(error) == "INVALID_ARGUMENT (INVALID_FIELD): 2 fields are wrong"


def test_details_of_somebody_elses_domain_give_no_reason() -> None:
    refusal = Refusal(grpc.StatusCode.UNAVAILABLE, reason="LIMITED", domain="proxy.example")
    error = convert.error_from(refusal.status())
    assert error.reason == ""
    assert error.metadata == {}


def test_details_that_cannot_be_read_do_not_hide_the_error() -> None:
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")
    unknown = AnyMessage(type_url="type.googleapis.com/example.Unknown", value=b"")
    status = status_pb2.Status(code=5, message="gone", details=[broken, unknown])
    for details in (status.SerializeToString(), b"\xff\xff\xff", None):
        error = convert.error_from_bytes(5, "gone", details)
        assert isinstance(error, tocsin_client.NotFound)
        assert error.message == "gone"


def test_a_code_that_does_not_exist_is_unknown() -> None:
    assert type(convert.error_from(status_pb2.Status(code=99, message="odd"))) is tocsin_client.Unknown


def test_timeouts_and_lost_connections_are_also_what_python_calls_them() -> None:
    assert issubclass(tocsin_client.DeadlineExceeded, TimeoutError)
    assert issubclass(tocsin_client.Unavailable, ConnectionError)


def test_a_reason_that_repeats_the_code_is_said_once() -> None:
    assert str(tocsin_client.Unauthenticated("who are you?", reason="UNAUTHENTICATED")) == (
        "UNAUTHENTICATED: who are you?"
    )
