"""What people type at the client commands, and the sentence they get when it is wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin_client import ChannelTarget, ChannelType, Recipient, RecipientType
from tocsin_server.cli import arguments
from tocsin_server.cli.arguments import UsageError

NOW = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
USER_ID = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"


def test_recipients_are_read_with_and_without_an_id() -> None:
    assert arguments.recipient(f"user:{USER_ID}") == Recipient(RecipientType.USER, USER_ID)
    assert arguments.recipient("other") == Recipient(RecipientType.OTHER)
    assert arguments.recipient("user:ext:a:b").external_id == "a:b"
    assert arguments.registered("user:ext:42") == arguments.registered("user:d7e85231-8203-5a52-b1c5-50054fd1feb4")


def test_who_is_not_registered_is_refused_where_somebody_has_to_be() -> None:
    with pytest.raises(UsageError, match=r"^--to: needs an id, such as user:UUID or user:ext:ID"):
        arguments.registered("other")


def test_channels_are_read_with_and_without_an_address() -> None:
    assert arguments.channel_targets(["websocket", "email=ann@example.org", "sms="]) == [
        ChannelTarget(ChannelType.WEBSOCKET),
        ChannelTarget(ChannelType.EMAIL, "ann@example.org"),
        ChannelTarget(ChannelType.SMS),
    ]


def test_an_address_may_contain_an_equals_sign() -> None:
    assert arguments.addresses(["email=a=b@example.org"]) == {"email": "a=b@example.org"}


def test_metadata_is_merged_from_objects_and_pairs() -> None:
    given = ['{"order_id": "A1", "parts": 2}', "order_id=B2", "note=a=b", "empty="]
    assert arguments.metadata(given) == {"order_id": "B2", "parts": 2, "note": "a=b", "empty": ""}


def test_no_metadata_is_not_the_same_as_empty_metadata() -> None:
    assert arguments.metadata([]) is None
    assert arguments.metadata(["{}"]) == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("250ms", 0.25),
        ("5s", 5),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
    ],
)
def test_durations_are_seconds_or_have_units(text: str, seconds: float) -> None:
    assert arguments.duration(text, "--x") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "ahead", "at"),
    [
        ("2026-03-01T12:00:00Z", True, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", True, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01 12:00:00.25Z", False, datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("+10m", True, NOW + timedelta(minutes=10)),
        ("-10m", True, NOW - timedelta(minutes=10)),
        ("10m", True, NOW + timedelta(minutes=10)),
        ("10m", False, NOW - timedelta(minutes=10)),
        ("+10m", False, NOW + timedelta(minutes=10)),
        ("90", False, NOW - timedelta(seconds=90)),
    ],
)
def test_times_are_absolute_or_reckoned_from_now(text: str, ahead: bool, at: datetime) -> None:
    assert arguments.moment(text, "--x", NOW, ahead=ahead) == at


@pytest.mark.parametrize(
    ("read", "complaint"),
    [
        (lambda: arguments.recipient("usr:1"), "--to: 'usr' is not one of user, guest"),
        (lambda: arguments.recipient(""), "--to: '' is not one of user"),
        (lambda: arguments.channel_targets(["fax=1"]), "--channel: 'fax' is not one of websocket, email"),
        (lambda: arguments.addresses(["email"]), "--address: 'email' has no address; write it as email=ADDRESS"),
        (lambda: arguments.addresses(["sms=+1", "sms=+2"]), "--address: sms is given twice"),
        (lambda: arguments.addresses(["fax=1"]), "--address: 'fax' is not one of"),
        (lambda: arguments.metadata(["order"]), "--metadata: 'order' is neither a JSON object nor key=value"),
        (lambda: arguments.metadata(["=x"]), "--metadata: '=x' is neither"),
        (lambda: arguments.metadata(['{"a": }']), "--metadata: not JSON at character 7"),
        (lambda: arguments.metadata(['{"a": 9007199254740993}']), "--metadata: an integer beyond 2^53"),
        (lambda: arguments.metadata(['{"a": ' + "9" * 9999 + "}"]), "--metadata: an integer beyond 2^53"),
        (lambda: arguments.metadata(['{"a": 1e999}']), "--metadata: 1e999 is out of range"),
        (lambda: arguments.metadata(['{"a": NaN}']), "--metadata: NaN is not JSON"),
        (lambda: arguments.goal("seen"), "--goal: 'seen' is neither read nor sent"),
        (lambda: arguments.duration("soon", "--escalate-after"), "--escalate-after: 'soon' is not a duration such as"),
        (lambda: arguments.duration("nan", "--x"), "--x: 'nan' is not a duration"),
        (lambda: arguments.duration("inf", "--x"), "--x: 'inf' is not a duration"),
        (lambda: arguments.duration("-5", "--x"), "--x: '-5' is out of range"),
        (lambda: arguments.duration("99999999d", "--x"), "--x: '99999999d' is out of range"),
        (lambda: arguments.moment("tomorrow", "--send-at", NOW, ahead=True), "--send-at: 'tomorrow' is neither a time"),
        (lambda: arguments.moment("+soon", "--send-at", NOW, ahead=True), "--send-at: 'soon' is not a duration"),
        (
            lambda: arguments.moment("2026-03-01T12:00:00", "--since", NOW, ahead=False),
            "--since: '2026-03-01T12:00:00' has no time zone; add Z",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(read: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read()
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dash_reads_the_message_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("two\nlines\n"))
    assert arguments.text_or_stdin("-") == "two\nlines"
    assert arguments.text_or_stdin("- a list") == "- a list"
