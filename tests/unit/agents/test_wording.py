"""Errors as sentences: each says what to do, and names what the model can name."""

from __future__ import annotations

from typing import Any

import pytest
from tocsin.v1 import error_reason_pb2

from tocsin_client import TocsinError, Violation
from tocsin_client.errors import error_class
from tocsin_server.agents.wording import argument_of, bad_arguments, sentence, too_often, unknown_argument


def error(reason: str, code: str = "FAILED_PRECONDITION", message: str = "said", **fields: Any) -> TocsinError:
    return error_class(code)(message, reason=reason, **fields)


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        (error("POLICY_DENIED", message="sms: denied by policy 'a, b'"), "sms: denied by policy 'a, b'. Policies bind"),
        (
            error("POLICY_LIMIT", metadata={"policy": "few", "channel": "sms", "limit": "3"}, retry_after=90.2),
            "91 seconds",
        ),
        (error("ADDRESS_UNKNOWN", metadata={"channel": "sms"}), "No sms address is known"),
        (error("CHANNEL_NOT_CONFIGURED", metadata={"channel": "sms"}), "no provider for sms"),
        (error("LEASE_HELD", metadata={"lease_until": "noon"}), "until noon"),
        (error("QUEUE_FULL", "RESOURCE_EXHAUSTED", retry_after=1.0), "same call again in 1 second."),
        (error("SHUTTING_DOWN", "UNAVAILABLE"), "repeating it is harmless"),
        (error("", "DEADLINE_EXCEEDED"), "It is not known whether the call took effect."),
        (error("INTERNAL", "INTERNAL", metadata={"incident": "abc"}), "naming the incident abc"),
        (error("INTERNAL", "INTERNAL"), "tell your operator."),
        (error("", "UNIMPLEMENTED"), "another version"),
        (error("SOMETHING_NEW", message="the moon is full"), "the moon is full."),
    ],
)
def test_a_sentence_says_what_is_wrong_and_what_to_do(failed: TocsinError, told: str) -> None:
    assert told in sentence(failed, "decide")


def test_every_reason_has_a_sentence() -> None:
    for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name:
        said = sentence(error(name.removeprefix("ERROR_REASON_")), "decide")
        assert said.endswith((".", "!")), name
        assert len(said) < 400


def test_violations_name_arguments() -> None:
    bad = [Violation("decider", "must be short"), Violation("channels[1].channel", "names sms a second time")]
    failed = error("INVALID_FIELD", "INVALID_ARGUMENT", violations=bad)
    assert sentence(failed, "decide") == "model: must be short. channels: names sms a second time."


@pytest.mark.parametrize(
    ("field", "argument"),
    [
        ("id", "notification_id"),
        ("lease", "lease_seconds"),
        ("strategy.escalate_after", "escalate_after_seconds"),
        ("channels[0].escalate_after", "escalate_after_seconds"),
        ("channels[0].address", "channels"),
        ("request.recipient.id", "recipient"),
        ("contact.time_zone", "time_zone"),
        ("addresses[2].address", "addresses"),
        ("page_token", "page_token"),
    ],
)
def test_a_field_of_the_api_is_an_argument_of_a_tool(field: str, argument: str) -> None:
    assert argument_of(field) == argument


def test_arguments_that_there_are_not_are_named_and_those_that_there_are() -> None:
    said = unknown_argument("decide", ["address", "x" * 99], ["notification_id", "channels"])
    assert said == (
        f"decide has no argument 'address', '{'x' * 40}', and nothing was done. Addresses are never given: the server "
        "knows them. Its arguments: notification_id, channels."
    )
    assert "Addresses" not in unknown_argument("whoami", ["name"], [])


def test_bad_arguments_are_told_without_what_was_given() -> None:
    errors: list[dict[str, Any]] = [
        {"loc": ("reason",), "type": "missing", "msg": "Field required"},
        {"loc": ("channels", 0), "type": "literal_error", "msg": "Input should be 'email'"},
    ]
    assert bad_arguments("decide", errors) == (
        "decide was not called: reason is missing; channels: input should be 'email'. Correct this and call it again."
    )


@pytest.mark.parametrize(
    ("argument", "kind", "right"),
    [
        ("channels", "list_type", 'such as ["email", "sms"]'),
        ("metadata", "dict_type", 'such as {"order_id": "ABC123"}'),
        ("hold_until", "timezone_aware", "such as 2026-03-01T08:00:00Z"),
        ("hold_until", "datetime_from_date_parsing", "such as 2026-03-01T08:00:00Z"),
        ("notification_id", "string_too_short", "copy it whole"),
    ],
)
def test_arguments_of_a_wrong_type_are_told_what_is_right(argument: str, kind: str, right: str) -> None:
    assert right in bad_arguments("decide", [{"loc": (argument,), "type": kind, "msg": "Input should be else"}])


def test_who_calls_too_often_is_told_for_how_long_to_wait() -> None:
    assert "at most 120 a minute" in too_often(120, 0.4)
    assert "Wait 1 second, then" in too_often(120, 0.4)
