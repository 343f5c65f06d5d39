"""Several servers, each a process with a port of its own, on one PostgreSQL: callers cannot tell which one they have.

`test_process_workers` is about processes that share a port, `test_replicas_chaos` about what remains when everything
fails.
"""

from __future__ import annotations

import contextlib
import signal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import psycopg2
import pytest
from google.protobuf.json_format import MessageToDict
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1.contact_service_pb2_grpc import ContactServiceStub

from helpers import nats_server
from helpers.browser_socket import bridge_process
from helpers.calls import (
    DEADLINE,
    EMAIL,
    FAILED,
    PENDING,
    SENT,
    WEBSOCKET,
    Api,
    Stream,
    at,
    channel_of,
    read_refusal,
    request,
    user,
)
from helpers.postgresql import temporary_database
from helpers.process import ServerProcess, serving
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually

REPLICAS = 3
PAIRS = [(here, there) for here in range(REPLICAS) for there in range(REPLICAS) if here != there]


class Replicas(NamedTuple):
    """Servers on one database, a connection to each, and the relay that they send through; ``join`` starts another."""

    servers: list[ServerProcess]
    apis: list[Api]
    smtp: SmtpServer
    join: Callable[[], None]


@contextlib.contextmanager
def replicas(folder: Path, count: int, bus: str, **settings: str) -> Iterator[Replicas]:
    with contextlib.ExitStack() as stack:
        smtp = stack.enter_context(SmtpServer())
        given = {
            "TOCSIN_DATABASE_URL": stack.enter_context(temporary_database()),
            "TOCSIN_BUS_URL": nats_server.shared_server_url() if bus == "nats" else "postgresql://",
            "TOCSIN_SMTP_URL": smtp.url,
            "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
            **settings,
        }
        servers: list[ServerProcess] = []
        apis: list[Api] = []

        def join(number: int = 1) -> None:
            started = [ServerProcess(folder, **given) for _ in range(number)]
            for server in started:
                stack.callback(server.close)
            servers.extend(started)
            apis.extend([stack.enter_context(Api(server.address)) for server in started])

        join(count)
        yield Replicas(servers, apis, smtp, join)


@pytest.fixture(scope="module", params=["postgresql", "nats"])
def three(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Three replicas; tests share them, each with recipients of its own."""
    with replicas(tmp_path_factory.mktemp("replicas"), REPLICAS, request.param) as running:
        yield running


@contextlib.contextmanager
def subscribed(apis: list[Api], to: pb.Recipient) -> Iterator[list[Stream]]:
    """Open a stream on each replica, and wait until all have begun."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(api.subscribe(to)) for api in apis]
        for stream in streams:
            stream.subscribed()
        yield streams


def knows_as_read(stream: Stream, notification_id: str) -> bool:
    """Tell whether the next event says that a notification was read, in either of the ways there are."""
    event = stream.event()
    if event.WhichOneof("event") == "read_changed":
        return notification_id in event.read_changed.ids
    return bool(event.notification.id == notification_id and event.notification.is_read)


# -- one feed, whoever has it --------------------------------------------------------------------


def test_what_any_replica_accepts_is_on_the_streams_of_all_before_their_next_heartbeat(three: Replicas) -> None:
    """Without hints, a stream would learn of it by the check of its position, 5 seconds after a heartbeat."""
    to = user()
    with subscribed(three.apis, to) as streams:
        for _ in range(3):
            for sender in three.apis:
                sent = sender.send(request(to)).id
                for stream in streams:
                    assert stream.notification().id == sent  # and not a heartbeat


def test_replicas_that_accept_at_the_same_time_show_one_feed_in_one_order(three: Replicas) -> None:
    to = user()
    with subscribed(three.apis, to) as streams:
        calls = [
            api.stub.Send.future(request(to, title=f"Number {number}"), timeout=DEADLINE)
            for number in range(20)
            for api in three.apis
        ]
        sent = {call.result().notification.id for call in calls}
        orders = [stream.ids(len(sent)) for stream in streams]
    feeds = [
        [one.id for one in api.list(recipient=to, feed_only=True, page_size=100).notifications] for api in three.apis
    ]
    assert set(orders[0]) == sent
    for order, feed in zip(orders, feeds, strict=True):
        assert order == orders[0] == feed[::-1]
    assert [api.unread(to) for api in three.apis] == [len(sent)] * REPLICAS


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_what_is_read_through_one_replica_is_read_on_the_others(three: Replicas, here: int, there: int) -> None:
    to = user()
    with subscribed(three.apis, to) as streams:
        first, second = (three.apis[here].send(request(to)).id for _ in range(2))
        for stream in streams:
            assert stream.ids(2) == [first, second]
        assert three.apis[there].mark(ids=[first]).unread_count == 1
        assert all(knows_as_read(stream, first) for stream in streams)
        assert three.apis[here].mark(recipient=to).marked_count == 1
        assert all(knows_as_read(stream, second) for stream in streams)
        assert [stream.unread_count for stream in streams] == [api.unread(to) for api in three.apis] == [0] * REPLICAS


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_cursor_of_one_replica_resumes_on_another(three: Replicas, here: int, there: int) -> None:
    to = user()
    with three.apis[here].subscribe(to) as stream:
        stream.subscribed()
        seen = three.apis[there].send(request(to)).id
        assert stream.notification().id == seen
    missed = [api.send(request(to)).id for api in three.apis]
    with three.apis[there].subscribe(to, stream.cursor) as resumed:
        assert resumed.subscribed().recovered
        assert resumed.ids(REPLICAS) == missed
    page = three.apis[here].list(recipient=to, feed_only=True)
    with three.apis[there].subscribe(to, page.cursor) as stream:
        assert stream.subscribed().recovered
        newest = three.apis[here].send(request(to)).id
        assert stream.notification().id == newest


def test_a_bridge_at_one_replica_shows_what_another_accepts(three: Replicas, tmp_path: Path) -> None:
    to = user()
    with bridge_process(tmp_path, three.servers[0].address) as bridge, bridge.open() as page:
        page.subscribe(to)
        for sender in three.apis:
            sent = sender.send(request(to)).id
            frame = page.any_frame()
            assert frame["type"] == "notification"  # and not a heartbeat
            assert frame["notification"]["id"] == sent
        page.send({"type": "mark_read", "up_to_cursor": page.cursor})
        eventually(lambda: [api.unread(to) for api in three.apis] == [0] * REPLICAS)


# -- once per key --------------------------------------------------------------------------------


def test_a_key_sent_to_all_replicas_at_once_is_accepted_once(three: Replicas) -> None:
    to = user()
    for round_number in range(5):
        key = str(uuid.uuid4())
        wanted = request(to, idempotency_key=key, title=f"Round {round_number}")
        calls = [api.stub.Send.future(wanted, timeout=DEADLINE) for _ in range(16) for api in three.apis]
        answers = [call.result() for call in calls]
        assert len({answer.notification.id for answer in answers}) == 1
        assert [answer.duplicate for answer in answers].count(False) == 1
        assert {answer.notification.title for answer in answers} == {f"Round {round_number}"}
    feed = three.apis[0].list(recipient=to, feed_only=True).notifications
    assert [one.title for one in feed] == [f"Round {number}" for number in reversed(range(5))]
    assert three.apis[1].unread(to) == 5


def test_batches_with_the_same_keys_in_other_orders_at_all_replicas_are_accepted_once(three: Replicas) -> None:
    """Each takes the locks of many keys and feeds; in the order of the requests they would wait for one another."""
    people = [user() for _ in range(5)]
    several = [
        request(people[number % 5], idempotency_key=str(uuid.uuid4()), title=f"Number {number}") for number in range(60)
    ]
    orders = [several, several[::-1], several[30:] + several[:30]]

    def send(place: int) -> list[tuple[str, str, bool]]:
        results = three.apis[place % REPLICAS].batch(*orders[place % len(orders)])
        assert not [result for result in results if result.HasField("error")]
        titles = [wanted.title for wanted in orders[place % len(orders)]]
        answers = [result.response for result in results]
        return [
            (title, answer.notification.id, answer.duplicate) for title, answer in zip(titles, answers, strict=True)
        ]

    with ThreadPoolExecutor(9) as threads:
        answers = [answer for several in threads.map(send, range(9)) for answer in several]
    assert len({answer[:2] for answer in answers}) == 60
    assert [duplicate for _, _, duplicate in answers].count(False) == 60
    assert [three.apis[0].unread(to) for to in people] == [12] * 5


def test_a_key_with_other_content_is_refused_by_whichever_replica_is_asked(three: Replicas) -> None:
    """At once, one content wins at random; it is the same for everybody from then on."""
    to, key = user(), str(uuid.uuid4())
    contents = [request(to, idempotency_key=key, title=f"Content {number}") for number in range(REPLICAS)]
    calls = [
        (content.title, api.stub.Send.future(content, timeout=DEADLINE))
        for _ in range(5)
        for content, api in zip(contents, three.apis, strict=True)
    ]
    accepted = [(title, call.result()) for title, call in calls if call.exception() is None]
    errors = [error for _, call in calls if isinstance(error := call.exception(), grpc.RpcError)]
    refusals = [read_refusal(error) for error in errors]
    assert {refusal.code for refusal in refusals} == {grpc.StatusCode.ALREADY_EXISTS}
    assert len(accepted) == 5
    assert len({(title, answer.notification.id) for title, answer in accepted}) == 1
    assert [answer.duplicate for _, answer in accepted].count(False) == 1
    [stored] = three.apis[0].list(recipient=to).notifications
    assert stored.title == accepted[0][0]


# -- what callers do afterwards ------------------------------------------------------------------


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_cancel_and_retry_work_on_what_another_replica_accepted(three: Replicas, here: int, there: int) -> None:
    to, third = user(), ({0, 1, 2} - {here, there}).pop()
    mail = (EMAIL, f"{to.id}@example.org")
    sent = three.apis[here].send(request(to, WEBSOCKET, mail, send_at=at(5)))
    three.apis[there].stub.Cancel(service_pb.CancelRequest(id=sent.id), timeout=DEADLINE)
    for api in three.apis:
        cancelled = api.get(sent.id)
        assert cancelled.status == FAILED
        assert {row.response["reason"] for row in cancelled.channels} == {"CANCELLED"}
    with subscribed(three.apis, to) as streams:
        revived = three.apis[third].stub.Retry(service_pb.RetryRequest(id=sent.id), timeout=DEADLINE).notification
        assert revived.status == PENDING
        assert [stream.notification().id for stream in streams] == [sent.id] * REPLICAS

    def both_sent() -> bool:
        return all({row.status for row in api.get(sent.id).channels} == {SENT} for api in three.apis)

    eventually(both_sent)
    assert [mail.recipients for mail in three.smtp.messages].count([mail[1]]) == 1


# -- the queue -----------------------------------------------------------------------------------


def test_what_comes_due_is_sent_once_by_one_of_them(three: Replicas) -> None:
    """Scheduled rows are leased to nobody, and every replica looks for them at the same time."""
    to, soon = user(), at(0.5)
    several = [
        request(to, WEBSOCKET, (EMAIL, f"{number}.{to.id}@example.org"), send_at=soon)
        for number in range(REPLICAS * 40)
    ]
    for number, api in enumerate(three.apis):
        api.batch(*several[number::REPLICAS])

    def settled() -> bool:
        page = three.apis[0].list(recipient=to, page_size=500).notifications
        return len(page) == len(several) and all(channel_of(one, EMAIL).status == SENT for one in page)

    eventually(settled)
    sent_to = [mail.recipients[0] for mail in three.smtp.messages if to.id in mail.recipients[0]]
    assert sorted(sent_to) == sorted(wanted.channels[1].address for wanted in several)
    page = three.apis[1].list(recipient=to, page_size=500).notifications
    assert {channel_of(one, EMAIL).attempts for one in page} == {1}
    assert three.apis[2].unread(to) == len(several), "each entered the feed once"


def history_of(row: pb.Channel) -> list[tuple[str, str]]:
    response = MessageToDict(row.response)
    return [(entry["outcome"], entry["code"]) for entry in response.get("history", [])]


def test_what_a_killed_replica_was_sending_is_taken_over_by_another(tmp_path: Path) -> None:
    with replicas(tmp_path, 1, "postgresql", TOCSIN_LEASE="3s") as two:
        two.smtp.script(hang("content"))
        sent = two.apis[0].send(request(user(), (EMAIL, "ann@example.org")))
        assert two.smtp.hanging.wait(DEADLINE)
        two.join()  # late, so that it is not the one that sends
        two.servers[0].kill()

        def taken_over() -> pb.Channel:
            row = channel_of(two.apis[1].get(sent.id), EMAIL)
            assert row.status == SENT
            return row

        row = eventually(taken_over)
        assert row.attempts == 2
        assert history_of(row) == [("unknown", "LEASE_EXPIRED")]
        assert [mail.message_id for mail in two.smtp.messages] == [f"<{row.id}@shop.example>"] * 2
        two.smtp.release()


def test_a_replica_that_was_frozen_beyond_its_lease_does_not_touch_what_its_successor_did(tmp_path: Path) -> None:
    with replicas(tmp_path, 1, "postgresql", TOCSIN_LEASE="3s") as two:
        two.smtp.script(hang("content"))
        sent = two.apis[0].send(request(user(), (EMAIL, "ann@example.org")))
        assert two.smtp.hanging.wait(DEADLINE)
        two.join()  # late, so that it is not the one that sends
        frozen = two.servers[0]
        frozen.signal(signal.SIGSTOP)
        eventually(lambda: channel_of(two.apis[1].get(sent.id), EMAIL).status == SENT)
        before = two.apis[1].get(sent.id)
        two.smtp.release()
        eventually(lambda: two.smtp.answered == 2)
        frozen.signal(signal.SIGCONT)
        # Its attempt ends now, either with the relay's answer or refused for want of a lease.
        eventually(lambda: "event=lease_lost" in frozen.errors)
        assert two.apis[0].get(sent.id) == two.apis[1].get(sent.id) == before
        assert channel_of(before, EMAIL).attempts == 2


# -- starting ------------------------------------------------------------------------------------


def schema_migrations(database: str) -> list[Any]:
    with contextlib.closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name, count(*) FROM schema_migrations GROUP BY name")
        return cursor.fetchall()


def test_replicas_that_start_at_once_on_an_empty_database_migrate_it_once_and_all_serve(tmp_path: Path) -> None:
    to = user()
    with temporary_database() as database, contextlib.ExitStack() as stack:
        servers = [ServerProcess(tmp_path, TOCSIN_DATABASE_URL=database, TOCSIN_LOG_LEVEL="info") for _ in range(5)]
        for server in servers:
            stack.callback(server.close)
        apis = [stack.enter_context(Api(server.address)) for server in servers]
        sent = [api.send(request(to)).id for api in apis]
        for api in apis:
            with api.subscribe(to, "") as stream:
                stream.subscribed()
            assert [one.id for one in api.list(recipient=to, feed_only=True).notifications] == sent[::-1]
        assert {count for _, count in schema_migrations(database)} == {1}
        assert [server.errors for server in servers] == [""] * 5


def test_a_replica_joins_and_leaves_while_the_others_serve(tmp_path: Path) -> None:
    to = user()
    with temporary_database() as database:
        settings = {"TOCSIN_DATABASE_URL": database}
        with serving(tmp_path, **settings) as first, Api(first.address) as api, api.subscribe(to) as stream:
            stream.subscribed()
            with serving(tmp_path, **settings) as second, Api(second.address) as other:
                sent = other.send(request(to)).id
                assert stream.notification().id == sent
                second.terminate()
                assert second.wait() == 0
            sent = api.send(request(to)).id
            assert stream.notification().id == sent


def test_a_contact_that_is_put_on_one_replica_routes_on_the_others(three: Replicas) -> None:
    for here, there in PAIRS:
        whom = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id=f"shop:{uuid.uuid4()}")
        contact = contact_pb.Contact(recipient=whom, addresses=[pb.Address(channel=EMAIL, address="ann@example.org")])
        stub = ContactServiceStub(three.apis[here].channel)
        stub.PutContact(contact_pb.PutContactRequest(contact=contact), timeout=DEADLINE)
        sent = three.apis[there].send(request(whom, EMAIL))
        assert channel_of(sent, EMAIL).address == "ann@example.org"
        stub.DeleteContact(contact_pb.DeleteContactRequest(recipient=whom), timeout=DEADLINE)
        with pytest.raises(grpc.RpcError) as caught:
            three.apis[there].send(request(whom, EMAIL))
        assert read_refusal(caught.value).reason == "ADDRESS_UNKNOWN"
