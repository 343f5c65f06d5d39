"""What subscribers are promised: a feed that starts, resumes and ends without a gap, over a real port."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import (
    DEADLINE,
    EMAIL,
    FAILED,
    PENDING,
    SENT,
    WEBSOCKET,
    Api,
    at,
    channel_of,
    ids_of,
    request,
    user,
)
from helpers.databases import KINDS
from helpers.server import ServerUnderTest, running_server, server_on
from helpers.waiting import eventually
from tocsin_server.feed import cursor as feed_cursor

MAIL = (EMAIL, "ann@example.org")


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("server")
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


def send_many(api: Api, to: pb.Recipient, count: int, **fields: Any) -> list[str]:
    return [api.send(request(to, **fields)).id for _ in range(count)]


def websocket_row(api: Api, notification_id: str) -> pb.Channel:
    return channel_of(api.get(notification_id), WEBSOCKET)


def is_sent(api: Api, notification_id: str) -> bool:
    return websocket_row(api, notification_id).status == SENT


# -- live ----------------------------------------------------------------------------------------


def test_the_first_event_says_that_the_stream_has_started(api: Api) -> None:
    with api.subscribe(user()) as stream:
        assert stream.subscribed().recovered
        assert stream.unread_count == 0


def test_what_is_sent_arrives_live_and_whole(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        cursors = {stream.cursor}
        for count in (1, 2, 3):
            sent = api.send(request(to, WEBSOCKET, MAIL, metadata={"order_id": "ABC123"}, expires_at=at(600)))
            arrived = stream.notification()
            assert arrived.recipient == to
            assert (arrived.id, arrived.title, arrived.message) == (sent.id, sent.title, sent.message)
            assert (arrived.metadata, arrived.created_at) == (sent.metadata, sent.created_at)
            assert (arrived.expires_at, arrived.is_read) == (sent.expires_at, False)
            assert [row.id for row in arrived.channels] == [row.id for row in sent.channels]
            assert stream.unread_count == count
            cursors.add(stream.cursor)
        assert len(cursors) == 4


def test_only_what_has_a_websocket_channel_enters_the_feed(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        api.send(request(to, MAIL))
        api.send(request(user()))
        api.send(request(pb.Recipient(type=pb.RECIPIENT_TYPE_PARTNER, id=to.id)))
        mine = api.send(request(to))
        assert stream.notification().id == mine.id
        assert stream.unread_count == 1


def test_a_batch_arrives_in_its_order_with_a_count_that_rises(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        results = api.batch(*(request(to) for _ in range(300)))
        for count, result in enumerate(results, start=1):
            assert stream.notification().id == result.response.notification.id
            assert stream.unread_count == count


def test_a_repeated_send_does_not_arrive_twice(api: Api) -> None:
    to = user()
    wanted = request(to, idempotency_key=str(uuid.uuid4()))
    with api.subscribe(to) as stream:
        stream.subscribed()
        first = api.send(wanted)
        results = api.batch(wanted, wanted)
        assert all(result.response.duplicate for result in results)
        last = api.send(request(to))
        assert stream.ids(2) == [first.id, last.id]
        assert stream.unread_count == 2


def test_all_devices_of_a_recipient_get_everything(api: Api, server: ServerUnderTest) -> None:
    to = user()
    with Api(server.address) as elsewhere, api.subscribe(to) as phone, elsewhere.subscribe(to) as desk:
        phone.subscribed()
        desk.subscribed()
        sent = send_many(api, to, 5)
        assert phone.ids(5) == sent
        assert desk.ids(5) == sent


# -- resuming ------------------------------------------------------------------------------------


def test_what_was_sent_while_a_stream_was_cut_arrives_in_order_and_once(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        before = send_many(api, to, 2)
        assert stream.ids(2) == before
    meanwhile = send_many(api, to, 3)
    with api.subscribe(to, stream.cursor) as resumed:
        assert resumed.subscribed().recovered
        assert resumed.cursor == stream.cursor
        assert resumed.unread_count == 5
        assert resumed.ids(3) == meanwhile
        after = api.send(request(to))
        assert resumed.notification().id == after.id
        assert resumed.unread_count == 6


def test_resuming_from_every_cursor_gives_exactly_what_came_after_it(api: Api) -> None:
    to = user()
    cursors = []
    with api.subscribe(to) as stream:
        stream.subscribed()
        cursors.append(stream.cursor)
        sent = send_many(api, to, 6)
        for one in sent:
            assert stream.notification().id == one
            cursors.append(stream.cursor)
    marker = api.send(request(to)).id
    for place, cursor in enumerate(cursors):
        with api.subscribe(to, cursor) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.ids(7 - place) == [*sent[place:], marker]


def test_a_long_replay_comes_whole_and_goes_live_without_a_gap(api: Api) -> None:
    to = user()
    start = api.list(recipient=to).cursor
    sent = [result.response.notification.id for result in api.batch(*(request(to) for _ in range(650)))]
    with api.subscribe(to, start) as stream:
        assert stream.subscribed().recovered
        live = send_many(api, to, 10)
        assert stream.ids(660) == [*sent, *live]


def test_nothing_is_missed_between_a_list_and_a_subscription_with_its_cursor(api: Api) -> None:
    to = user()
    listed = send_many(api, to, 2)
    page = api.list(recipient=to, feed_only=True)
    between = send_many(api, to, 2)
    assert ids_of(page.notifications) == listed[::-1]
    with api.subscribe(to, page.cursor) as stream:
        assert stream.subscribed().recovered
        after = send_many(api, to, 1)
        assert stream.ids(3) == between + after


def test_nothing_is_missed_by_a_recipient_whose_feed_did_not_exist_at_the_list(api: Api) -> None:
    to = user()
    page = api.list(recipient=to, feed_only=True)
    assert not page.notifications
    with api.subscribe(to, page.cursor) as early:
        assert early.subscribed().recovered
        assert early.cursor == page.cursor
        between = send_many(api, to, 2)
        assert early.ids(2) == between
    with api.subscribe(to, page.cursor) as late:
        assert late.subscribed().recovered
        assert late.ids(2) == between


def test_the_cursor_of_a_stream_that_saw_nothing_resumes_from_there(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
    sent = send_many(api, to, 3)
    with api.subscribe(to, stream.cursor) as resumed:
        assert resumed.subscribed().recovered
        assert resumed.ids(3) == sent


def test_a_replay_gives_what_changed_once_in_its_latest_state(api: Api) -> None:
    to = user()
    start = api.list(recipient=to).cursor
    sent = send_many(api, to, 4)
    api.mark(ids=[sent[1]])
    api.mark(ids=[sent[0], sent[1]])
    with api.subscribe(to, start) as stream:
        assert stream.subscribed().recovered
        assert stream.unread_count == 2
        replayed = [stream.notification() for _ in range(4)]
        assert {one.id: one.is_read for one in replayed} == dict(zip(sent, [True, True, False, False], strict=True))
        unread = [one.id for one in replayed if not one.is_read]
        assert unread == sent[2:]
        marker = api.send(request(to))
        assert stream.notification().id == marker.id


# -- what waits for a first subscriber -----------------------------------------------------------


def test_a_first_subscriber_gets_what_waits_and_a_second_does_not_get_it_again(api: Api) -> None:
    to = user()
    waiting = send_many(api, to, 3)
    with api.subscribe(to) as first:
        assert first.subscribed().recovered
        assert first.unread_count == 3
        assert first.ids(3) == waiting
        for one in waiting:
            eventually(lambda one=one: is_sent(api, one))  # type: ignore[misc]
        with api.subscribe(to) as second:
            assert second.subscribed().recovered
            live = api.send(request(to)).id
            assert second.notification().id == live
            assert first.notification().id == live
            assert second.unread_count == 4


def test_many_that_wait_come_in_order(api: Api) -> None:
    to = user()
    waiting = [result.response.notification.id for result in api.batch(*(request(to) for _ in range(450)))]
    with api.subscribe(to) as stream:
        stream.subscribed()
        live = api.send(request(to)).id
        assert stream.ids(451) == [*waiting, live]


def test_a_row_is_sent_when_its_event_was_written_to_a_stream(api: Api, server: ServerUnderTest) -> None:
    to = user()
    sent = api.send(request(to))
    assert (sent.status, sent.channels[0].status) == (PENDING, PENDING)
    with api.subscribe(to) as stream:
        stream.subscribed()
        assert stream.notification().id == sent.id
        eventually(lambda: is_sent(api, sent.id))
        now = api.get(sent.id)
        assert now.status == SENT
        [row] = now.channels
        assert row.attempts == 1
        assert row.response["outcome"] == "accepted"
        live = api.send(request(to))
        stream.notification()
        eventually(lambda: is_sent(api, live.id))
    assert (
        server.database.rows(
            "SELECT status, due_at, claim_token FROM notification_channels WHERE notification_id IN (?, ?)",
            sent.id,
            live.id,
        )
        == [("sent", None, None)] * 2
    )


def test_a_row_is_sent_when_a_presented_cursor_shows_that_it_arrived(api: Api) -> None:
    """The list's cursor says that the client has the list, so what is in it arrived without any stream."""
    to = user()
    listed = send_many(api, to, 2)
    page = api.list(recipient=to, feed_only=True)
    since = api.send(request(to)).id
    assert [websocket_row(api, one).status for one in [*listed, since]] == [PENDING] * 3
    with api.subscribe(to, page.cursor) as stream:
        stream.subscribed()
        assert stream.notification().id == since
        for one in [*listed, since]:
            eventually(lambda one=one: is_sent(api, one))  # type: ignore[misc]
            assert websocket_row(api, one).attempts == 1


def test_what_is_read_at_the_moment_it_arrives_is_sent_all_the_same(api: Api) -> None:
    """Reading gives a notification a new place in its feed, under the hands of whoever records its delivery."""
    for _ in range(40):
        to = user()
        with api.subscribe(to) as stream:
            stream.subscribed()
            everything = service_pb.MarkReadRequest(recipient=to)
            sent = api.stub.Send.future(request(to), timeout=DEADLINE)
            marked = [api.stub.MarkRead.future(everything, timeout=DEADLINE) for _ in range(3)]
            notification = sent.result().notification
            marked.append(api.stub.MarkRead.future(everything, timeout=DEADLINE))
            assert sum(call.result().marked_count for call in marked) == 1
            arrived = stream.event()
            assert arrived.notification.id == notification.id
            # PostgreSQL's writers tell of two commits in either order. If reading is told of first, the stream finds a
            # gap and reads the feed: it gets the notification once, as it is in the end.
            if not arrived.notification.is_read:
                assert stream.event().WhichOneof("event") == "read_changed"
            eventually(lambda: is_sent(api, notification.id))  # noqa: B023 - called within the round


# -- cursors that do not continue ----------------------------------------------------------------


def test_a_cursor_of_another_epoch_is_answered_with_recovered_false(api: Api) -> None:
    to, other = user(), user()
    send_many(api, other, 3)
    foreign = api.list(recipient=other).cursor
    waiting = send_many(api, to, 5)
    with api.subscribe(to, foreign) as stream:
        assert not stream.subscribed().recovered
        assert stream.cursor != foreign
        assert stream.unread_count == 5
        assert stream.ids(5) == waiting
        live = api.send(request(to))
        assert stream.notification().id == live.id


def test_a_cursor_ahead_of_the_feed_is_answered_with_recovered_false(
    api: Api,
) -> None:
    """As after a restore from a backup that kept the epoch."""
    to = user()
    send_many(api, to, 2)
    head = feed_cursor.decode(api.list(recipient=to).cursor)
    ahead = feed_cursor.encode(head._replace(sequence=head.sequence + 1))
    with api.subscribe(to, ahead) as stream:
        assert not stream.subscribed().recovered
        assert stream.cursor != ahead
    before_any = feed_cursor.encode(head._replace(epoch=0, sequence=1))
    with api.subscribe(to, before_any) as stream:
        assert not stream.subscribed().recovered


def test_after_recovered_false_the_list_and_its_cursor_give_the_whole_feed(api: Api) -> None:
    to, other = user(), user()
    send_many(api, other, 1)
    sent = send_many(api, to, 3)
    with api.subscribe(to, api.list(recipient=other).cursor) as stream:
        assert not stream.subscribed().recovered
    page = api.list(recipient=to, feed_only=True)
    assert ids_of(page.notifications) == sent[::-1]
    later = api.send(request(to)).id
    with api.subscribe(to, page.cursor) as stream:
        assert stream.subscribed().recovered
        assert stream.notification().id == later


# -- read state ----------------------------------------------------------------------------------


def test_what_one_device_reads_the_others_see(api: Api) -> None:
    to = user()
    sent = send_many(api, to, 4)
    cursor = api.list(recipient=to).cursor
    with api.subscribe(to, cursor) as phone, api.subscribe(to, cursor) as desk:
        for stream in (phone, desk):
            stream.subscribed()
        answer = api.mark(ids=[sent[1], sent[2]])
        assert (answer.marked_count, answer.unread_count) == (2, 2)
        for stream in (phone, desk):
            changed = stream.read_changed()
            assert set(changed.ids) == {sent[1], sent[2]}
            assert changed.read_at == api.get(sent[1]).read_at
            assert stream.unread_count == 2
        api.mark(ids=[sent[1]])  # nothing turned, so nothing is told
        api.mark(recipient=to)
        for stream in (phone, desk):
            assert set(stream.read_changed().ids) == {sent[0], sent[3]}
            assert stream.unread_count == 0


def test_reading_more_than_five_hundred_comes_as_several_events(api: Api) -> None:
    to = user()
    sent = [result.response.notification.id for result in api.batch(*(request(to) for _ in range(600)))]
    with api.subscribe(to, api.list(recipient=to).cursor) as stream:
        stream.subscribed()
        assert api.mark(recipient=to).marked_count == 600
        first, second = stream.read_changed(), stream.read_changed()
        assert (len(first.ids), len(second.ids)) == (500, 100)
        assert {*first.ids, *second.ids} == set(sent)
        assert stream.unread_count == 0


def test_what_is_read_while_a_device_is_away_is_read_when_it_comes_back(api: Api) -> None:
    to = user()
    with api.subscribe(to) as phone:
        phone.subscribed()
        sent = send_many(api, to, 3)
        assert phone.ids(3) == sent
    api.mark(ids=[sent[0]])
    later = api.send(request(to)).id
    with api.subscribe(to, phone.cursor) as phone:
        assert phone.subscribed().recovered
        came = [phone.notification(), phone.notification()]
        assert [(one.id, one.is_read) for one in came] == [(sent[0], True), (later, False)]
        assert came[0].HasField("read_at")
        assert phone.unread_count == 3


# -- schedule and expiry -------------------------------------------------------------------------


def test_what_is_scheduled_enters_the_feed_when_it_is_due(api: Api) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        scheduled = api.send(request(to, send_at=at(2.5)))
        assert api.unread(to) == 0
        prompt = api.send(request(to))
        assert stream.notification().id == prompt.id
        arrived = stream.notification()
        assert arrived.id == scheduled.id
        assert arrived.send_at == scheduled.send_at
        assert stream.unread_count == 2
        eventually(lambda: is_sent(api, scheduled.id))
    assert api.unread(to) == 2


def test_what_waits_until_it_expires_fails_and_stays_in_the_feed(api: Api, server: ServerUnderTest) -> None:
    to = user()
    sent = api.send(request(to, expires_at=at(1.5)))
    eventually(lambda: websocket_row(api, sent.id).status == FAILED)
    now = api.get(sent.id)
    assert now.status == FAILED
    [row] = now.channels
    assert row.response["reason"] == "EXPIRED"
    assert row.attempts == 0
    assert ids_of(api.list(recipient=to, feed_only=True).notifications) == [sent.id]
    assert api.unread(to) == 1
    with api.subscribe(to) as stream:
        stream.subscribed()
        live = api.send(request(to))
        assert stream.notification().id == live.id, "what has expired is not delivered any more"
        eventually(lambda: is_sent(api, live.id))
    assert websocket_row(api, sent.id).status == FAILED
    assert server.database.rows("SELECT count(*) FROM notification_channels WHERE due_at IS NOT NULL AND "
                                "notification_id = ?", sent.id) == [(0,)]  # fmt: skip


def test_one_channel_that_was_sent_makes_the_notification_sent_though_another_expires(api: Api) -> None:
    to = user()
    sent = api.send(request(to, WEBSOCKET, MAIL, expires_at=at(1.5)))
    eventually(lambda: api.get(sent.id).status == SENT)
    eventually(lambda: websocket_row(api, sent.id).status == FAILED)
    assert api.get(sent.id).status == SENT


# -- the end -------------------------------------------------------------------------------------


def test_a_stop_ends_every_stream_with_the_cursor_to_resume_from(tmp_path: Path) -> None:
    to, idle = user(), user()
    with (
        running_server(tmp_path) as server,
        Api(server.address) as api,
        api.subscribe(to) as busy_stream,
        api.subscribe(idle) as idle_stream,
    ):
        busy_stream.subscribed()
        idle_stream.subscribed()
        sent = send_many(api, to, 3)
        assert busy_stream.ids(3) == sent
        server.begin_stop()
        for stream in (busy_stream, idle_stream):
            refusal = stream.ending()
            assert refusal.code is grpc.StatusCode.UNAVAILABLE
            assert refusal.reason == "SHUTTING_DOWN"
            assert refusal.metadata["cursor"] == stream.cursor
    with running_server(tmp_path) as server, Api(server.address) as api:
        meanwhile = api.send(request(to)).id
        with api.subscribe(to, busy_stream.cursor) as stream:
            assert stream.subscribed().recovered
            assert stream.notification().id == meanwhile
        assert [websocket_row(api, one).status for one in sent] == [SENT] * 3
