"""Requests to plain values and plain values to answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import request, struct, targets
from helpers.drafts import (
    ADDRESSES,
    CHANNEL_ID,
    EMAIL,
    FAILED,
    NOON,
    NOTIFICATION_ID,
    PENDING,
    SENT,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    channel,
    notification,
    user,
)
from tocsin_server.channels.registry import address_problem
from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.domain.attempt_log import EXPIRED, attempted, given_up
from tocsin_server.domain.clock import from_isoformat, micros
from tocsin_server.domain.errors import InvalidArgument, MalformedCursor
from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    Accepted,
    ChannelDraft,
    ChannelType,
    Contact,
    Entered,
    FeedPosition,
    Goal,
    NotificationFilter,
    Recipient,
    RecipientType,
    Status,
    Strategy,
    StrategyKind,
)
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import Changed, Heartbeat, LiveItem, ReadChanged, Subscribed
from tocsin_server.rpc import convert, validation
from tocsin_server.rpc.convert.decisions import local_time
from tocsin_server.rpc.idempotency import canonical, digest

NOBODY = pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST)
SOMEBODY = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10")
DAY = 86_400


def _time(at: int, nanos: int = 0) -> timestamp_pb2.Timestamp:
    seconds, rest = divmod(at, MICROS_PER_SECOND)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=rest * 1000 + nanos)


def _fields(error: InvalidArgument) -> list[str]:
    assert error.metadata["fields"] == ",".join(violation.field for violation in error.violations)
    return [violation.field for violation in error.violations]


def _refusal(wanted: service_pb.SendRequest) -> list[str]:
    """Return the fields for which a request is refused."""
    with pytest.raises(InvalidArgument) as refused:
        convert.read_send(wanted, NOON, "", address_problem)
    return _fields(refused.value)


# -- enumerations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "enum"),
    [(RecipientType, pb.RecipientType), (ChannelType, pb.ChannelType), (Status, pb.Status)],
)
def test_the_words_of_the_model_are_the_values_of_the_api_in_order(words: Any, enum: Any) -> None:
    prefix = enum.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    names = [f"{prefix}{word.value.upper()}" for word in words]
    assert [(value.name, value.number) for value in enum.DESCRIPTOR.values[1:]] == list(
        zip(names, range(1, len(names) + 1), strict=True)
    )


def _fallback(seconds: int, nanos: int = 0) -> pb.Strategy:
    escalate_after = duration_pb2.Duration(seconds=seconds, nanos=nanos)
    return pb.Strategy(kind=pb.STRATEGY_KIND_FALLBACK, escalate_after=escalate_after)


def _step(channel: pb.ChannelType, seconds: int = 30) -> pb.ChannelTarget:
    return pb.ChannelTarget(channel=channel, escalate_after=duration_pb2.Duration(seconds=seconds))


def _deferred(route_by: timestamp_pb2.Timestamp | None = None) -> pb.Routing:
    return pb.Routing(deferred=True, route_by=route_by)


# -- Send: what is read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_zone", "shown"),
    [
        ("Asia/Kolkata", "2026-01-31T13:45:00+05:30"),
        ("", "2026-01-31T08:15:00+00:00"),
        ("Mars/Olympus_Mons", "2026-01-31T08:15:00+00:00"),  # as one that the system's list has no more
    ],
)
def test_the_time_where_a_recipient_is_has_seconds_and_an_offset_and_is_utc_where_that_is_unknown(
    time_zone: str, shown: str
) -> None:
    assert local_time(from_isoformat("2026-01-31T08:15:00.999999Z"), time_zone) == shown


def test_a_full_request_is_read_field_by_field() -> None:
    wanted = request(
        SOMEBODY,
        (pb.CHANNEL_TYPE_SMS, "+15550111"),
        pb.CHANNEL_TYPE_WEBSOCKET,
        metadata={"order_id": "ABC123"},
        addresses=[pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org")],
        idempotency_key="order-1",
        send_at=_time(NOON + 7, nanos=999),
        expires_at=_time(NOON + micros(DAY)),
    )
    read = convert.read_send(wanted, NOON, "shop", address_problem)
    assert read.recipient == Recipient(RecipientType.USER, SOMEBODY.id)
    assert (read.title, read.message, read.metadata) == (wanted.title, wanted.message, {"order_id": "ABC123"})
    assert read.named == [ChannelDraft(SMS, "+15550111"), ChannelDraft(WEBSOCKET, None)]
    assert read.addresses == {EMAIL: "ann@example.org"}
    assert (read.send_at, read.expires_at) == (NOON + 7, NOON + micros(DAY))
    assert (read.caller, read.idempotency_key) == ("shop", "order-1")


def test_what_is_absent_is_none_and_what_is_empty_is_empty() -> None:
    wanted = service_pb.SendRequest(recipient=NOBODY, title="t", message="m")
    read = convert.read_send(wanted, NOON, "", address_problem)
    assert read.recipient == Recipient(RecipientType.GUEST, None)
    assert (read.metadata, read.send_at, read.expires_at) == (None, None, None)
    assert (read.idempotency_key, read.digest) == ("", "")
    assert read.named == []
    assert convert.read_send(request(metadata={}), NOON, "", address_problem).metadata == {}


def test_what_is_given_though_it_means_nothing_more_is_taken() -> None:
    parallel = request(strategy=pb.Strategy(kind=pb.STRATEGY_KIND_PARALLEL), routing=pb.Routing())
    assert convert.read_send(parallel, NOON, "", address_problem).named


def test_the_steps_of_a_fallback_are_read_in_their_order_with_the_time_of_each() -> None:
    wanted = service_pb.SendRequest(
        recipient=SOMEBODY,
        title="t",
        message="m",
        channels=[_step(pb.CHANNEL_TYPE_WEBSOCKET, 30), *targets(pb.CHANNEL_TYPE_SMS)],
        strategy=pb.Strategy(kind=pb.STRATEGY_KIND_FALLBACK, goal=pb.STRATEGY_GOAL_SENT),
    )
    read = convert.read_send(wanted, NOON, "", address_problem)
    assert read.strategy == Strategy(StrategyKind.FALLBACK, None, Goal.SENT)
    assert read.named == [ChannelDraft(WEBSOCKET, None, 30_000_000), ChannelDraft(SMS, None)]
    wanted.strategy.escalate_after.FromTimedelta(timedelta(milliseconds=1.5))
    assert convert.read_send(wanted, NOON, "", address_problem).strategy.escalate_after == 1_500


HOUR = micros(3_600)


@pytest.mark.parametrize(
    ("route_by", "expires_at", "read"),
    [
        (None, None, NOON + HOUR),
        (None, NOON + 5, NOON + 5),
        (None, NOON + 2 * HOUR, NOON + HOUR),
        (NOON + 5, None, NOON + 5),
        (NOON + 5, NOON + 5, NOON + 5),
        (NOON - 5, None, NOON - 5),  # a repetition of an accepted request is right whenever it comes
    ],
)
def test_somebody_else_decides_within_an_hour_unless_the_sender_says_otherwise(
    route_by: int | None, expires_at: int | None, read: int
) -> None:
    wanted = service_pb.SendRequest(
        recipient=SOMEBODY,
        title="t",
        message="m",
        routing=_deferred(None if route_by is None else _time(route_by)),
        expires_at=None if expires_at is None else _time(expires_at),
        category="order.shipped",
    )
    submission = convert.read_send(wanted, NOON, "", address_problem)
    assert (submission.route_by, submission.category) == (read, "order.shipped")


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        # Integral ones become integers, and those have no negative zero.
        st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), JSON, max_size=4)


def _integral(value: Any) -> Any:
    """Write JSON as it is to be stored: a number without a fraction as an integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_integral(item) for item in value]
    if isinstance(value, dict):
        return {name: _integral(item) for name, item in value.items()}
    return value


def _types(value: Any) -> Any:
    if isinstance(value, list):
        return [_types(item) for item in value]
    if isinstance(value, dict):
        return {name: _types(item) for name, item in value.items()}
    return type(value)


def _no_nul(value: Any) -> bool:
    return "\\u0000" not in json.dumps(value)


@settings(deadline=None)
@given(OBJECTS.filter(_no_nul))
def test_metadata_survives_the_way_in_and_out_with_integers_as_such(value: dict[str, Any]) -> None:
    wanted = request(metadata=value)
    read = convert.read_send(wanted, NOON, "", address_problem).metadata
    assert read == _integral(value)
    assert _types(read) == _types(_integral(value))
    written = convert.write_notification(notification(metadata=read), pb.Notification())
    assert written.HasField("metadata")
    assert written.metadata == wanted.metadata


@settings(deadline=None)
@given(st.integers(0, validation.LATEST), st.integers(0, 999))
def test_a_time_survives_the_way_in_and_out_less_what_is_finer_than_a_microsecond(at: int, nanos: int) -> None:
    read = convert.read_send(request(send_at=_time(at, nanos)), validation.LATEST, "", address_problem)
    assert read.send_at == at
    written = convert.write_notification(notification(send_at=at, expires_at=at, created_at=at), pb.Notification())
    assert written.send_at == written.expires_at == written.created_at == _time(at)


# -- Send: what is refused -----------------------------------------------------------------------


def _metadata(**values: Any) -> struct_pb2.Struct:
    return struct(values)


def _nested(levels: int) -> dict[str, Any]:
    value: Any = "x"
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return {"a": value}


LONG_ID = SOMEBODY.id + "0"
MAIL = targets(pb.CHANNEL_TYPE_EMAIL)

BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("recipient.type", {"recipient": None}),
    ("recipient.type", {"recipient": pb.Recipient(id=SOMEBODY.id)}),
    ("recipient.type", {"recipient": pb.Recipient(type=99)}),  # type: ignore[arg-type]  # of a newer caller
    ("recipient.id", {"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=LONG_ID)}),
    ("recipient.external_id", {"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id="a\n")}),
    ("recipient.external_id", {"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id="x" * 256)}),
    ("recipient.external_id", {"recipient": pb.Recipient(type=SOMEBODY.type, id=SOMEBODY.id, external_id="42")}),
    ("recipient.id", {"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="\0")}),
    ("title", {"title": ""}),
    ("title", {"title": "x" * 256}),
    ("title", {"title": "a\r\nBcc: b@example.org"}),
    ("title", {"title": "a\0b"}),
    ("message", {"message": ""}),
    ("message", {"message": "é" * 32 * 1024 + "x"}),
    ("message", {"message": "a\0b"}),
    ("metadata", {"metadata": _metadata(n=math.nan)}),
    ("metadata", {"metadata": _metadata(deep=[{"n": math.inf}])}),
    ("metadata", {"metadata": _metadata(n=-math.inf)}),
    ("metadata", {"metadata": _metadata(text="a\0b")}),
    ("metadata", {"metadata": _metadata(deep={"a\0b": 1})}),
    ("metadata", {"metadata": _metadata(blob="é" * 16 * 1024)}),
    ("metadata", {"metadata": _metadata(many=[None] * 16_384)}),
    ("metadata", {"metadata": _metadata(much="x" * 200_000)}),
    ("metadata", {"metadata": _metadata(deep=_nested(validation.DEEPEST_METADATA))}),
    ("channels[0].channel", {"channels": [pb.ChannelTarget()]}),
    ("channels[1].channel", {"channels": [*targets(pb.CHANNEL_TYPE_SMS), pb.ChannelTarget(channel=99)]}),  # type: ignore[arg-type]  # as above
    ("channels[1].channel", {"channels": targets(pb.CHANNEL_TYPE_SMS, pb.CHANNEL_TYPE_SMS)}),
    ("channels[0].address", {"channels": targets((pb.CHANNEL_TYPE_EMAIL, "ann"))}),
    (
        "channels[0].address",
        {"channels": targets((pb.CHANNEL_TYPE_EMAIL, "ann@example.org\r\nQUIT"))},
    ),
    ("channels[0].address", {"channels": targets((pb.CHANNEL_TYPE_SMS, "15550100"))}),
    ("channels[0].address", {"channels": targets((pb.CHANNEL_TYPE_TELEGRAM, "news"))}),
    ("channels[0].address", {"channels": targets((pb.CHANNEL_TYPE_WEBSOCKET, "ann@example.org"))}),
    ("addresses[0].channel", {"addresses": [pb.Address(address="ann@example.org")]}),
    ("addresses[0].channel", {"addresses": [pb.Address(channel=pb.CHANNEL_TYPE_WEBSOCKET)]}),
    ("addresses[0].address", {"addresses": [pb.Address(channel=pb.CHANNEL_TYPE_EMAIL)]}),
    ("addresses[0].address", {"addresses": [pb.Address(channel=pb.CHANNEL_TYPE_SMS, address="911")]}),
    ("addresses[1].channel", {"addresses": [pb.Address(channel=pb.CHANNEL_TYPE_SMS, address="+15550100")] * 2}),
    ("idempotency_key", {"idempotency_key": "k" * 256}),
    ("idempotency_key", {"idempotency_key": "a\0b"}),
    ("send_at", {"send_at": _time(NOON + micros(366 * DAY) + 1)}),
    ("send_at", {"send_at": timestamp_pb2.Timestamp(seconds=-1)}),
    ("send_at", {"send_at": timestamp_pb2.Timestamp(seconds=253_402_300_800)}),
    ("send_at", {"send_at": timestamp_pb2.Timestamp(seconds=2**63 - 1)}),
    ("send_at", {"send_at": timestamp_pb2.Timestamp(seconds=1, nanos=-1)}),
    ("send_at", {"send_at": timestamp_pb2.Timestamp(seconds=1, nanos=1_000_000_000)}),
    ("expires_at", {"expires_at": timestamp_pb2.Timestamp(seconds=-(2**63))}),
    ("expires_at", {"expires_at": _time(NOON + 5), "send_at": _time(NOON + 5)}),
    ("expires_at", {"expires_at": _time(NOON + 4), "send_at": _time(NOON + 5)}),
    ("strategy.kind", {"strategy": pb.Strategy(kind=99)}),  # type: ignore[arg-type]  # as above
    ("strategy", {"strategy": pb.Strategy(), "channels": []}),
    ("strategy.goal", {"strategy": pb.Strategy(goal=99, kind=pb.STRATEGY_KIND_FALLBACK), "channels": MAIL}),  # type: ignore[arg-type]  # as above
    ("strategy.goal", {"strategy": pb.Strategy(goal=pb.STRATEGY_GOAL_SENT)}),
    ("strategy.escalate_after", {"strategy": _fallback(0)}),
    ("strategy.escalate_after", {"strategy": _fallback(-1)}),
    ("strategy.escalate_after", {"strategy": _fallback(0, 999)}),
    ("strategy.escalate_after", {"strategy": _fallback(366 * 86_400, 1_000)}),
    ("strategy.escalate_after", {"strategy": _fallback(1, -1)}),
    ("strategy.escalate_after", {"strategy": _fallback(2**62)}),
    ("strategy.escalate_after", {"strategy": pb.Strategy(escalate_after=duration_pb2.Duration(seconds=5))}),
    ("channels[0].escalate_after", {"strategy": pb.Strategy(kind=pb.STRATEGY_KIND_FALLBACK)}),
    ("channels[0].escalate_after", {"channels": [_step(pb.CHANNEL_TYPE_EMAIL)]}),
    ("channels[0].escalate_after", {"channels": [_step(pb.CHANNEL_TYPE_EMAIL)], "strategy": pb.Strategy()}),
    ("channels[0].escalate_after", {"channels": [_step(pb.CHANNEL_TYPE_WEBSOCKET, -1)], "strategy": _fallback(5)}),
    ("channels", {"routing": _deferred()}),
    ("routing.route_by", {"routing": pb.Routing(route_by=_time(NOON + 5))}),
    ("routing.route_by", {"routing": _deferred(timestamp_pb2.Timestamp(seconds=-1)), "channels": []}),
    ("routing.route_by", {"routing": _deferred(_time(NOON + micros(366 * DAY) + 1)), "channels": []}),
    ("routing.route_by", {"routing": _deferred(_time(NOON + 6)), "channels": [], "expires_at": _time(NOON + 5)}),
    ("category", {"category": "Order"}),
    ("category", {"category": "order shipped"}),
    ("category", {"category": "x" * 65}),
    ("category", {"category": "order.*"}),
]
"""Each request has one bad field, in a request that is good without it."""


def _bad(changes: dict[str, Any]) -> service_pb.SendRequest:
    good: dict[str, Any] = {
        "recipient": SOMEBODY,
        "title": "Order shipped",
        "message": "It arrives on Friday.",
        "channels": targets(pb.CHANNEL_TYPE_WEBSOCKET),
    }
    return service_pb.SendRequest(**(good | changes))


@pytest.mark.parametrize(("field", "changes"), BAD_FIELDS, ids=lambda part: part if isinstance(part, str) else "")
def test_a_bad_field_is_refused_by_its_name(field: str, changes: dict[str, Any]) -> None:
    assert _refusal(_bad(changes)) == [field]


def test_every_bad_field_is_named_at_once() -> None:
    wanted = service_pb.SendRequest(
        title="a\nb",
        metadata=_metadata(n=math.nan),
        channels=targets(pb.CHANNEL_TYPE_SMS, (pb.CHANNEL_TYPE_SMS, "911"), (pb.CHANNEL_TYPE_EMAIL, "ann")),
        addresses=[pb.Address(channel=pb.CHANNEL_TYPE_TELEGRAM, address="news"), pb.Address()],
        idempotency_key="k" * 256,
        send_at=timestamp_pb2.Timestamp(seconds=-1),
        expires_at=timestamp_pb2.Timestamp(seconds=-1),
        strategy=pb.Strategy(kind=99),  # type: ignore[arg-type]  # of a newer caller
    )
    assert _refusal(wanted) == [
        "recipient.type",
        "title",
        "message",
        "metadata",
        "channels[1].channel",
        "channels[1].address",
        "channels[2].address",
        "addresses[0].address",
        "addresses[1].channel",
        "idempotency_key",
        "send_at",
        "expires_at",
        "strategy.kind",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": _metadata(deep=_nested(validation.DEEPEST_METADATA - 2))},
        {"metadata": _metadata(blob="x" * (32 * 1024 - len('{"blob":""}')))},
        {"send_at": _time(NOON + micros(366 * DAY))},
        {"send_at": _time(0)},
        {"expires_at": _time(validation.LATEST)},
        {"expires_at": _time(NOON - 1)},  # a repetition of an accepted request is right whenever it comes
        {"message": "é" * 32 * 1024, "title": "é" * 255, "idempotency_key": "é" * 255},
    ],
    ids=str,
)
def test_what_is_just_within_a_limit_is_taken(changes: dict[str, Any]) -> None:
    convert.read_send(_bad(changes), NOON, "", address_problem)


# -- the digest of a request ---------------------------------------------------------------------


def _digest(wanted: service_pb.SendRequest) -> str:
    wanted.idempotency_key = wanted.idempotency_key or "order-1"
    return convert.read_send(wanted, NOON, "", address_problem).digest


def _request(change: Callable[[service_pb.SendRequest], object] = lambda _: None) -> service_pb.SendRequest:
    wanted = request(
        SOMEBODY,
        (pb.CHANNEL_TYPE_SMS, "+15550111"),
        pb.CHANNEL_TYPE_WEBSOCKET,
        metadata={"a": 1, "b": [1, 2]},
        addresses=[
            pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address=ADDRESSES[EMAIL]),
            pb.Address(channel=pb.CHANNEL_TYPE_TELEGRAM, address=ADDRESSES[TELEGRAM]),
        ],
        send_at=_time(NOON),
        expires_at=_time(NOON + micros(DAY)),
        strategy=pb.Strategy(kind=pb.STRATEGY_KIND_PARALLEL),
    )
    change(wanted)
    return wanted


def _patient(goal: pb.StrategyGoal = pb.STRATEGY_GOAL_UNSPECIFIED, step: int | None = None) -> service_pb.SendRequest:
    """Return what makes a fallback of a request."""
    added = service_pb.SendRequest(strategy=_fallback(5))
    added.strategy.goal = goal
    if step is not None:
        added.channels.append(_step(pb.CHANNEL_TYPE_TELEGRAM, step))
    return added


SAME: dict[str, Callable[[service_pb.SendRequest], object]] = {
    "the order of the metadata's members": lambda wanted: wanted.metadata.CopyFrom(struct({"b": [1.0, 2.0], "a": 1.0})),
    "the order of known addresses": lambda wanted: wanted.addresses.sort(key=lambda address: -address.channel),
    "what is finer than a microsecond": lambda wanted: wanted.send_at.MergeFrom(timestamp_pb2.Timestamp(nanos=999)),
    "an unspecified strategy, which is the parallel one": lambda wanted: wanted.strategy.ClearField("kind"),
    "the key itself": lambda wanted: setattr(wanted, "idempotency_key", "order-2"),
}

OTHER: dict[str, Callable[[service_pb.SendRequest], object]] = {
    "recipient": lambda wanted: wanted.recipient.CopyFrom(NOBODY),
    "recipient.type": lambda wanted: setattr(wanted.recipient, "type", pb.RECIPIENT_TYPE_PARTNER),
    "title": lambda wanted: setattr(wanted, "title", "Another"),
    "message": lambda wanted: setattr(wanted, "message", "Another"),
    "a member of the metadata": lambda wanted: wanted.metadata.update({"a": 2}),
    "the type of a member": lambda wanted: wanted.metadata.update({"a": "1"}),
    "a boolean for a number": lambda wanted: wanted.metadata.update({"a": True}),
    "the order of a list": lambda wanted: wanted.metadata.update({"b": [2, 1]}),
    "metadata that is empty": lambda wanted: wanted.metadata.CopyFrom(struct({})),
    "metadata that is absent": lambda wanted: wanted.ClearField("metadata"),
    "channels": lambda wanted: wanted.channels.pop(),
    "the order of the channels": lambda wanted: wanted.channels.reverse(),
    "the address of a channel": lambda wanted: wanted.channels[0].ClearField("address"),
    "addresses": lambda wanted: wanted.addresses.pop(),
    "send_at": lambda wanted: wanted.send_at.CopyFrom(_time(NOON + 1)),
    "send_at that is absent": lambda wanted: wanted.ClearField("send_at"),
    "expires_at": lambda wanted: wanted.ClearField("expires_at"),
    "strategy that is absent": lambda wanted: wanted.ClearField("strategy"),
    "strategy that is another": lambda wanted: wanted.strategy.CopyFrom(_fallback(5)),
    "the time of all steps": lambda wanted: wanted.strategy.CopyFrom(_fallback(6)),
    "the goal": lambda wanted: wanted.MergeFrom(_patient(goal=pb.STRATEGY_GOAL_SENT)),
    "the time of a step": lambda wanted: wanted.MergeFrom(_patient(step=5)),
    "category": lambda wanted: setattr(wanted, "category", "order.shipped"),
}


@pytest.mark.parametrize("change", SAME)
def test_a_digest_is_of_what_is_meant_not_of_how_it_is_written(change: str) -> None:
    assert _digest(_request(SAME[change])) == _digest(_request())


@pytest.mark.parametrize("change", OTHER)
def test_other_content_has_another_digest(change: str) -> None:
    assert _digest(_request(OTHER[change])) != _digest(_request())


def test_all_other_contents_differ_from_one_another() -> None:
    digests = {_digest(_request(change)) for change in OTHER.values()}
    assert len(digests) == len(OTHER)


def test_a_digest_tells_its_version_and_is_there_only_with_a_key() -> None:
    assert _digest(_request()).startswith("1:")
    wanted = _request()
    assert convert.read_send(wanted, NOON, "", address_problem).digest == ""


@settings(deadline=None)
@given(OBJECTS)
def test_the_canonical_form_sorts_members_and_keeps_everything_else(value: dict[str, Any]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(value) == canonical(backwards)
    assert json.loads(canonical(value)) == value
    assert (canonical(value) == canonical({})) == (value == {})


PARTS = st.lists(st.none() | st.integers() | st.text("0123:-\u20ac", max_size=5), max_size=5)


@settings(deadline=None)
@given(PARTS, PARTS)
def test_only_equal_parts_have_equal_digests(parts: list[Any], others: list[Any]) -> None:
    texts, other_texts = ([None if part is None else str(part) for part in some] for some in (parts, others))
    assert (digest(parts) == digest(others)) == (texts == other_texts)


# -- the other requests --------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", "x", NOTIFICATION_ID + "\n"])
def test_an_id_is_a_uuid(bad: str) -> None:
    assert convert.read_id(NOTIFICATION_ID) == NOTIFICATION_ID
    assert convert.read_id(NOTIFICATION_ID.upper()) == NOTIFICATION_ID
    with pytest.raises(InvalidArgument) as refused:
        convert.read_id(bad)
    assert _fields(refused.value) == ["id"]


@pytest.mark.parametrize(
    ("recipient", "fields"),
    [
        (pb.Recipient(), ["recipient.type", "recipient.id"]),
        (NOBODY, ["recipient.id"]),
        (pb.Recipient(id=SOMEBODY.id), ["recipient.type"]),
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="x"), ["recipient.id"]),
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id="a\0"), ["recipient.external_id"]),
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="x", external_id="y\n"), ["recipient.external_id"]),
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=SOMEBODY.id, external_id="y"), ["recipient.external_id"]),
    ],
)
def test_a_feed_has_a_registered_recipient(recipient: pb.Recipient, fields: list[str]) -> None:
    for read in (
        lambda: convert.read_recipient(recipient),
        lambda: convert.read_subscribe(service_pb.SubscribeRequest(recipient=recipient)),
        lambda: convert.read_list(service_pb.ListRequest(recipient=recipient)),
        lambda: convert.read_mark_read(service_pb.MarkReadRequest(recipient=recipient)),
    ):
        with pytest.raises(InvalidArgument) as refused:
            read()
        assert _fields(refused.value) == fields


@pytest.mark.parametrize(
    ("named", "recipient_id"),
    [
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id="42"), "d7e85231-8203-5a52-b1c5-50054fd1feb4"),
        (pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=SOMEBODY.id.upper()), SOMEBODY.id),
    ],
    ids=["external id", "upper case"],
)
def test_a_recipient_is_the_same_by_whichever_name(named: pb.Recipient, recipient_id: str) -> None:
    whom = Recipient(RecipientType.USER, recipient_id)
    assert convert.read_recipient(named) == whom
    assert convert.read_subscribe(service_pb.SubscribeRequest(recipient=named)) == (whom, None)
    assert convert.read_list(service_pb.ListRequest(recipient=named))[0].recipient == whom
    assert convert.read_mark_read(service_pb.MarkReadRequest(recipient=named)) == (None, whom, None)
    by_id = pb.Recipient(type=named.type, id=recipient_id)
    sent, same = (
        convert.read_send(request(one, idempotency_key="k"), NOON, "", address_problem) for one in (named, by_id)
    )
    assert sent.recipient == whom
    assert sent == same
    assert sent.digest


def test_ids_of_notifications_are_read_in_lower_case_and_once_each() -> None:
    ids, *_ = convert.read_mark_read(service_pb.MarkReadRequest(ids=[NOTIFICATION_ID, NOTIFICATION_ID.upper()]))
    assert ids == (NOTIFICATION_ID,)
    assert convert.read_retry(service_pb.RetryRequest(id=NOTIFICATION_ID.upper()))[0] == NOTIFICATION_ID


# -- contacts ------------------------------------------------------------------------------------


def put(**changes: Any) -> contact_pb.PutContactRequest:
    """Return a request to put a good contact, but for what is changed."""
    values: dict[str, Any] = {
        "recipient": SOMEBODY,
        "addresses": [pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org")],
        "locale": "pt-BR",
        "time_zone": "Europe/Lisbon",
    }
    return contact_pb.PutContactRequest(contact=contact_pb.Contact(**(values | changes)))


def addressed(*pairs: tuple[Any, str]) -> list[pb.Address]:
    return [pb.Address(channel=kind, address=address) for kind, address in pairs]


def test_a_contact_is_read_and_written_field_by_field() -> None:
    request = put(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id="42"),
        addresses=addressed((pb.CHANNEL_TYPE_SMS, "+447700900123"), (pb.CHANNEL_TYPE_EMAIL, "ann@example.org")),
    )
    request.contact.updated_at.GetCurrentTime()  # ignored
    contact = convert.read_put_contact(request, address_problem)
    assert contact == Contact(
        Recipient(RecipientType.USER, "d7e85231-8203-5a52-b1c5-50054fd1feb4"),
        "42",
        {SMS: "+447700900123", EMAIL: "ann@example.org"},
        "pt-BR",
        "Europe/Lisbon",
    )
    written = convert.write_contact(contact._replace(updated_at=NOON), contact_pb.Contact())
    assert written == contact_pb.Contact(
        recipient=pb.Recipient(
            type=pb.RECIPIENT_TYPE_USER, id="d7e85231-8203-5a52-b1c5-50054fd1feb4", external_id="42"
        ),
        addresses=addressed((pb.CHANNEL_TYPE_EMAIL, "ann@example.org"), (pb.CHANNEL_TYPE_SMS, "+447700900123")),
        locale="pt-BR",
        time_zone="Europe/Lisbon",
        updated_at=_time(NOON),
    )


def test_a_contact_may_know_nothing() -> None:
    contact = convert.read_put_contact(put(addresses=[], locale="", time_zone=""), address_problem)
    assert contact == Contact(Recipient(RecipientType.USER, SOMEBODY.id), None, {})


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"recipient": None}, ["contact.recipient.type", "contact.recipient.id"]),
        ({"recipient": NOBODY}, ["contact.recipient.id"]),
        ({"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="7")}, ["contact.recipient.id"]),
        (
            {"recipient": pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=SOMEBODY.id, external_id="7")},
            ["contact.recipient.external_id"],
        ),
        ({"addresses": addressed((0, "x"))}, ["contact.addresses[0].channel"]),
        ({"addresses": addressed((pb.CHANNEL_TYPE_WEBSOCKET, "x"))}, ["contact.addresses[0].channel"]),
        ({"addresses": addressed((pb.CHANNEL_TYPE_SMS, ""))}, ["contact.addresses[0].address"]),
        ({"addresses": addressed((pb.CHANNEL_TYPE_SMS, "0123"))}, ["contact.addresses[0].address"]),
        ({"addresses": addressed(*[(pb.CHANNEL_TYPE_SMS, "+447700900123")] * 2)}, ["contact.addresses[1].channel"]),
        ({"locale": "pt_BR"}, ["contact.locale"]),
        ({"time_zone": "Lisbon"}, ["contact.time_zone"]),
    ],
)
def test_a_bad_field_of_a_contact_is_refused_by_its_name(changes: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        convert.read_put_contact(put(**changes), address_problem)
    assert _fields(refused.value) == fields


def test_all_bad_fields_of_a_contact_are_named_at_once() -> None:
    bad = put(recipient=NOBODY, addresses=addressed((pb.CHANNEL_TYPE_EMAIL, "@")), locale="-", time_zone="-")
    with pytest.raises(InvalidArgument) as refused:
        convert.read_put_contact(bad, address_problem)
    assert _fields(refused.value) == [
        "contact.recipient.id", "contact.addresses[0].address", "contact.locale", "contact.time_zone",
    ]  # fmt: skip
    with pytest.raises(InvalidArgument) as refused:
        convert.read_put_contact(contact_pb.PutContactRequest(), address_problem)
    assert _fields(refused.value) == ["contact"]


def test_a_list_of_contacts_is_of_one_type_or_all() -> None:
    assert convert.read_list_contacts(contact_pb.ListContactsRequest()) == (None, 50)
    asked = contact_pb.ListContactsRequest(recipient_type=pb.RECIPIENT_TYPE_GUEST, page_size=1000)
    assert convert.read_list_contacts(asked) == (RecipientType.GUEST, 500)
    with pytest.raises(InvalidArgument) as refused:
        convert.read_list_contacts(contact_pb.ListContactsRequest(recipient_type=99, page_size=-1))  # type: ignore[arg-type]
    assert _fields(refused.value) == ["recipient_type", "page_size"]


def test_an_empty_list_request_asks_for_the_first_fifty_of_everything() -> None:
    assert convert.read_list(service_pb.ListRequest()) == (NotificationFilter(), 50)


def test_a_list_request_is_read_field_by_field() -> None:
    wanted, page_size = convert.read_list(
        service_pb.ListRequest(
            recipient=SOMEBODY,
            feed_only=True,
            unread_only=True,
            unrouted_only=True,
            statuses=[pb.STATUS_SENT, pb.STATUS_FAILED, pb.STATUS_SENT],
            channels=[pb.CHANNEL_TYPE_SMS, pb.CHANNEL_TYPE_EMAIL],
            created_after=_time(NOON),
            created_before=_time(NOON + 1),
            page_size=7,
            category="order.*",
        )
    )
    assert page_size == 7
    assert wanted == NotificationFilter(
        recipient=Recipient(RecipientType.USER, SOMEBODY.id),
        feed_only=True,
        unread_only=True,
        unrouted_only=True,
        statuses=(FAILED, SENT),
        channels=(EMAIL, SMS),
        created_after=NOON,
        created_before=NOON + 1,
        category="order.*",
    )


@pytest.mark.parametrize(
    "category", ["Order", "*", ".*", "order*", "order..*", "order.*.x", "x" * 63 + ".*", "x" * 65, "a b"]
)
def test_a_list_is_of_a_category_or_of_all_below_one(category: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        convert.read_list(service_pb.ListRequest(category=category))
    assert _fields(refused.value) == ["category"]


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)])
def test_a_page_has_fifty_by_default_and_at_most_five_hundred(asked: int, given_: int) -> None:
    assert convert.read_list(service_pb.ListRequest(page_size=asked))[1] == given_


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        (["recipient"], {"feed_only": True}),
        (["statuses[1]"], {"statuses": [1, 0]}),
        (["statuses[0]"], {"statuses": [99]}),
        (["channels[0]", "channels[2]"], {"channels": [0, 1, 5]}),
        (["created_after"], {"created_after": timestamp_pb2.Timestamp(seconds=-1)}),
        (["created_before"], {"created_after": _time(NOON), "created_before": _time(NOON)}),
        (["page_size"], {"page_size": -1}),
        (["recipient", "statuses[0]", "channels[0]", "page_size"],
         {"feed_only": True, "statuses": [0], "channels": [0], "page_size": -1}),
    ],
)  # fmt: skip
def test_a_bad_condition_of_a_list_is_refused_by_its_name(fields: list[str], values: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        convert.read_list(service_pb.ListRequest(**values))
    assert _fields(refused.value) == fields


def test_what_is_to_be_marked_is_ids_or_a_feed() -> None:
    other = CHANNEL_ID
    by_ids = service_pb.MarkReadRequest(ids=[NOTIFICATION_ID, other, NOTIFICATION_ID])
    assert convert.read_mark_read(by_ids) == ((NOTIFICATION_ID, other), None, None)
    position = FeedPosition(7, 42)
    up_to = service_pb.MarkReadRequest(recipient=SOMEBODY, up_to_cursor=feed_cursor.encode(position))
    whose = Recipient(RecipientType.USER, SOMEBODY.id)
    assert convert.read_mark_read(up_to) == (None, whose, position)
    assert convert.read_mark_read(service_pb.MarkReadRequest(recipient=SOMEBODY)) == (None, whose, None)


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        (["ids"], {}),
        (["ids"], {"ids": [NOTIFICATION_ID], "recipient": SOMEBODY}),
        (["ids"], {"up_to_cursor": feed_cursor.encode(FeedPosition(7, 42))}),
        (["up_to_cursor"], {"ids": [NOTIFICATION_ID], "up_to_cursor": feed_cursor.encode(FeedPosition(7, 42))}),
        (["ids[1]", "ids[2]"], {"ids": [NOTIFICATION_ID, "x", ""]}),
    ],
)
def test_a_bad_request_to_mark_is_refused_by_its_field(fields: list[str], values: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        convert.read_mark_read(service_pb.MarkReadRequest(**values))
    assert _fields(refused.value) == fields


def test_five_hundred_ids_are_marked_at_once() -> None:
    ids = [f"01926f3e-7c1a-7b52-9d0e-{number:012x}" for number in range(500)]
    assert convert.read_mark_read(service_pb.MarkReadRequest(ids=ids))[0] == tuple(ids)


def test_a_subscriber_comes_with_a_cursor_or_without() -> None:
    whose, position = Recipient(RecipientType.USER, SOMEBODY.id), FeedPosition(7, 42)
    with_one = service_pb.SubscribeRequest(recipient=SOMEBODY, cursor=feed_cursor.encode(position))
    assert convert.read_subscribe(with_one) == (whose, position)
    assert convert.read_subscribe(service_pb.SubscribeRequest(recipient=SOMEBODY)) == (whose, None)


def test_a_malformed_cursor_is_refused_by_the_field_it_came_in() -> None:
    with pytest.raises(MalformedCursor) as refused:
        convert.read_subscribe(service_pb.SubscribeRequest(recipient=SOMEBODY, cursor="x"))
    assert refused.value.metadata == {"field": "cursor"}
    with pytest.raises(MalformedCursor) as refused:
        convert.read_mark_read(service_pb.MarkReadRequest(recipient=SOMEBODY, up_to_cursor="x"))
    assert refused.value.metadata == {"field": "up_to_cursor"}


# -- answers -------------------------------------------------------------------------------------

ROW = channel(
    SMS, SENT, attempts=3, response={"outcome": "accepted", "history": [{"code": "1"}]}, next_attempt_at=NOON + 1
)
WHOLE = notification(
    channel(WEBSOCKET, FAILED),
    ROW,
    status=SENT,
    metadata={"order_id": "ABC123", "n": 1, "none": None},
    is_read=True,
    read_at=NOON + 2,
    send_at=NOON + 3,
    expires_at=NOON + 4,
    sequence=7,
    owner="shop",
)


def test_a_notification_is_written_field_by_field() -> None:
    written = convert.write_notification(WHOLE, pb.Notification())
    assert written == pb.Notification(
        id=NOTIFICATION_ID,
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=SOMEBODY.id),
        title=WHOLE.title,
        message=WHOLE.message,
        status=pb.STATUS_SENT,
        metadata=struct({"order_id": "ABC123", "n": 1, "none": None}),
        is_read=True,
        created_at=_time(NOON),
        read_at=_time(NOON + 2),
        send_at=_time(NOON + 3),
        expires_at=_time(NOON + 4),
        owner="shop",
        channels=[
            pb.Channel(
                id=CHANNEL_ID,
                notification_id=NOTIFICATION_ID,
                channel=pb.CHANNEL_TYPE_WEBSOCKET,
                status=pb.STATUS_FAILED,
                created_at=_time(NOON),
            ),
            pb.Channel(
                id=CHANNEL_ID,
                notification_id=NOTIFICATION_ID,
                channel=pb.CHANNEL_TYPE_SMS,
                status=pb.STATUS_SENT,
                attempts=3,
                response=struct({"outcome": "accepted", "history": [{"code": "1"}]}),
                created_at=_time(NOON),
                address=ADDRESSES[SMS],
                next_attempt_at=_time(NOON + 1),
                history=[pb.Attempt(code="1"), pb.Attempt(outcome=pb.ATTEMPT_OUTCOME_ACCEPTED)],
            ),
        ],
    )


def test_what_a_notification_lacks_is_absent() -> None:
    guest = notification(channel(), recipient=Recipient(RecipientType.GUEST, None))
    written = convert.write_notification(guest, pb.Notification())
    assert written.recipient == NOBODY
    assert not [name for name in ("metadata", "read_at", "send_at", "expires_at") if written.HasField(name)]
    assert not [name for name in ("response", "next_attempt_at") if written.channels[0].HasField(name)]


def test_the_history_tells_each_attempt_and_last_why_the_server_ended_it() -> None:
    failed = attempted(
        None, outcome="transient", code="451", detail="busy", provider="relay", at=NOON + 1, data={"n": 1}
    )
    ended = given_up(failed, reason=EXPIRED, at=NOON + 2)
    written = convert.write_notification(notification(channel(response=ended)), pb.Notification())
    assert list(written.channels[0].history) == [
        pb.Attempt(
            attempted_at=_time(NOON + 1),
            outcome=pb.ATTEMPT_OUTCOME_TRANSIENT,
            provider="relay",
            code="451",
            detail="busy",
        ),
        pb.Attempt(
            attempted_at=_time(NOON + 2),
            outcome=pb.ATTEMPT_OUTCOME_PERMANENT,
            code="EXPIRED",
            detail=ended["detail"],
        ),
    ]
    recipients = convert.write_notification(notification(channel(response=ended)), pb.Notification(), private=False)
    assert not recipients.channels[0].history


def test_every_outcome_has_its_number() -> None:
    for outcome in OutcomeKind:
        response = attempted(None, outcome=outcome, code="", detail="", provider="", at=NOON)
        written = convert.write_notification(notification(channel(response=response)), pb.Notification())
        [attempt] = written.channels[0].history
        assert pb.AttemptOutcome.Name(attempt.outcome) == f"ATTEMPT_OUTCOME_{outcome.name}"


def test_an_empty_object_is_not_absent() -> None:
    empty = notification(channel(response={}), metadata={})
    written = convert.write_notification(empty, pb.Notification())
    assert written.HasField("metadata")
    assert written.channels[0].HasField("response")


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("recipient_type", RecipientType)
def test_every_word_has_its_number(status: Status, recipient_type: RecipientType) -> None:
    stored = notification(
        *(channel(kind, status) for kind in ChannelType), status=status, recipient=Recipient(recipient_type, user().id)
    )
    written = convert.write_notification(stored, pb.Notification())
    assert pb.Status.Name(written.status) == f"STATUS_{status.upper()}"
    assert pb.RecipientType.Name(written.recipient.type) == f"RECIPIENT_TYPE_{recipient_type.upper()}"
    assert [pb.ChannelType.Name(row.channel) for row in written.channels] == [
        f"CHANNEL_TYPE_{kind.upper()}" for kind in ChannelType
    ]


def test_the_answers_of_a_batch_leave_out_what_the_caller_has() -> None:
    wanted = request(metadata={"order_id": "ABC123"})
    brief = convert.write_accepted(Accepted(WHOLE, duplicate=True), wanted, service_pb.SendResponse(), brief=True)
    assert brief.duplicate
    assert not brief.notification.message
    assert not brief.notification.HasField("metadata")
    full = convert.write_accepted(Accepted(WHOLE, duplicate=False), wanted, service_pb.SendResponse())
    assert not full.duplicate
    assert (full.notification.message, full.notification.metadata) == (WHOLE.message, wanted.metadata)
    full.notification.ClearField("message")
    full.notification.ClearField("metadata")
    assert full.notification.channels[1].HasField("response")
    full.notification.channels[1].ClearField("response")
    full.notification.channels[1].ClearField("history")
    assert full.notification == brief.notification


def test_recipients_see_neither_addresses_nor_what_providers_answered_nor_who_sent_it() -> None:
    public = convert.write_notification(WHOLE, pb.Notification(), private=False)
    event = convert.write_feed_item(Changed(FeedPosition(7, 42), 3, WHOLE), private=False)
    assert event.notification == public
    assert not [row for row in public.channels if row.address or row.HasField("response") or row.history]
    whole = convert.write_notification(WHOLE, pb.Notification())
    assert whole.owner
    whole.ClearField("owner")
    for row in whole.channels:
        row.ClearField("address")
        row.ClearField("response")
        row.ClearField("history")
    assert public == whole


def test_every_event_of_a_stream_has_its_cursor_and_the_count() -> None:
    position = FeedPosition(7, 42)
    whole = convert.write_notification(WHOLE, pb.Notification())
    expected: list[tuple[Any, dict[str, Any]]] = [
        (Subscribed(position, 3, recovered=True), {"subscribed": service_pb.Subscribed(recovered=True)}),
        (Subscribed(position, 3, recovered=False), {"subscribed": service_pb.Subscribed()}),
        (Changed(position, 3, WHOLE), {"notification": whole}),
        (
            ReadChanged(position, 3, [NOTIFICATION_ID], NOON),
            {"read_changed": service_pb.ReadChanged(ids=[NOTIFICATION_ID], read_at=_time(NOON))},
        ),
        (Heartbeat(position, 3), {"heartbeat": service_pb.Heartbeat()}),
    ]
    for item, event in expected:
        written = convert.write_feed_item(item)
        assert written == service_pb.SubscribeResponse(cursor=feed_cursor.encode(position), unread_count=3, **event)
        [kind] = event
        assert written.WhichOneof("event") == kind
        assert convert.serialise_feed_item(item, private=True).change == (kind in ("notification", "read_changed"))


def test_a_live_event_is_serialised_once_for_each_who_may_see_the_same_of_it() -> None:
    live = LiveItem(Entered(WHOLE.recipient, 7, 42, 42, 3, WHOLE)).item
    for private in (True, False):
        first = convert.serialise_feed_item(live, private=private)
        assert convert.serialise_feed_item(live, private=private) is first
        assert first.data == convert.write_feed_item(live, private=private).SerializeToString()
        assert (first.position, first.cursor) == (FeedPosition(7, 42), feed_cursor.encode(FeedPosition(7, 42)))
    replayed = Changed(FeedPosition(7, 42), 3, WHOLE)
    assert (
        convert.serialise_feed_item(replayed, private=True).data == convert.serialise_feed_item(live, private=True).data
    )


def test_a_pending_row_is_written_with_its_next_attempt() -> None:
    written = convert.write_notification(notification(channel(status=PENDING, next_attempt_at=NOON)), pb.Notification())
    assert written.channels[0].next_attempt_at == _time(NOON)
