"""What the service refuses: the contract's table of errors, over a real port, down to the rows that are not there."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import (
    DEADLINE,
    EMAIL,
    GUEST,
    SMS,
    TELEGRAM,
    USER,
    WEBSOCKET,
    Api,
    Refusal,
    at,
    promised,
    read_refusal,
    read_status,
    refused,
    request,
    struct,
    targets,
    user,
)
from helpers.databases import KINDS
from helpers.server import ServerUnderTest, running_server, server_on

MAIL = (EMAIL, "ann@example.org")
YEAR = 366 * 86_400
UNKNOWN = str(uuid.UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001))

SendRequest = service_pb.SendRequest


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """A server with all channels, of which only e-mail and the feed are used: nothing that is refused is sent."""
    folder = tmp_path_factory.mktemp("server")
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


@contextmanager
def nothing_stored(server: ServerUnderTest) -> Iterator[None]:
    """Check that no table has gained or lost a row."""
    before = server.database.counts()
    yield
    assert server.database.counts() == before


def invalid(call: Callable[[], object]) -> Refusal:
    """Make a call that must be refused for its fields."""
    refusal = refused(call)
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    return refusal


def bad_fields(refusal: Refusal) -> set[str]:
    """Return the fields that a refusal names, which it must name in both places and describe."""
    assert refusal.reason == "INVALID_FIELD"
    assert set(refusal.metadata["fields"].split(",")) == set(refusal.violations)
    assert all(refusal.violations.values())
    return set(refusal.violations)


# -- Send ----------------------------------------------------------------------------------------


def value(**fields: Any) -> SendRequest:
    return request(None, MAIL, **fields)


def number(it: float) -> Struct:
    return Struct(fields={"amount": Value(number_value=it)})


def nested(it: float) -> Struct:
    deep = Value(struct_value=Struct(fields={"list": Value(list_value=ListValue(values=[Value(number_value=it)]))}))
    return Struct(fields={"deep": deep})


def addressed(*addresses: tuple[pb.ChannelType, str]) -> SendRequest:
    pairs = [pb.Address(channel=channel, address=address) for channel, address in addresses]
    return request(None, WEBSOCKET, addresses=pairs)


def recipient(recipient_type: int, recipient_id: str = "") -> SendRequest:
    wanted = value()
    wanted.recipient.Clear()
    wanted.recipient.type = recipient_type  # type: ignore[assignment]  # numbers from newer callers, too
    wanted.recipient.id = recipient_id
    return wanted


def channel_number(it: int) -> SendRequest:
    wanted = value()
    wanted.channels[0].channel = it  # type: ignore[assignment]
    return wanted


def address_number(it: int) -> SendRequest:
    wanted = addressed(MAIL)
    wanted.addresses[0].channel = it  # type: ignore[assignment]
    return wanted


def strategy(kind: Any, *channels: Any, after: Duration | None = None) -> SendRequest:
    wanted = request(None, *channels)
    wanted.strategy.kind = kind
    if after is not None:
        wanted.strategy.escalate_after.CopyFrom(after)
    return wanted


def without_channels(**fields: Any) -> SendRequest:
    wanted = value(**fields)
    del wanted.channels[:]
    return wanted


BAD_IDS = {
    "a word": "ann",
    "no hyphens": "0190a5d0000070008000000000000001",
    "in braces": "{0190a5d0-0000-7000-8000-000000000001}",
    "a URN": "urn:uuid:0190a5d0-0000-7000-8000-000000000001",
    "a line break at the end": "0190a5d0-0000-7000-8000-000000000001\n",
    "a NUL at the end": "0190a5d0-0000-7000-8000-000000000001\0",
    "too short": "0190a5d0-0000-7000-8000-00000000001",
    "other letters": "0190a5d0-0000-7000-8000-00000000000g",
    "other digits": "0190a5d0-0000-7000-8000-00000000000\u0661",
}

BAD_TITLES = {
    "missing": "",
    "256 characters": "x" * 256,
    "256 characters beyond the basic plane": "\U0001f514" * 256,
    "a carriage return": "Order\rBcc: eve@example.org",
    "a line feed": "Order\nBcc: eve@example.org",
    "a NUL": "Order\0",
    "a tab": "Order\tshipped",
    "a delete": "Order\x7f",
    "a C1 control": "Order\x85shipped",
    "a line separator": "Order\u2028shipped",
}

BAD_KEYS = {
    "256 characters": "k" * 256,
    "a carriage return": "order-1\r",
    "a line feed": "order-1\n",
    "a NUL": "order\0-1",
}

BAD_TIMES = {
    "before 1970": Timestamp(seconds=-1),
    "before the year 1": Timestamp(seconds=-62_135_596_801),
    "after 9999": Timestamp(seconds=253_402_300_800),
    "beyond any calendar": Timestamp(seconds=2**63 - 1),
    "negative nanoseconds": Timestamp(seconds=1_900_000_000, nanos=-1),
    "a whole second of nanoseconds": Timestamp(seconds=1_900_000_000, nanos=1_000_000_000),
}

BAD_ADDRESSES = {
    EMAIL: {
        "no at sign": "ann.example.org",
        "two at signs": "ann@example@org",
        "no local part": "@example.org",
        "a display name": "Ann <ann@example.org>",
        "two mailboxes": "ann@example.org, bob@example.org",
        "a header": "ann@example.org\r\nBcc: eve@example.org",
        "a line feed at the end": "ann@example.org\n",
        "a NUL": "ann@example.org\0",
        "a space": "ann lee@example.org",
        "255 bytes": f"{'a' * 60}@{'.'.join(['b' * 60] * 3)}.{'c' * 11}",
    },
    SMS: {
        "no plus": "15550100",
        "a leading zero": "+015550100",
        "spaces": "+1 555 0100",
        "16 digits": "+1234567890123456",
        "letters": "+1555CALLME",
        "a line feed at the end": "+15550100\n",
        "a NUL": "+15550100\0",
        "digits of another script": "+1555010\u0661",
    },
    TELEGRAM: {
        "a name without an at sign": "example_channel",
        "a short name": "@abc",
        "a space": "12 34",
        "a plus": "+123456",
        "a line feed at the end": "@example_channel\n",
        "a NUL": "123456\0",
        "twenty digits": "1" * 20,
    },
}


BadSends = Iterator[tuple[str, SendRequest, set[str]]]
"""Each with its name and the fields that have to be named."""


def bad_texts() -> BadSends:
    yield "an empty request", SendRequest(), {"recipient.type", "title", "message"}
    for name, title in BAD_TITLES.items():
        yield f"a title: {name}", value(title=title), {"title"}
    yield "no message", value(message=""), {"message"}
    yield "a message of 64 KiB and a byte", value(message="x" * 65_537), {"message"}
    yield "a message of 64 KiB and a character of two bytes", value(message="é" * 32_769), {"message"}
    yield "a message with a NUL", value(message="It\0arrives"), {"message"}


def bad_metadata() -> BadSends:
    yield "metadata of more than 32 KiB", value(metadata={"text": "x" * 32_768}), {"metadata"}
    yield "metadata of more than 32 KiB in UTF-8", value(metadata={"text": "é" * 16_384}), {"metadata"}
    for word, odd in (("NaN", math.nan), ("infinity", math.inf), ("minus infinity", -math.inf)):
        for place, make in (("", number), ("nested ", nested)):
            wanted = value()
            wanted.metadata.CopyFrom(make(odd))
            yield f"metadata with a {place}{word}", wanted, {"metadata"}
    yield "metadata with a NUL in a value", value(metadata={"order": ["A\0"]}), {"metadata"}
    yield "metadata with a NUL in a name", value(metadata={"deep": {"or\0der": 1}}), {"metadata"}


def bad_recipients() -> BadSends:
    yield "no type of recipient", recipient(0, user().id), {"recipient.type"}
    yield "an unknown type of recipient", recipient(6, user().id), {"recipient.type"}
    yield "a negative type of recipient", recipient(-1, user().id), {"recipient.type"}
    for name, it in BAD_IDS.items():
        yield f"a recipient's id: {name}", recipient(USER, it), {"recipient.id"}


def bad_channels() -> BadSends:
    for unknown in (0, 5, -1, 2**31 - 1):
        yield f"a channel of number {unknown}", channel_number(unknown), {"channels[0].channel"}
        yield f"an address for channel number {unknown}", address_number(unknown), {"addresses[0].channel"}
    yield "a channel named twice", request(None, MAIL, WEBSOCKET, MAIL), {"channels[2].channel"}
    yield "the feed named twice", request(None, WEBSOCKET, WEBSOCKET), {"channels[1].channel"}
    yield "the feed with an address", request(None, (WEBSOCKET, "ann")), {"channels[0].address"}
    for channel, forms in BAD_ADDRESSES.items():
        word = pb.ChannelType.Name(channel)
        for name, address in forms.items():
            yield f"{word} to {name}", request(None, WEBSOCKET, (channel, address)), {"channels[1].address"}
            yield f"a {word} address with {name}", addressed((channel, address)), {"addresses[0].address"}
    yield "an address that is empty", addressed((EMAIL, "")), {"addresses[0].address"}
    yield "an address of the feed", addressed((WEBSOCKET, "")), {"addresses[0].channel"}
    yield "two addresses for one channel", addressed(MAIL, (EMAIL, "bob@example.org")), {"addresses[1].channel"}


def bad_keys_and_times() -> BadSends:
    for name, key in BAD_KEYS.items():
        yield f"a key: {name}", value(idempotency_key=key), {"idempotency_key"}

    for name, time in BAD_TIMES.items():
        yield f"send_at: {name}", value(send_at=time), {"send_at"}
        yield f"expires_at: {name}", value(expires_at=time), {"expires_at"}
    yield "send_at more than 366 days ahead", value(send_at=at(YEAR + 86_400)), {"send_at"}
    soon = at(60)
    yield "expires_at before send_at", value(send_at=at(120), expires_at=soon), {"expires_at"}
    yield "expires_at at send_at", value(send_at=soon, expires_at=soon), {"expires_at"}
    yield "expires_at in the past", value(expires_at=at(-1)), {"expires_at"}
    yield "expires_at in the past, after send_at", value(send_at=at(-60), expires_at=at(-1)), {"expires_at"}


def bad_plans() -> BadSends:
    yield "an unknown strategy", strategy(3, MAIL), {"strategy.kind"}
    yield (
        "a strategy without channels",
        without_channels(strategy=pb.Strategy(kind=pb.STRATEGY_KIND_PARALLEL)),
        {"strategy"},
    )


def bad_everywhere() -> BadSends:
    everything = SendRequest(
        recipient=pb.Recipient(id="ann"),
        title="a\nb",
        metadata=number(math.nan),
        channels=[*targets((EMAIL, "ann"), (EMAIL, "ann@example.org")), pb.ChannelTarget()],
        addresses=[pb.Address(channel=SMS, address="0"), pb.Address(channel=WEBSOCKET)],
        idempotency_key="k" * 256,
        send_at=Timestamp(seconds=-1),
        expires_at=Timestamp(seconds=-1),
        strategy=pb.Strategy(kind=3),  # type: ignore[arg-type]  # of a newer caller
    )
    yield (
        "everything wrong at once",
        everything,
        {
            "recipient.type", "recipient.id", "title", "message", "metadata", "channels[0].address",
            "channels[1].channel", "channels[2].channel", "addresses[0].address", "addresses[1].channel",
            "idempotency_key", "send_at", "expires_at", "strategy.kind",
        },
    )  # fmt: skip


BAD_SENDS = [
    *bad_texts(),
    *bad_metadata(),
    *bad_recipients(),
    *bad_channels(),
    *bad_keys_and_times(),
    *bad_plans(),
    *bad_everywhere(),
]


@pytest.mark.parametrize(("wanted", "fields"), [pytest.param(*rest, id=name) for name, *rest in BAD_SENDS])
def test_a_send_with_bad_fields_names_all_of_them_and_stores_nothing(
    api: Api, server: ServerUnderTest, wanted: SendRequest, fields: set[str]
) -> None:
    with nothing_stored(server):
        refusal = invalid(lambda: api.send(wanted))
    assert bad_fields(refusal) == fields


def test_bad_requests_in_a_batch_are_refused_as_they_would_be_alone(api: Api, server: ServerUnderTest) -> None:
    with nothing_stored(server):
        results = api.batch(*(wanted for _, wanted, _ in BAD_SENDS))
    assert len(results) == len(BAD_SENDS)
    for result, (name, _, fields) in zip(results, BAD_SENDS, strict=True):
        assert result.WhichOneof("result") == "error", name
        assert bad_fields(read_status(result.error)) == fields, name


def test_a_request_with_a_thousand_bad_fields_is_still_answered_with_details(api: Api, server: ServerUnderTest) -> None:
    wanted = value(title="\U0001f514" * 256)
    for _ in range(16 - len(wanted.channels)):
        wanted.channels.add(channel=99)
    for _ in range(16):
        wanted.addresses.add(channel=99)
    with nothing_stored(server):
        for _ in range(30):  # gRPC refuses what is somewhat too large at random
            refusal = invalid(lambda: api.send(wanted))
            assert refusal.reason == "INVALID_FIELD"
            assert {"title", "channels[1].channel"} <= set(refusal.violations)
            refusal = invalid(lambda: api.mark(ids=["x" * 100] * 500))
            assert list(refusal.violations) == [f"ids[{place}]" for place in range(len(refusal.violations))]
            assert 30 < len(refusal.violations) <= 50


def test_a_long_key_of_any_script_that_is_reused_is_named_whole(api: Api) -> None:
    for character in ("\U0001f514", "ж", "%", "k"):
        wanted = request(idempotency_key=character * (255 - 36) + str(uuid.uuid4()))
        first = api.send(wanted)
        wanted.title = "Another"
        for _ in range(10):
            refusal = refused(lambda wanted=wanted: api.send(wanted))  # type: ignore[misc]
            assert refusal.metadata == {"idempotency_key": wanted.idempotency_key, "id": first.id}


@pytest.mark.parametrize(
    ("wanted", "reason", "metadata"),
    [
        pytest.param(request(None, EMAIL), "ADDRESS_UNKNOWN", {"channel": "email"}, id="no address is known"),
        pytest.param(
            request(pb.Recipient(type=GUEST), WEBSOCKET),
            "RECIPIENT_NOT_REGISTERED",
            {"channel": "websocket", "recipient_type": "guest"},
            id="the feed of somebody who has none",
        ),
        pytest.param(
            service_pb.SendRequest(recipient=pb.Recipient(type=GUEST), title="Hello", message="Hello."),
            "NO_ROUTE",
            {"recipient_type": "guest"},
            id="no channel is named and none is possible",
        ),
    ],
)
def test_what_cannot_be_sent_as_things_stand_is_refused(
    api: Api, server: ServerUnderTest, wanted: SendRequest, reason: str, metadata: dict[str, str]
) -> None:
    with nothing_stored(server):
        refusal = refused(lambda: api.send(wanted))
        [result] = api.batch(wanted)
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert (refusal.reason, refusal.metadata) == (reason, metadata)
    assert read_status(result.error) == refusal


def test_a_channel_without_a_provider_is_refused_and_the_setting_named(tmp_path: Any) -> None:
    with running_server(tmp_path) as bare, Api(bare.address) as api:
        for channel, word, setting in (
            ((EMAIL, "ann@example.org"), "email", "TOCSIN_SMTP_URL"),
            ((SMS, "+15550100"), "sms", "TOCSIN_TWILIO_ACCOUNT_SID"),
            ((TELEGRAM, "@example_channel"), "telegram", "TOCSIN_TELEGRAM_BOT_TOKEN"),
        ):
            wanted = request(None, WEBSOCKET, channel)
            with nothing_stored(bare):
                refusal = refused(lambda wanted=wanted: api.send(wanted))  # type: ignore[misc]
            assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
            assert (refusal.reason, refusal.metadata) == ("CHANNEL_NOT_CONFIGURED", {"channel": word})
            assert setting in refusal.message


def test_a_key_used_with_other_content_is_refused_and_the_first_notification_named(
    api: Api, server: ServerUnderTest
) -> None:
    to, key = user(), f"order-{uuid.uuid4()}"
    first = api.send(request(to, idempotency_key=key, metadata={"total": 1}))
    others = {
        "title": request(to, idempotency_key=key, metadata={"total": 1}, title="Another"),
        "message": request(to, idempotency_key=key, metadata={"total": 1}, message="Another."),
        "metadata": request(to, idempotency_key=key, metadata={"total": 2}),
        "no metadata": request(to, idempotency_key=key),
        "recipient": request(user(), idempotency_key=key, metadata={"total": 1}),
        "channels": request(to, WEBSOCKET, MAIL, idempotency_key=key, metadata={"total": 1}),
        "send_at": request(to, idempotency_key=key, metadata={"total": 1}, send_at=at(60)),
        "expires_at": request(to, idempotency_key=key, metadata={"total": 1}, expires_at=at(60)),
    }
    for name, other in others.items():
        with nothing_stored(server):
            refusal = refused(lambda other=other: api.send(other))  # type: ignore[misc]
        assert refusal.code is grpc.StatusCode.ALREADY_EXISTS, name
        assert refusal.metadata == {"idempotency_key": key, "id": first.id}, name


# -- batches -------------------------------------------------------------------------------------


def test_a_batch_without_requests_is_refused(api: Api) -> None:
    assert bad_fields(invalid(api.batch)) == {"requests"}


def test_a_batch_of_more_than_a_thousand_is_refused_as_a_whole(api: Api, server: ServerUnderTest) -> None:
    with nothing_stored(server):
        refusal = invalid(lambda: api.batch(*[value()] * 1_001))
    assert refusal.reason == "BATCH_TOO_LARGE"
    assert refusal.metadata == {"actual": "1001", "limit": "1000", "unit": "requests"}


def test_a_batch_of_more_than_two_mebibytes_is_refused_as_a_whole(api: Api, server: ServerUnderTest) -> None:
    batch = service_pb.SendBatchRequest(requests=[value(message="x" * 65_000)] * 33)
    assert batch.ByteSize() > 2 * 1024 * 1024
    with nothing_stored(server):
        refusal = invalid(lambda: api.stub.SendBatch(batch, timeout=DEADLINE))
    assert refusal.reason == "BATCH_TOO_LARGE"
    assert refusal.metadata == {"actual": str(batch.ByteSize()), "limit": str(2 * 1024 * 1024), "unit": "bytes"}


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", *BAD_IDS.values()], ids=["missing", *BAD_IDS])
def test_an_id_that_is_none_is_refused_wherever_it_stands(api: Api, bad: str) -> None:
    somebody = pb.Recipient(type=USER, id=bad)
    assert bad_fields(invalid(lambda: api.get(bad))) == {"id"}
    assert bad_fields(invalid(lambda: api.list(recipient=somebody))) == {"recipient.id"}
    assert bad_fields(invalid(lambda: api.mark(recipient=somebody))) == {"recipient.id"}
    assert bad_fields(invalid(lambda: api.mark(ids=[UNKNOWN, bad]))) == {"ids[1]"}
    assert bad_fields(invalid(lambda: api.unread(somebody))) == {"recipient.id"}
    assert bad_fields(invalid(api.subscribe(somebody).event)) == {"recipient.id"}


def test_a_recipient_that_is_missing_is_refused_wherever_it_is_required(api: Api) -> None:
    fields = {"recipient.type", "recipient.id"}
    assert bad_fields(invalid(lambda: api.stub.CountUnread(service_pb.CountUnreadRequest()))) == fields
    assert bad_fields(invalid(api.subscribe(pb.Recipient()).event)) == fields
    assert bad_fields(invalid(lambda: api.list(recipient=pb.Recipient()))) == fields
    assert bad_fields(invalid(lambda: api.mark(recipient=pb.Recipient()))) == fields
    assert bad_fields(invalid(lambda: api.list(feed_only=True))) == {"recipient"}


def test_an_id_that_nobody_has_is_not_found(api: Api) -> None:
    refusal = refused(lambda: api.get(UNKNOWN))
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert (refusal.reason, refusal.metadata) == ("NOTIFICATION_NOT_FOUND", {"id": UNKNOWN})


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        pytest.param({"page_size": -1}, {"page_size"}, id="a negative page size"),
        pytest.param({"statuses": [1, 0, 4]}, {"statuses[1]", "statuses[2]"}, id="unknown statuses"),
        pytest.param({"channels": [9, 1, -1]}, {"channels[0]", "channels[2]"}, id="unknown channels"),
        pytest.param(
            {"created_after": Timestamp(seconds=5), "created_before": Timestamp(seconds=5)},
            {"created_before"},
            id="a span without length",
        ),
        pytest.param(
            {"recipient": pb.Recipient(), "statuses": [0], "channels": [0], "page_size": -2**31,
             "created_after": Timestamp(seconds=-1), "created_before": Timestamp(nanos=-1)},
            {"recipient.type", "recipient.id", "statuses[0]", "channels[0]", "page_size", "created_after",
             "created_before"},
            id="everything wrong at once",
        ),
        *(
            pytest.param({field: it}, {field}, id=f"{field}: {name}")
            for field in ("created_after", "created_before")
            for name, it in BAD_TIMES.items()
        ),
    ],
)  # fmt: skip
def test_a_list_with_bad_fields_names_all_of_them(api: Api, fields: dict[str, Any], bad: set[str]) -> None:
    assert bad_fields(invalid(lambda: api.list(**fields))) == bad


BAD_TOKENS = ["x", "####", "AAAA", "é", "\0", "MS4", "x" * 1_025, "MS4wMDAwMDAwMC4x", " "]


@pytest.mark.parametrize("token", BAD_TOKENS, ids=ascii)
def test_a_page_token_that_was_never_given_out_is_refused(api: Api, token: str) -> None:
    for fields in ({}, {"recipient": user(), "feed_only": True}):
        refusal = invalid(lambda fields=fields: api.list(page_token=token, **fields))  # type: ignore[misc]
        assert (refusal.reason, refusal.metadata) == ("MALFORMED_PAGE_TOKEN", {"field": "page_token"})
        assert set(refusal.violations) == {"page_token"}


def test_a_page_token_of_another_list_is_refused(api: Api) -> None:
    to = user()
    for _ in range(3):
        api.send(request(to))
    page = {"recipient": to, "page_size": 1}
    token = api.list(**page).next_page_token
    assert api.list(**page, page_token=token).notifications
    others: list[dict[str, Any]] = [
        {"page_size": 1},
        {"recipient": user(), "page_size": 1},
        {**page, "feed_only": True},
        {**page, "unread_only": True},
        {**page, "unrouted_only": True},
        {**page, "statuses": [pb.STATUS_PENDING]},
        {**page, "channels": [WEBSOCKET]},
        {**page, "created_after": Timestamp(seconds=1)},
        {**page, "created_before": at(60)},
    ]
    for other in others:
        refusal = invalid(lambda other=other: api.list(**other, page_token=token))  # type: ignore[misc]
        assert refusal.reason == "MALFORMED_PAGE_TOKEN", other
    feed_token = api.list(**page, feed_only=True).next_page_token
    assert invalid(lambda: api.list(**page, page_token=feed_token)).reason == "MALFORMED_PAGE_TOKEN"


BAD_CURSORS = ["x", "####", "AAAA", "é", "\0", " ", "A" * 23, "_" * 23, "AQ" + "A" * 22, "x" * 129]


@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=ascii)
def test_a_cursor_that_was_never_given_out_is_refused(api: Api, cursor: str) -> None:
    to = user()
    refusal = invalid(api.subscribe(to, cursor).event)
    assert (refusal.reason, refusal.metadata) == ("MALFORMED_CURSOR", {"field": "cursor"})
    refusal = invalid(lambda: api.mark(recipient=to, up_to_cursor=cursor))
    assert (refusal.reason, refusal.metadata) == ("MALFORMED_CURSOR", {"field": "up_to_cursor"})
    assert set(refusal.violations) == {"up_to_cursor"}


# -- MarkRead ------------------------------------------------------------------------------------


def test_marking_needs_ids_or_a_recipient_and_not_both(api: Api) -> None:
    one = api.send(request())
    assert bad_fields(invalid(api.mark)) == {"ids"}
    assert bad_fields(invalid(lambda: api.mark(ids=[one.id], recipient=one.recipient))) == {"ids"}
    cursor = api.list(recipient=one.recipient).cursor
    assert bad_fields(invalid(lambda: api.mark(ids=[one.id], up_to_cursor=cursor))) == {"up_to_cursor"}
    assert bad_fields(invalid(lambda: api.mark(ids=[one.id] * 501))) == {"ids"}
    assert not api.get(one.id).is_read


def test_marking_ids_of_two_recipients_marks_none(api: Api) -> None:
    one, other = api.send(request()), api.send(request())
    assert bad_fields(invalid(lambda: api.mark(ids=[one.id, other.id]))) == {"ids"}
    for notification in (one, other):
        assert not api.get(notification.id).is_read
        assert api.unread(notification.recipient) == 1


def test_marking_an_unknown_id_marks_none_of_the_others(api: Api) -> None:
    one = api.send(request())
    refusal = refused(lambda: api.mark(ids=[one.id, UNKNOWN]))
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert (refusal.reason, refusal.metadata) == ("NOTIFICATION_NOT_FOUND", {"id": UNKNOWN})
    assert not api.get(one.id).is_read
    assert api.unread(one.recipient) == 1


def test_marking_up_to_a_cursor_of_another_feed_marks_nothing(api: Api) -> None:
    one, other = api.send(request()), api.send(request())
    cursor = api.list(recipient=other.recipient).cursor
    refusal = invalid(lambda: api.mark(recipient=one.recipient, up_to_cursor=cursor))
    assert (refusal.reason, refusal.metadata) == ("MALFORMED_CURSOR", {"field": "up_to_cursor"})
    assert api.unread(one.recipient) == 1


# -- bytes ---------------------------------------------------------------------------------------

METHODS = {
    f"{service.name}/{method.name}": (method.input_type, method.server_streaming)
    for module in (service_pb, contact_pb)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@pytest.mark.parametrize("method", METHODS)
def test_bytes_that_are_no_message_are_refused_by_every_rpc(api: Api, server: ServerUnderTest, method: str) -> None:
    input_type, streams = METHODS[method]
    for payload in (b"\xff", b"\x0a\x7f", b"\x07", b"\x0a" + b"\xff" * 11, b"\x0b" * 200):
        with nothing_stored(server):
            refusal = invalid(lambda payload=payload: api.raw(method, payload, streams=streams))  # type: ignore[misc]
        assert (refusal.reason, refusal.metadata) == ("MALFORMED_REQUEST", {"type": input_type.full_name})


def test_text_that_is_not_utf_8_is_refused(api: Api, server: ServerUnderTest) -> None:
    good = value(title="@@@@", message="####").SerializeToString()
    for wrong in (b"@@\xc3(", b"\xff\xfe@@", b"\xed\xa0\x80@", b"\xf4\x90\x80\x80", b"@\xc0\x80@"):
        for mark in (b"@@@@", b"####"):
            with nothing_stored(server):
                refusal = invalid(lambda w=wrong, m=mark: api.raw("NotificationService/Send", good.replace(m, w)))  # type: ignore[misc]
            assert (refusal.reason, refusal.metadata) == ("MALFORMED_REQUEST", {"type": "tocsin.v1.SendRequest"})
    assert api.raw("NotificationService/Send", good)


def wire_field(tag: int, content: bytes) -> bytes:
    """Return a length-delimited field; the library refuses to build messages as deep as these."""
    length, rest = len(content), bytearray()
    while length > 127:
        rest.append(length & 127 | 128)
        length >>= 7
    return bytes([tag, *rest, length]) + content


def nested_payload(objects: int, arrays: int) -> bytes:
    """Return a good request, but for metadata of so many levels below the outermost."""
    innermost = b"\x20\x01"  # Value.bool_value
    for _ in range(arrays):
        innermost = wire_field(0x32, wire_field(0x0A, innermost))  # Value.list_value, ListValue.values
    for _ in range(objects):
        entry = wire_field(0x0A, b"deep") + wire_field(0x12, innermost)
        innermost = wire_field(0x2A, wire_field(0x0A, entry))  # Value.struct_value, Struct.fields
    outermost = wire_field(0x0A, wire_field(0x0A, b"deep") + wire_field(0x12, innermost))
    return value().SerializeToString() + wire_field(0x22, outermost)  # SendRequest.metadata


@pytest.mark.parametrize(
    ("objects", "arrays"),
    [(32, 0), (0, 32), (16, 16), (1, 47), (2, 45), (0, 48), (0, 100), (100, 0), (0, 5_000), (5_000, 0)],
)
def test_metadata_nested_too_deeply_is_refused(api: Api, server: ServerUnderTest, objects: int, arrays: int) -> None:
    payload = nested_payload(objects, arrays)
    with nothing_stored(server):
        refusal = invalid(lambda: api.raw("NotificationService/Send", payload))
    assert refusal.reason in ("INVALID_FIELD", "MALFORMED_REQUEST")


@pytest.mark.parametrize(("objects", "arrays"), [(31, 0), (0, 31), (15, 16)])
def test_metadata_nested_as_deeply_as_is_allowed_can_be_read_everywhere(
    api: Api, server: ServerUnderTest, objects: int, arrays: int
) -> None:
    payload = nested_payload(objects, arrays).replace(b"ann@example.org", b"eve@example.org")
    sent = service_pb.SendResponse.FromString(api.raw("NotificationService/Send", payload)).notification
    assert api.get(sent.id).metadata == sent.metadata
    assert sent.id in [notification.id for notification in api.list(page_size=5).notifications]


@pytest.mark.parametrize("method", METHODS)
def test_random_bytes_are_answered_or_refused_with_details(api: Api, server: ServerUnderTest, method: str) -> None:
    _, streams = METHODS[method]
    dice = random.Random(method)  # noqa: S311 - the same bytes every time
    good = [value().SerializeToString(), request(metadata={"a": [1, None, {"b": "c"}]}).SerializeToString()]
    answered = 0
    for _ in range(40):
        payload = bytearray(dice.choice([dice.randbytes(dice.randrange(1, 60)), dice.choice(good)]))
        for _ in range(dice.randrange(4)):
            payload[dice.randrange(len(payload))] = dice.randrange(256)
        try:
            api.raw(method, bytes(payload), streams=streams)
            answered += 1
        except grpc.RpcError as error:
            refusal = read_refusal(error)
            assert refusal.code is not grpc.StatusCode.INTERNAL, refusal
    assert answered < 40
    assert api.unread(user()) == 0


def test_the_document_names_every_reason() -> None:
    assert len(promised()) == 33
    promise = promised()["QUEUE_FULL"]
    assert promise == (grpc.StatusCode.RESOURCE_EXHAUSTED, frozenset({"limit"}), True)


def test_good_requests_beside_the_bad_ones_are_accepted(api: Api) -> None:
    """Without this, a server that refused everything would pass this file."""
    for wanted in (
        value(title="x" * 255),
        value(title="\U0001f514" * 255),
        value(message="x" * 65_536),
        value(message="a\r\nb\tc\u2028"),
        value(metadata={"text": "x" * (32 * 1024 - len('{"text":""}'))}),
        value(idempotency_key="k" * 200 + str(uuid.uuid4())),
        value(send_at=at(YEAR - 60)),
        value(send_at=at(-1_000), expires_at=at(60)),
        value(send_at=Timestamp(seconds=0)),
        request(None, WEBSOCKET, (EMAIL, "ann@example.org"), (SMS, "+15550100"), (TELEGRAM, "-100123")),
        request(pb.Recipient(type=pb.RECIPIENT_TYPE_OTHER), (TELEGRAM, "@example_channel")),
        addressed((EMAIL, "jörg@bücher.example"), (SMS, "+491234567890123"), (TELEGRAM, "1")),
        value(strategy=pb.Strategy(kind=pb.STRATEGY_KIND_PARALLEL)),
        value(strategy=pb.Strategy()),
        value(routing=pb.Routing()),
        SendRequest(recipient=user(), title="Hello", message="Hello.", metadata=struct({})),
    ):
        assert api.send(wanted).id
