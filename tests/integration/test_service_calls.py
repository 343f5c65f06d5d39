"""What the service does when all is well: Send, SendBatch, Get, List, MarkRead and CountUnread over a real port."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import (
    DEADLINE,
    EMAIL,
    FAILED,
    GUEST,
    PENDING,
    SENT,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    AioApi,
    Api,
    at,
    channel_of,
    ids_of,
    read_status,
    refused,
    request,
    run_async,
    user,
)
from helpers.databases import KINDS
from helpers.server import ServerUnderTest, server_on
from helpers.waiting import eventually

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MAIL = (EMAIL, "ann@example.org")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[ServerUnderTest]:
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


def moment(time: Timestamp) -> float:
    return time.seconds + time.nanos / 1e9


# -- Send and Get --------------------------------------------------------------------------------


def test_what_was_sent_is_answered_and_found_again_as_it_was_given(api: Api) -> None:
    to, later, last = user(), at(3_600), at(7_200)
    metadata = {"order_id": "ABC123", "total": 12, "price": 9.5, "tags": ["a", None, True, {"ключ": "знач"}], "no": {}}
    sent = api.send(
        request(
            to,
            WEBSOCKET,
            MAIL,
            (SMS, "+15550100"),
            title="Заказ отправлен \U0001f4e6",
            message="Он прибудет\r\nв пятницу.\t\u2028",
            metadata=metadata,
            send_at=later,
            expires_at=last,
        )
    )
    assert UUID7.fullmatch(sent.id)
    assert sent.recipient == to
    assert (sent.title, sent.message) == ("Заказ отправлен \U0001f4e6", "Он прибудет\r\nв пятницу.\t\u2028")
    assert dict(sent.metadata.items())["tags"] is not None
    assert sent.metadata == request(metadata=metadata).metadata
    assert sent.status == PENDING
    assert not sent.is_read
    assert not sent.HasField("read_at")
    assert abs(moment(sent.created_at) - moment(at(0))) < 60
    assert [row.channel for row in sent.channels] == [WEBSOCKET, EMAIL, SMS]
    assert [row.address for row in sent.channels] == ["", "ann@example.org", "+15550100"]
    for row in sent.channels:
        assert UUID7.fullmatch(row.id)
        assert row.notification_id == sent.id
        assert (row.status, row.attempts) == (PENDING, 0)
        assert not row.HasField("response")
        assert row.created_at == sent.created_at
        assert row.next_attempt_at == sent.send_at
    for given, stored in ((later, sent.send_at), (last, sent.expires_at)):
        assert (stored.seconds, stored.nanos) == (given.seconds, given.nanos // 1000 * 1000)
    assert api.get(sent.id) == sent


def test_numbers_in_metadata_are_kept_as_json_keeps_them(api: Api, server: ServerUnderTest) -> None:
    sent = api.send(request(metadata={"whole": 3.0, "half": 0.5, "large": 2**53, "negative": -1, "yes": True}))
    [[stored]] = server.database.rows("SELECT metadata FROM notifications WHERE id = ?", sent.id)
    kept = {name: repr(value) for name, value in json.loads(stored).items()}
    assert kept == {"whole": "3", "half": "0.5", "large": "9007199254740992", "negative": "-1", "yes": "True"}


def test_metadata_that_is_empty_is_not_metadata_that_is_absent(api: Api) -> None:
    assert api.get(api.send(request(metadata={})).id).HasField("metadata")
    assert not api.get(api.send(request()).id).HasField("metadata")


def test_the_tables_hold_what_their_columns_promise(api: Api, server: ServerUnderTest) -> None:
    to = user()
    sent = api.send(request(to, WEBSOCKET, MAIL, metadata={"order_id": "ABC123"}, send_at=at(3_600)))
    [row] = server.database.rows(
        "SELECT recipient_id, recipient_type, title, message, status, metadata, is_read, created_at "
        "FROM notifications WHERE id = ?",
        sent.id,
    )
    created = sent.created_at.seconds * 1_000_000 + sent.created_at.nanos // 1000
    assert row[:5] == (to.id, "user", sent.title, sent.message, "pending")
    assert (json.loads(row[5]), *row[6:]) == ({"order_id": "ABC123"}, False, created)
    rows = server.database.rows(
        "SELECT id, notification_id, channel, status, attempts, response, created_at "
        "FROM notification_channels WHERE notification_id = ? ORDER BY id",
        sent.id,
    )
    assert rows == [(row.id, sent.id, word, "pending", 0, None, created) for row, word in zip(
        sent.channels, ["websocket", "email"], strict=True)]  # fmt: skip


def test_channels_go_out_and_are_recorded_as_sent(api: Api, folder: Path) -> None:
    sent = api.send(request(user(), MAIL, (SMS, "+15550100"), (TELEGRAM, "@example_channel"), title="Three ways"))

    def settled() -> pb.Notification:
        now = api.get(sent.id)
        assert [row.status for row in now.channels] == [SENT] * 3
        return now

    now = eventually(settled)
    assert now.status == SENT
    for row in now.channels:
        assert row.attempts == 1
        assert row.response["outcome"] == "accepted"
        assert not row.HasField("next_attempt_at")
        written = list(folder.glob(f"outbox/*/*{row.id}*"))
        assert len(written) == 1
        assert "Three ways" in written[0].read_text()


def test_without_named_channels_every_possible_one_is_taken(api: Api) -> None:
    everybody = service_pb.SendRequest(recipient=user(), title="Hello", message="Hello.")
    assert [row.channel for row in api.send(everybody).channels] == [WEBSOCKET]
    everybody.addresses.add(channel=SMS, address="+15550100")
    everybody.addresses.add(channel=EMAIL, address="ann@example.org")
    assert [(row.channel, row.address) for row in api.send(everybody).channels] == [
        (WEBSOCKET, ""),
        (EMAIL, "ann@example.org"),
        (SMS, "+15550100"),
    ]
    everybody.recipient.CopyFrom(pb.Recipient(type=GUEST))
    unregistered = api.send(everybody)
    assert [row.channel for row in unregistered.channels] == [EMAIL, SMS]
    assert unregistered.recipient == pb.Recipient(type=GUEST)


def test_a_named_channel_takes_its_own_address_before_a_known_one(api: Api) -> None:
    known = [pb.Address(channel=EMAIL, address="known@example.org"), pb.Address(channel=SMS, address="+15550100")]
    sent = api.send(request(None, EMAIL, WEBSOCKET, addresses=known))
    assert [(row.channel, row.address) for row in sent.channels] == [(EMAIL, "known@example.org"), (WEBSOCKET, "")]
    sent = api.send(request(None, MAIL, addresses=known))
    assert [row.address for row in sent.channels] == ["ann@example.org"]


# -- idempotency ---------------------------------------------------------------------------------


def test_fifty_identical_sends_at_once_store_one_notification(server: ServerUnderTest, api: Api, folder: Path) -> None:
    wanted = request(user(), WEBSOCKET, MAIL, idempotency_key=f"order-{uuid.uuid4()}", metadata={"a": 1})

    async def all_at_once() -> list[service_pb.SendResponse]:
        async with AioApi(server.address) as one, AioApi(server.address) as other:
            stubs = itertools.cycle((one.stub, other.stub))
            calls = [next(stubs).Send(wanted, timeout=DEADLINE) for _ in range(50)]
            return list(await asyncio.gather(*calls))

    before = server.database.counts()
    answers = run_async(all_at_once())
    after = server.database.counts()
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "notifications": 1,
        "notification_channels": 2,
        "recipient_feeds": 1,
        "idempotency_keys": 1,
    }
    assert len({answer.notification.id for answer in answers}) == 1
    assert [answer.duplicate for answer in answers].count(True) == 49
    assert api.unread(wanted.recipient) == 1
    [first] = {answer.notification.id for answer in answers}
    mail = eventually(lambda: [row for row in api.get(first).channels if row.channel == EMAIL and row.status == SENT])
    assert mail[0].attempts == 1
    assert len(list(folder.glob(f"outbox/email/*{mail[0].id}*"))) == 1


def test_identical_sends_from_many_threads_and_batches_store_one_notification(
    server: ServerUnderTest, api: Api
) -> None:
    wanted = request(idempotency_key=f"order-{uuid.uuid4()}")

    def alone(_: int) -> tuple[str, bool]:
        answer = api.stub.Send(wanted, timeout=DEADLINE)
        return answer.notification.id, answer.duplicate

    def twice(_: int) -> list[tuple[str, bool]]:
        results = api.batch(wanted, wanted)
        return [(result.response.notification.id, result.response.duplicate) for result in results]

    with ThreadPoolExecutor(12) as pool:
        singles, pairs = pool.map(alone, range(12)), pool.map(twice, range(12))
        answers = [*singles, *itertools.chain.from_iterable(pairs)]
    assert len(answers) == 36
    assert len({notification_id for notification_id, _ in answers}) == 1
    assert [duplicate for _, duplicate in answers].count(False) == 1
    assert len(api.list(recipient=wanted.recipient).notifications) == 1


def test_a_repetition_is_answered_with_the_notification_as_it_is_now(api: Api) -> None:
    wanted = request(idempotency_key=str(uuid.uuid4()), metadata={"b": 1, "a": {"d": 2.0, "c": 3}})
    first = api.send(wanted)
    api.mark(ids=[first.id])
    again = service_pb.SendRequest()
    again.CopyFrom(wanted)
    again.ClearField("metadata")
    again.metadata.update({"a": {"c": 3, "d": 2}, "b": 1.0})
    answer = api.stub.Send(again, timeout=DEADLINE)
    assert answer.duplicate
    assert answer.notification == api.get(first.id)
    assert answer.notification.is_read


def test_a_repetition_after_expiry_is_still_answered_with_the_first(api: Api) -> None:
    wanted = request(idempotency_key=str(uuid.uuid4()), expires_at=at(1.5))
    first = api.send(wanted)
    eventually(lambda: api.get(first.id).status == FAILED)
    answer = api.stub.Send(wanted, timeout=DEADLINE)
    assert answer.duplicate
    assert answer.notification == api.get(first.id)
    [result] = api.batch(wanted)
    assert result.response.duplicate


def test_without_a_key_every_call_stores_a_notification(api: Api) -> None:
    wanted = request()
    assert api.send(wanted).id != api.send(wanted).id
    assert api.unread(wanted.recipient) == 2


def test_a_call_that_was_refused_does_not_use_up_its_key(api: Api) -> None:
    key = str(uuid.uuid4())
    assert refused(lambda: api.send(request(title="", idempotency_key=key))).reason == "INVALID_FIELD"
    assert refused(lambda: api.send(request(None, EMAIL, idempotency_key=key))).reason == "ADDRESS_UNKNOWN"
    assert refused(lambda: api.send(request(expires_at=at(-1), idempotency_key=key))).reason == "INVALID_FIELD"
    assert api.send(request(idempotency_key=key))


# -- batches -------------------------------------------------------------------------------------


def test_a_batch_is_answered_in_order_and_what_is_bad_does_not_spoil_the_rest(api: Api) -> None:
    to, key, other_key = user(), str(uuid.uuid4()), str(uuid.uuid4())
    earlier = api.send(request(to, title="earlier", idempotency_key=other_key))
    results = api.batch(
        request(to, title="0", idempotency_key=key, metadata={"a": 1}),
        request(to, title=""),
        request(to, title="2"),
        request(to, title="0", idempotency_key=key, metadata={"a": 1}),
        request(to, title="not 0", idempotency_key=key),
        request(pb.Recipient(type=GUEST), WEBSOCKET),
        request(to, title="earlier", idempotency_key=other_key),
        request(to, EMAIL),
        request(to, MAIL, title="8"),
    )
    kinds = [result.WhichOneof("result") for result in results]
    assert kinds == ["response", "error", "response", "response", "error", "error", "response", "error", "response"]
    first = results[0].response.notification
    titles = {place: results[place].response.notification.title for place in (0, 2, 3, 6, 8)}
    assert titles == {0: "0", 2: "2", 3: "0", 6: "earlier", 8: "8"}
    assert [results[place].response.duplicate for place in (0, 2, 3, 6, 8)] == [False, False, True, True, False]
    assert results[3].response.notification.id == first.id
    assert results[6].response.notification.id == earlier.id
    refusals = {place: read_status(results[place].error) for place in (1, 4, 5, 7)}
    assert {place: refusal.reason for place, refusal in refusals.items()} == {
        1: "INVALID_FIELD",
        4: "IDEMPOTENCY_KEY_REUSED",
        5: "RECIPIENT_NOT_REGISTERED",
        7: "ADDRESS_UNKNOWN",
    }
    assert refusals[4].code is grpc.StatusCode.ALREADY_EXISTS
    assert refusals[4].metadata == {"idempotency_key": key, "id": first.id}
    stored = api.list(recipient=to).notifications
    assert [notification.title for notification in stored] == ["8", "2", "0", "earlier"]


def test_results_of_a_batch_are_brief_and_the_rest_is_stored(api: Api) -> None:
    wanted = request(user(), WEBSOCKET, MAIL, metadata={"a": 1}, idempotency_key=str(uuid.uuid4()))
    for duplicate in (False, True):
        [result] = api.batch(wanted)
        brief = result.response.notification
        assert result.response.duplicate is duplicate
        assert brief.message == ""
        assert not brief.HasField("metadata")
        assert brief.title == wanted.title
        assert [row.channel for row in brief.channels] == [WEBSOCKET, EMAIL]
        full = api.get(brief.id)
        assert full.message == wanted.message
        assert full.metadata == wanted.metadata


def test_a_batch_of_a_thousand_is_stored_in_its_order(api: Api) -> None:
    to = user()
    results = api.batch(*(request(to, title=f"number {number}") for number in range(1_000)))
    ids = [result.response.notification.id for result in results]
    assert len(set(ids)) == 1_000
    assert ids == sorted(ids)
    assert api.unread(to) == 1_000
    assert ids_of(api.list(recipient=to, page_size=500).notifications) == ids[:-501:-1]


# -- List ----------------------------------------------------------------------------------------


def walk(api: Api, page_size: int, **fields: Any) -> list[list[str]]:
    """Turn all pages, and return the ids of each."""
    pages, token = [], ""
    while True:
        page = api.list(page_size=page_size, page_token=token, **fields)
        pages.append(ids_of(page.notifications))
        assert len(page.next_page_token) <= 1_024
        token = page.next_page_token
        if not token:
            return pages


def test_pages_hold_every_match_once_newest_first(api: Api) -> None:
    to, dice = user(), random.Random(7)  # noqa: S311 - the same list every time
    sent: list[pb.Notification] = []
    for number in range(23):
        wanted = dice.choice([request(to, WEBSOCKET), request(to, MAIL), request(to, WEBSOCKET, MAIL)])
        wanted.title = str(number)
        if dice.randrange(3) == 0:
            wanted.send_at.CopyFrom(at(3_600))
        sent.append(api.send(wanted))
    read = dice.sample([one.id for one in sent], 9)
    api.mark(ids=read)
    eventually(lambda: all(one.status == SENT or one.HasField("send_at") for one in now(api, to, EMAIL)))

    filters: list[dict[str, Any]] = [
        {},
        {"unread_only": True},
        {"channels": [EMAIL]},
        {"channels": [WEBSOCKET, EMAIL]},
        {"channels": [SMS]},
        {"statuses": [PENDING]},
        {"statuses": [SENT]},
        {"statuses": [SENT, PENDING, SENT]},
        {"statuses": [FAILED]},
        {"unread_only": True, "channels": [EMAIL], "statuses": [SENT]},
        {"created_after": sent[5].created_at},
        {"created_before": sent[20].created_at},
        {"created_after": sent[5].created_at, "created_before": sent[20].created_at, "unread_only": True},
        {"unrouted_only": True},
    ]
    latest = {one.id: one for one in (api.get(one.id) for one in sent)}
    for fields in filters:
        expected = [one.id for one in reversed(sent) if matches(latest[one.id], fields)]
        for page_size in (1, 4, 50):
            pages = walk(api, page_size, recipient=to, **fields)
            assert list(itertools.chain.from_iterable(pages)) == expected, (fields, page_size)
            assert all(len(page) == page_size for page in pages[:-1])
    assert len(api.list(recipient=to, channels=[EMAIL]).notifications) not in (0, 23)


def now(api: Api, to: pb.Recipient, channel: pb.ChannelType) -> list[pb.Notification]:
    return list(api.list(recipient=to, channels=[channel]).notifications)


def matches(one: pb.Notification, wanted: dict[str, Any]) -> bool:
    """Say the meaning of the filters once more, the slow way."""
    created = moment(one.created_at)
    return (
        not (wanted.get("unread_only") and one.is_read)
        and ("channels" not in wanted or any(row.channel in wanted["channels"] for row in one.channels))
        and ("statuses" not in wanted or one.status in wanted["statuses"])
        and ("created_after" not in wanted or created >= moment(wanted["created_after"]))
        and ("created_before" not in wanted or created < moment(wanted["created_before"]))
        and not wanted.get("unrouted_only")
    )


def test_what_arrives_while_pages_are_turned_neither_shifts_nor_repeats_them(api: Api) -> None:
    to = user()
    for fields in ({"recipient": to}, {"recipient": to, "feed_only": True}):
        old = [api.send(request(to)).id for _ in range(6)][::-1]
        first = api.list(page_size=2, **fields)
        assert ids_of(first.notifications) == old[:2]
        api.send(request(to))
        second = api.list(page_size=3, page_token=first.next_page_token, **fields)
        assert ids_of(second.notifications) == old[2:5]
        api.mark(ids=[old[5]])  # a change is no new entry either
        third = api.list(page_size=1, page_token=second.next_page_token, **fields)
        assert ids_of(third.notifications) == old[5:6]


def test_a_page_holds_fifty_by_default_and_five_hundred_at_most(api: Api) -> None:
    to = user()
    api.batch(*(request(to) for _ in range(501)))
    for asked, given in ((0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)):
        page = api.list(recipient=to, page_size=asked)
        assert len(page.notifications) == given
        assert page.next_page_token


def test_a_page_ends_at_a_mebibyte_and_the_next_goes_on_from_there(api: Api) -> None:
    to = user()
    sent = [api.send(request(to, message="x" * 65_536)).id for _ in range(40)][::-1]
    for fields in ({"recipient": to}, {"recipient": to, "feed_only": True}):
        pages = walk(api, 500, **fields)
        assert list(itertools.chain.from_iterable(pages)) == sent
        assert [len(page) for page in pages] == [16, 16, 8]


def test_the_feed_lists_what_entered_it_in_the_order_of_entry(api: Api) -> None:
    to = user()
    later = api.send(request(to, send_at=at(2.5), title="scheduled"))
    never = api.send(request(to, send_at=at(3_600)))
    mail = api.send(request(to, MAIL))
    first, second = api.send(request(to)), api.send(request(to))
    feed = {"recipient": to, "feed_only": True}
    assert ids_of(api.list(**feed).notifications) == [second.id, first.id]
    assert api.unread(to) == 2
    eventually(lambda: ids_of(api.list(**feed).notifications) == [later.id, second.id, first.id])
    assert walk(api, 1, **feed) == [[later.id], [second.id], [first.id]]
    assert api.unread(to) == 3
    api.mark(ids=[second.id])
    assert ids_of(api.list(**feed, unread_only=True).notifications) == [later.id, first.id]
    everything = ids_of(api.list(recipient=to).notifications)
    assert everything == [second.id, first.id, mail.id, never.id, later.id]


def test_lists_are_of_one_recipient_or_of_everybody(api: Api) -> None:
    to = user()
    mine = api.send(request(to))
    namesake = api.send(request(pb.Recipient(type=pb.RECIPIENT_TYPE_PARTNER, id=to.id)))
    stranger = api.send(request(pb.Recipient(type=GUEST), MAIL))
    assert ids_of(api.list(recipient=to).notifications) == [mine.id]
    assert ids_of(api.list(page_size=3).notifications) == [stranger.id, namesake.id, mine.id]


def test_a_list_has_a_cursor_when_it_is_of_one_recipient(api: Api) -> None:
    to = user()
    assert api.list(recipient=to).cursor
    api.send(request(to, MAIL))
    without_feed = api.list(recipient=to, feed_only=True)
    assert without_feed.cursor
    assert not without_feed.notifications
    api.send(request(to))
    assert api.list(recipient=to).cursor not in ("", without_feed.cursor)
    assert len(api.list(recipient=to).cursor) <= 128
    assert api.list().cursor == ""


# -- MarkRead and CountUnread --------------------------------------------------------------------


def test_marking_ids_counts_what_turned_and_leaves_the_rest(api: Api) -> None:
    to = user()
    sent = [api.send(request(to)).id for _ in range(4)]
    answer = api.mark(ids=[sent[0], sent[2], sent[0]])
    assert (answer.marked_count, answer.unread_count) == (2, 2)
    first_read = api.get(sent[0])
    assert first_read.is_read
    assert first_read.HasField("read_at")
    again = api.mark(ids=[sent[0], sent[1]])
    assert (again.marked_count, again.unread_count) == (1, 1)
    assert api.get(sent[0]).read_at == first_read.read_at
    assert [api.get(one).is_read for one in sent] == [True, True, True, False]
    assert api.unread(to) == 1


def place(cursor: str) -> bytes:
    """Return what cursors of one feed compare by, as CountUnreadResponse.cursor says."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def test_of_two_counts_the_cursors_tell_which_is_newer(api: Api) -> None:
    to = user()
    count = service_pb.CountUnreadRequest(recipient=to)
    cursors = [api.stub.CountUnread(count, timeout=DEADLINE).cursor]  # of a feed that nothing has entered
    with api.subscribe(to) as stream:
        stream.subscribed()
        for _ in range(100):
            api.send(request(to))
            arrived = stream.notification()
            cursors.append(stream.cursor)
            marked = api.mark(ids=[arrived.id])
            assert marked.unread_count == 0
            stream.read_changed()
            assert (stream.cursor, stream.unread_count) == (marked.cursor, 0)
            cursors.append(marked.cursor)
    assert api.stub.CountUnread(count, timeout=DEADLINE).cursor == cursors[-1]
    assert all(place(older) < place(newer) for older, newer in itertools.pairwise(cursors))
    guest = api.send(request(pb.Recipient(type=GUEST), MAIL))
    assert api.mark(ids=[guest.id]).cursor == ""


def test_what_is_outside_the_feed_can_be_marked_and_is_not_counted(api: Api) -> None:
    to = user()
    inside, mail = api.send(request(to)), api.send(request(to, MAIL))
    scheduled = api.send(request(to, send_at=at(3_600)))
    answer = api.mark(ids=[mail.id, scheduled.id])
    assert (answer.marked_count, answer.unread_count) == (2, 1)
    assert api.get(mail.id).is_read
    assert not api.get(inside.id).is_read
    guest = pb.Recipient(type=GUEST)
    unregistered = api.send(request(guest, MAIL))
    answer = api.mark(ids=[unregistered.id])
    assert (answer.marked_count, answer.unread_count) == (1, 0)


def test_a_whole_feed_is_marked_in_one_call(api: Api) -> None:
    to = user()
    api.batch(*(request(to) for _ in range(700)))  # more than one chunk of the server's
    mail = api.send(request(to, MAIL))
    answer = api.mark(recipient=to)
    assert (answer.marked_count, answer.unread_count) == (700, 0)
    assert api.mark(recipient=to).marked_count == 0
    assert not api.list(recipient=to, feed_only=True, unread_only=True).notifications
    assert not api.get(mail.id).is_read
    nobody = api.mark(recipient=user())
    assert (nobody.marked_count, nobody.unread_count) == (0, 0)


def test_a_feed_is_marked_up_to_a_cursor_and_what_came_since_stays_unread(api: Api) -> None:
    to = user()
    before_all = api.list(recipient=to).cursor
    seen = [api.send(request(to)).id for _ in range(3)]
    cursor = api.list(recipient=to).cursor
    since = [api.send(request(to)).id for _ in range(2)]
    nothing = api.mark(recipient=to, up_to_cursor=before_all)
    assert (nothing.marked_count, nothing.unread_count) == (0, 5)
    answer = api.mark(recipient=to, up_to_cursor=cursor)
    assert (answer.marked_count, answer.unread_count) == (3, 2)
    assert ids_of(api.list(recipient=to, unread_only=True).notifications) == since[::-1]
    assert all(api.get(one).is_read for one in seen)


def test_reading_from_many_devices_at_once_counts_each_notification_once(api: Api) -> None:
    to = user()
    sent = [api.send(request(to)).id for _ in range(40)]
    halves = [sent[:25], sent[15:], sent[5:35]]
    with ThreadPoolExecutor(9) as pool:
        marked = list(pool.map(lambda ids: api.mark(ids=ids).marked_count, halves * 3))
    assert sum(marked) == 40
    assert api.unread(to) == 0


def test_a_row_says_when_its_next_attempt_is_due(api: Api) -> None:
    scheduled = api.send(request(user(), MAIL, WEBSOCKET, send_at=at(3_600)))
    for row in scheduled.channels:
        assert row.next_attempt_at == scheduled.send_at
    waiting = api.get(api.send(request()).id)
    assert not channel_of(waiting, WEBSOCKET).HasField("next_attempt_at")
