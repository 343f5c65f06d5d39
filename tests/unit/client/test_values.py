"""The client's plain values and their way to protobuf and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.scripted_server import CREATED, NOTIFICATION_ID, USER_ID, arrived, channel, notification, struct, timestamp
from tocsin_client import (
    Attempt,
    AttemptOutcome,
    ChannelTarget,
    ChannelType,
    Draft,
    NotificationEvent,
    Recipient,
    RecipientType,
    Status,
    StrategyGoal,
    StrategyKind,
    as_plain,
    convert,
)


def draft(**fields: Any) -> Draft:
    return Draft(("user", USER_ID), "Title", "Message", **fields)


def request(**fields: Any) -> service_pb.SendRequest:
    return convert.send_request(draft(**fields), "key")


# -- recipients, channels, words -------------------------------------------------------------------


@pytest.mark.parametrize(
    "given_as",
    [
        Recipient(RecipientType.USER, USER_ID),
        ("user", USER_ID),
        ("user", UUID(USER_ID)),
        f"user:{USER_ID}",
        (RecipientType.USER, USER_ID),
    ],
)
def test_a_recipient_may_be_given_as_a_value_a_pair_or_text(given_as: Any) -> None:
    assert Recipient.of(given_as) == Recipient(RecipientType.USER, USER_ID)
    assert convert.recipient_message(given_as) == pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID)


EXTERNAL = json.loads((Path(__file__).parents[3] / "clients" / "conformance" / "external_ids.json").read_text("utf-8"))


@pytest.mark.parametrize("known", EXTERNAL["recipients"])
def test_an_external_id_is_the_same_recipient_as_the_id_that_follows_from_it(known: dict[str, str]) -> None:
    kind, external_id = known["type"], known["external_id"]
    whom = Recipient(RecipientType(kind), external_id=external_id)
    assert (whom.id, whom.external_id) == (known["id"], external_id)
    assert str(whom) == f"{kind}:ext:{external_id}"
    assert (
        whom
        == Recipient.of((kind, known["id"]))
        == Recipient.of(str(whom))
        == Recipient.of((kind, f"ext:{external_id}"))
    )
    assert hash(whom) == hash(Recipient.of((kind, known["id"])))
    message = convert.recipient_message(whom)
    assert (message.id, message.external_id) == ("", external_id)
    message.id = known["id"]  # as the contact's answer has both
    assert convert.recipient_from(message).external_id == external_id


def test_two_names_of_two_recipients_are_refused_and_so_is_none_after_ext() -> None:
    with pytest.raises(ValueError, match="two recipients"):
        Recipient(RecipientType.USER, USER_ID, "42")
    with pytest.raises(ValueError, match="no external id"):
        Recipient.of("user:ext:")
    assert Recipient(RecipientType.USER, USER_ID.upper()) == Recipient(RecipientType.USER, USER_ID)


@pytest.mark.parametrize("given_as", ["other", ("other", None), ("other", ""), "other:"])
def test_a_recipient_without_an_id_is_not_registered(given_as: Any) -> None:
    assert Recipient.of(given_as) == Recipient(RecipientType.OTHER)
    assert str(Recipient.of(given_as)) == "other"


def test_a_recipient_prints_as_the_text_that_it_can_be_given_as() -> None:
    assert str(Recipient.of(("potential_customer", USER_ID))) == f"potential_customer:{USER_ID}"


def test_an_unknown_word_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(ValueError, match="'emial' is not one of websocket, email, telegram, sms"):
        request(channels=["emial"])
    with pytest.raises(ValueError, match="'usr' is not one of user, guest"):
        convert.recipient_message("usr:1")
    with pytest.raises(ValueError, match="'first' is not one of parallel, fallback"):
        request(strategy="first")


def test_every_word_of_the_client_is_one_of_the_api_and_the_other_way_round() -> None:
    for words, enum in (
        (RecipientType, pb.RecipientType),
        (ChannelType, pb.ChannelType),
        (Status, pb.Status),
        (StrategyKind, pb.StrategyKind),
        (StrategyGoal, pb.StrategyGoal),
    ):
        numbers = [number for number in enum.values() if number != 0]
        assert [convert._number(words, word) for word in words] == numbers
        assert [convert._word(words, number) for number in numbers] == list(words)


def test_a_word_that_is_newer_than_the_client_is_shown_instead_of_failing() -> None:
    word = convert._word(ChannelType, 99)
    assert word == "unknown_99"
    assert isinstance(word, ChannelType)
    assert f"{word}" == "unknown_99"
    assert json.dumps(as_plain(word)) == '"unknown_99"'
    assert "unknown_99" not in list(ChannelType)


# -- requests --------------------------------------------------------------------------------------


def test_a_draft_becomes_the_request_that_says_the_same() -> None:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    message = request(
        channels=["websocket", ("email", "ann@example.org"), ChannelTarget(ChannelType.SMS, None, 90)],
        addresses={"sms": "+15550100"},
        metadata={"order_id": "A1"},
        send_at=at,
        expires_at=at + timedelta(hours=1),
        strategy="fallback",
        escalate_after=timedelta(minutes=10),
        goal="sent",
    )
    assert message == service_pb.SendRequest(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID),
        title="Title",
        message="Message",
        metadata=struct({"order_id": "A1"}),
        channels=[
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_WEBSOCKET),
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org"),
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_SMS, escalate_after=timedelta(seconds=90)),
        ],
        addresses=[pb.Address(channel=pb.CHANNEL_TYPE_SMS, address="+15550100")],
        idempotency_key="key",
        send_at=timestamp(datetime(2026, 3, 1, 10, 0, tzinfo=UTC)),
        expires_at=timestamp(datetime(2026, 3, 1, 11, 0, tzinfo=UTC)),
        strategy=pb.Strategy(
            kind=pb.STRATEGY_KIND_FALLBACK, escalate_after=timedelta(minutes=10), goal=pb.STRATEGY_GOAL_SENT
        ),
    )


def test_what_a_draft_leaves_out_is_absent_from_the_request() -> None:
    message = request()
    for name in ("metadata", "send_at", "expires_at", "strategy", "routing"):
        assert not message.HasField(name)


def test_a_deferred_draft_asks_for_a_later_decision() -> None:
    assert request(deferred=True, route_by=CREATED).routing == pb.Routing(deferred=True, route_by=timestamp())


def test_a_number_of_seconds_will_do_as_a_duration() -> None:
    assert request(strategy="fallback", escalate_after=90.5).strategy.escalate_after.ToTimedelta() == timedelta(
        seconds=90.5
    )


def test_a_lone_word_counts_as_one_channel_and_not_as_letters() -> None:
    assert request(channels="websocket").channels == [pb.ChannelTarget(channel=pb.CHANNEL_TYPE_WEBSOCKET)]
    assert convert.list_request({"statuses": "failed"}, "").statuses == [pb.STATUS_FAILED]


def test_a_time_without_zone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="send_at has no time zone"):
        request(send_at=datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="created_before has no time zone"):
        convert.list_request({"created_before": datetime(2026, 3, 1)}, "")  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:00"])
def test_a_time_that_utc_does_not_have_is_refused_by_name(at: str) -> None:
    with pytest.raises(ValueError, match="send_at is not between the years 1 and 9999"):
        request(send_at=datetime.fromisoformat(at))


def test_an_unknown_condition_of_a_list_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="unknown condition: colour"):
        convert.list_request({"colour": "red"}, "")  # type: ignore[typeddict-unknown-key]


# -- JSON ------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), json_values, max_size=5))
def test_json_survives_the_wire(values: dict[str, Any]) -> None:
    wire = convert.struct_message(values).SerializeToString()
    assert convert.struct_from(type(struct({})).FromString(wire)) == values


def test_integral_numbers_come_back_as_integers() -> None:
    read = convert.struct_from(struct({"count": 3.0, "deep": [{"n": -0.0}], "ratio": 0.5, "flag": True}))
    assert json.dumps(read) == '{"count": 3, "deep": [{"n": 0}], "flag": true, "ratio": 0.5}'


def test_numbers_too_large_to_be_exact_stay_floats() -> None:
    assert convert.struct_from(struct({"huge": 1e300})) == {"huge": 1e300}
    assert isinstance(convert.struct_from(struct({"huge": 1e300}))["huge"], float)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"a": [2**53 + 1]}, r"metadata\.a\[0\] is an integer beyond 2\^53"),
        ({"a": {"b": float("nan")}}, r"metadata\.a\.b is nan"),
        ({"a": float("-inf")}, r"metadata\.a is -inf"),
    ],
)
def test_numbers_that_the_wire_would_spoil_are_refused_by_name(value: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        request(metadata=value)


def test_a_circle_is_refused_by_name() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match=r"metadata\.a\[0\].* lies too deep: metadata has 32 levels at most"):
        request(metadata={"a": circle})


@pytest.mark.parametrize(
    ("value", "complaint"),
    [({"a": {1: 2}}, r"metadata\.a has the key 1"), ({"a": {1, 2}}, r"metadata\.a is of type set")],
)
def test_what_is_not_json_is_refused_by_name(value: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        request(metadata=value)


# -- answers ---------------------------------------------------------------------------------------


def test_a_notification_becomes_a_value_with_aware_times_and_words() -> None:
    message = notification(
        metadata=struct({"order_id": "A1", "count": 2}),
        is_read=True,
        read_at=timestamp(CREATED + timedelta(minutes=1)),
        channels=[
            channel(
                "email",
                "failed",
                attempts=3,
                address="ann@example.org",
                response=struct({"code": "550"}),
                history=[pb.Attempt(outcome=pb.ATTEMPT_OUTCOME_PERMANENT, provider="relay", code="550", detail="no")],
            ),
            channel("websocket", "pending", next_attempt_at=timestamp()),
        ],
    )
    value = convert.notification_from(message)
    assert value.id == NOTIFICATION_ID
    assert value.recipient == Recipient(RecipientType.USER, USER_ID)
    assert value.status is Status.SENT
    assert value.metadata == {"order_id": "A1", "count": 2}
    assert value.created_at == CREATED
    assert value.created_at.tzinfo is UTC
    assert value.read_at == CREATED + timedelta(minutes=1)
    assert (value.send_at, value.expires_at) == (None, None)
    email, websocket = value.channels
    assert (email.status, email.attempts, email.address) == ("failed", 3, "ann@example.org")
    assert email.response == {"code": "550"}
    assert email.history == (Attempt(None, AttemptOutcome.PERMANENT, "relay", "550", "no"),)
    assert email.next_attempt_at is None
    assert (websocket.channel, websocket.address, websocket.response) == ("websocket", None, {})
    assert websocket.next_attempt_at == CREATED


def test_values_cannot_be_changed() -> None:
    value = convert.notification_from(notification())
    with pytest.raises(AttributeError):
        value.title = "other"  # type: ignore[misc]


def test_an_event_of_a_kind_that_is_newer_than_the_client_is_none() -> None:
    assert convert.event_from(service_pb.SubscribeResponse(cursor="c")) is None


# -- plain JSON form -------------------------------------------------------------------------------


def test_the_plain_form_has_the_fields_of_the_api_in_their_order() -> None:
    plain = as_plain(convert.notification_from(notification(channels=[channel("sms")])))
    api = {field.name for field in pb.Notification.DESCRIPTOR.fields}
    assert set(plain) == api
    assert set(plain["channels"][0]) == {field.name for field in pb.Channel.DESCRIPTOR.fields}
    assert plain["recipient"] == {"type": "user", "id": USER_ID, "external_id": None}
    assert plain["created_at"] == "2026-01-31T08:15:00.250000Z"
    assert json.loads(json.dumps(plain)) == plain


def test_the_plain_form_of_an_event_says_its_type_first() -> None:
    event = convert.event_from(arrived("c1", unread=4))
    assert isinstance(event, NotificationEvent)
    assert list(as_plain(event)) == ["type", "cursor", "unread_count", "notification"]
    assert as_plain(event)["type"] == "notification"
