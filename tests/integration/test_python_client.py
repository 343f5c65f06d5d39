"""Both Python clients over a real port, against a server that does what the test says.

Every test with the fixture ``call`` runs twice, with the synchronous and the asynchronous client: its body is
written for the asynchronous one, and `Blocking` gives the other the same form.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final, Self

import grpc
import pytest
import trustme
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.scripted_server import (
    CREATED,
    NOTIFICATION_ID,
    PATIENCE,
    SILENCE,
    USER_ID,
    Refusal,
    ScriptedServer,
    arrived,
    channel,
    heartbeat,
    notification,
    read_changed,
    struct,
    subscribed,
    timestamp,
)
from helpers.waiting import eventually
from tocsin_client import (
    Accepted,
    AsyncClient,
    Backoff,
    Cancelled,
    Client,
    Contact,
    DeadlineExceeded,
    Draft,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    MarkedRead,
    NotFound,
    NotificationEvent,
    PermissionDenied,
    ReadChanged,
    ResourceExhausted,
    Subscribed,
    Tls,
    TocsinError,
    Unauthenticated,
    Unavailable,
    subscription,
)

USER: Final = ("user", USER_ID)
AT_ONCE: Final = Backoff(initial=0)
UNAVAILABLE: Final = Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0)
CUT: Final = Refusal(grpc.StatusCode.CANCELLED)

Body = Callable[[Any], Awaitable[None]]
Call = Callable[..., None]


class Blocking:
    """Gives the synchronous client the form of the asynchronous one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._client, verb)

        async def awaited(*positional: Any, **named: Any) -> Any:
            return method(*positional, **named)

        return awaited

    def subscribe(self, *positional: Any, **named: Any) -> Any:
        return BlockingEvents(self._client.subscribe(*positional, **named))

    def with_token(self, token: Any) -> Blocking:
        return Blocking(self._client.with_token(token))

    async def iterate(self, **conditions: Any) -> AsyncIterator[Any]:
        for one in self._client.iterate(**conditions):
            yield one

    async def list_contacts(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        for one in self._client.list_contacts(*positional, **named):
            yield one


class BlockingEvents:
    """Gives the synchronous subscription the form of the asynchronous one."""

    def __init__(self, events: Any) -> None:
        self._events = events

    @property
    def cursor(self) -> str:
        return str(self._events.cursor)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._events)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self._events.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def _watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tocsin-watchdog"]


@pytest.fixture(params=["sync", "asyncio"])
def call(request: pytest.FixtureRequest, server: ScriptedServer) -> Call:
    """Give a function that runs a test's body with a client of either kind, connected to the server."""

    def run(body: Body, target: str | None = None, **options: Any) -> None:
        settings: dict[str, Any] = {"retry": AT_ONCE, "reconnect": AT_ONCE, **options}

        async def asynchronous() -> None:
            async with AsyncClient(target or server.address, **settings) as client:
                await body(client)
            # Whatever the client started has ended with it. (A task of gRPC's own waits for the last word of each
            # cancelled call; it ends within a moment, and nobody can wait for it.)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not [task for task in others if "_handle_status_once_received" not in repr(task)]

        async def synchronous() -> None:
            with Client(target or server.address, **settings) as client:
                await body(Blocking(client))
            assert not _watchdogs()

        asyncio.run(synchronous() if request.param == "sync" else asynchronous())
        # Tasks and calls that were left behind complain, and so fail the test, when they are collected.
        gc.collect()

    return run


@pytest.fixture(autouse=True)
def quiet_poller() -> Iterator[None]:
    # Two event loops in one process, the server's and the test's, make grpc.aio log errors that mean nothing
    # (grpc/grpc#25364).
    logger = logging.getLogger("asyncio")

    def meaningful(record: logging.LogRecord) -> bool:
        return "PollerCompletionQueue" not in record.getMessage()

    logger.addFilter(meaningful)
    yield
    logger.removeFilter(meaningful)


# -- the verbs -------------------------------------------------------------------------------------


def test_send_says_all_and_returns_what_was_stored(call: Call, server: ScriptedServer) -> None:
    stored = notification(channels=[channel("websocket", "pending"), channel("email")])
    server.script("Send", service_pb.SendResponse(notification=stored, duplicate=True))

    async def body(client: Any) -> None:
        accepted = await client.send(
            USER,
            title="Your order has shipped",
            message="It should arrive on Tuesday.",
            channels=["websocket", ("email", "ann@example.org")],
            metadata={"order_id": "A1", "parts": 2},
            idempotency_key="order-A1",
            expires_at=CREATED,
        )
        assert isinstance(accepted, Accepted)
        assert accepted.duplicate
        assert [each.channel for each in accepted.notification.channels] == ["websocket", "email"]

    call(body)
    (received,) = server.calls("Send")
    assert received.request == service_pb.SendRequest(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID),
        title="Your order has shipped",
        message="It should arrive on Tuesday.",
        channels=[
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_WEBSOCKET),
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org"),
        ],
        metadata=struct({"order_id": "A1", "parts": 2}),
        idempotency_key="order-A1",
        expires_at=timestamp(),
    )


def test_a_batch_gives_each_draft_its_result_or_its_error(call: Call, server: ScriptedServer) -> None:
    refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, reason="INVALID_FIELD", violations=[("title", "missing")])
    results = [
        service_pb.SendResult(response=service_pb.SendResponse(notification=notification(message=""))),
        service_pb.SendResult(error=refusal.status()),
    ]
    server.script("SendBatch", service_pb.SendBatchResponse(results=results))

    async def body(client: Any) -> None:
        stored, refused = await client.send_batch([Draft(USER, "A", "a", idempotency_key="k"), Draft(USER, "", "b")])
        assert isinstance(stored, Accepted)
        assert stored.notification.message == ""
        assert isinstance(refused, InvalidArgument)
        assert refused.violations == (("title", "missing"),)

    call(body)
    first, second = server.calls("SendBatch")[0].request.requests
    assert first.idempotency_key == "k"
    assert len(second.idempotency_key) == 36


def test_the_verbs_about_one_notification_send_its_id_and_return_it(call: Call, server: ScriptedServer) -> None:
    server.script("Get", service_pb.GetResponse(notification=notification(title="got")))
    server.script("Cancel", service_pb.CancelResponse(notification=notification(title="cancelled")))
    server.script("Retry", service_pb.RetryResponse(notification=notification(title="retried")))
    server.script("Route", service_pb.RouteResponse(notification=notification(title="routed")))

    async def body(client: Any) -> None:
        assert (await client.get(NOTIFICATION_ID)).title == "got"
        assert (await client.cancel(NOTIFICATION_ID)).title == "cancelled"
        assert (await client.retry(NOTIFICATION_ID, ["email"])).title == "retried"
        routed = await client.route(NOTIFICATION_ID, ["sms", "email"], strategy="fallback", escalate_after=60)
        assert routed.title == "routed"

    call(body)
    assert server.calls("Get")[0].request.id == NOTIFICATION_ID
    assert server.calls("Cancel")[0].request.id == NOTIFICATION_ID
    assert server.calls("Retry")[0].request == service_pb.RetryRequest(
        id=NOTIFICATION_ID, channels=[pb.CHANNEL_TYPE_EMAIL]
    )
    assert server.calls("Route")[0].request == service_pb.RouteRequest(
        id=NOTIFICATION_ID,
        channels=[
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_SMS),
            pb.ChannelTarget(channel=pb.CHANNEL_TYPE_EMAIL),
        ],
        strategy=pb.Strategy(kind=pb.STRATEGY_KIND_FALLBACK, escalate_after=timedelta(seconds=60)),
    )


def test_list_returns_a_page_with_its_cursor(call: Call, server: ScriptedServer) -> None:
    server.script("List", service_pb.ListResponse(notifications=[notification()], next_page_token="2", cursor="c9"))

    async def body(client: Any) -> None:
        page = await client.list(
            recipient=USER, feed_only=True, unread_only=True, statuses=["failed"], channels=["sms"], page_size=7
        )
        assert (len(page.notifications), page.next_page_token, page.cursor) == (1, "2", "c9")

    call(body)
    assert server.calls("List")[0].request == service_pb.ListRequest(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID),
        feed_only=True,
        unread_only=True,
        statuses=[pb.STATUS_FAILED],
        channels=[pb.CHANNEL_TYPE_SMS],
        page_size=7,
    )


def test_iterating_reads_page_after_page_even_over_empty_ones(call: Call, server: ScriptedServer) -> None:
    server.script(
        "List",
        service_pb.ListResponse(notifications=[notification("a"), notification("b")], next_page_token="2"),
        service_pb.ListResponse(next_page_token="3"),
        service_pb.ListResponse(notifications=[notification("c")]),
    )

    async def body(client: Any) -> None:
        found = [one.id async for one in client.iterate(unrouted_only=True, page_size=2)]
        assert found == ["a", "b", "c"]

    call(body)
    requests = [received.request for received in server.calls("List")]
    assert [request.page_token for request in requests] == ["", "2", "3"]
    assert all(request.unrouted_only and request.page_size == 2 for request in requests)


def test_reading_is_marked_by_ids_or_for_a_feed_and_counted(call: Call, server: ScriptedServer) -> None:
    server.script("MarkRead", *[service_pb.MarkReadResponse(marked_count=2, unread_count=5, cursor="c2")] * 3)
    server.script("CountUnread", service_pb.CountUnreadResponse(unread_count=5, cursor="c3"))

    async def body(client: Any) -> None:
        assert await client.mark_read(["a", "b"]) == MarkedRead(2, 5, "c2")
        await client.mark_read(NOTIFICATION_ID)
        await client.mark_read(recipient=USER, up_to_cursor="c1")
        unread = await client.count_unread(USER)
        assert (unread, unread.cursor) == (5, "c3")

    call(body)
    several, one, feed = [received.request for received in server.calls("MarkRead")]
    assert list(several.ids) == ["a", "b"]
    assert not several.HasField("recipient")
    assert list(one.ids) == [NOTIFICATION_ID]
    assert (feed.recipient.id, feed.up_to_cursor) == (USER_ID, "c1")


def test_contacts_are_put_got_and_deleted(call: Call, server: ScriptedServer) -> None:
    contact = contact_pb.Contact(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID),
        addresses=[pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org")],
        locale="pt-BR",
        updated_at=timestamp(),
    )
    server.script("PutContact", contact_pb.PutContactResponse(contact=contact))
    server.script("GetContact", contact_pb.GetContactResponse(contact=contact))
    server.script("DeleteContact", contact_pb.DeleteContactResponse())

    async def body(client: Any) -> None:
        put = await client.put_contact(USER, {"email": "ann@example.org"}, locale="pt-BR")
        assert isinstance(put, Contact)
        assert put.addresses["email"] == "ann@example.org"
        assert put.updated_at == CREATED
        assert await client.get_contact(USER) == put
        assert await client.delete_contact(USER) is None

    call(body)
    sent = server.calls("PutContact")[0].request.contact
    assert (sent.locale, sent.time_zone, sent.addresses[0].address) == ("pt-BR", "", "ann@example.org")


def test_contacts_are_iterated_page_after_page(call: Call, server: ScriptedServer) -> None:
    def page(token: str, *external_ids: str) -> contact_pb.ListContactsResponse:
        contacts = [
            contact_pb.Contact(
                recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST, external_id=external_id), updated_at=timestamp()
            )
            for external_id in external_ids
        ]
        return contact_pb.ListContactsResponse(contacts=contacts, next_page_token=token)

    server.script("ListContacts", page("p2", "1", "2"), UNAVAILABLE, page("p3"), page("", "3"))

    async def body(client: Any) -> None:
        found = [one async for one in client.list_contacts("guest", page_size=2)]
        assert [str(one.recipient) for one in found] == ["guest:ext:1", "guest:ext:2", "guest:ext:3"]
        with pytest.raises(ValueError, match="robot"):
            [one async for one in client.list_contacts("robot")]

    call(body)
    asked = [received.request for received in server.calls("ListContacts")]
    assert [one.page_token for one in asked] == ["", "p2", "p2", "p3"]
    assert {(one.recipient_type, one.page_size) for one in asked} == {(pb.RECIPIENT_TYPE_GUEST, 2)}


# -- failures --------------------------------------------------------------------------------------


def test_a_refused_call_raises_with_everything_that_the_server_said(call: Call, server: ScriptedServer) -> None:
    server.script(
        "Get",
        Refusal(
            grpc.StatusCode.NOT_FOUND,
            "no such notification",
            reason="NOTIFICATION_NOT_FOUND",
            metadata={"id": NOTIFICATION_ID},
        ),
    )
    server.script("Send", Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason="RATE_LIMITED", retry_after=2.5))

    async def body(client: Any) -> None:
        with pytest.raises(NotFound) as missing:
            await client.get(NOTIFICATION_ID)
        assert missing.value.reason == "NOTIFICATION_NOT_FOUND"
        assert missing.value.metadata == {"id": NOTIFICATION_ID}
        assert isinstance(missing.value.__cause__, grpc.RpcError)
        with pytest.raises(ResourceExhausted) as limited:
            await client.send(USER, "A", "a")
        assert limited.value.retry_after == 2.5

    call(body)


def test_send_is_repeated_with_the_same_made_up_key(call: Call, server: ScriptedServer) -> None:
    server.script("Send", UNAVAILABLE, UNAVAILABLE, service_pb.SendResponse(notification=notification()))
    server.script("Send", service_pb.SendResponse(notification=notification()))

    async def body(client: Any) -> None:
        await client.send(USER, "A", "a")
        await client.send(USER, "A", "a")

    call(body)
    first, second, third, another = [received.request for received in server.calls("Send")]
    assert first == second == third
    assert len(first.idempotency_key) == 36
    assert another.idempotency_key != first.idempotency_key


def test_a_call_that_a_stopping_server_cuts_off_is_repeated(call: Call, server: ScriptedServer) -> None:
    """gRPC ends calls so that arrive while it stops."""
    server.script("Send", CUT, CUT, service_pb.SendResponse(notification=notification()))
    server.script("Cancel", CUT)

    async def body(client: Any) -> None:
        await client.send(USER, "A", "a")
        with pytest.raises(Cancelled):
            await client.cancel("x")

    call(body)
    first, second, third = [received.request for received in server.calls("Send")]
    assert first == second == third
    assert len(server.calls("Cancel")) == 1


def test_closing_a_client_ends_the_call_of_another_thread(server: ScriptedServer) -> None:
    server.script("Get", SILENCE)
    client = Client(server.address, retry=AT_ONCE)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.get, "x")
        eventually(lambda: server.calls("Get"))
        client.close()
        with pytest.raises(Cancelled):
            call.result()


def test_calls_that_may_be_repeated_are(call: Call, server: ScriptedServer) -> None:
    server.script("Get", UNAVAILABLE, service_pb.GetResponse(notification=notification()))
    server.script("List", UNAVAILABLE, service_pb.ListResponse())
    server.script("CountUnread", UNAVAILABLE, service_pb.CountUnreadResponse())
    server.script("MarkRead", UNAVAILABLE, service_pb.MarkReadResponse())
    server.script("GetContact", UNAVAILABLE, contact_pb.GetContactResponse())
    server.script("PutContact", UNAVAILABLE, contact_pb.PutContactResponse())
    server.script("SendBatch", UNAVAILABLE, service_pb.SendBatchResponse())

    async def body(client: Any) -> None:
        await client.get("x")
        await client.list()
        await client.count_unread(USER)
        await client.mark_read(["x"])
        await client.get_contact(USER)
        await client.put_contact(USER, {})
        await client.send_batch([Draft(USER, "A", "a")])

    call(body)
    one, again = [received.request for received in server.calls("SendBatch")]
    assert one == again


def test_calls_that_would_fail_the_second_time_are_not_repeated(call: Call, server: ScriptedServer) -> None:
    for rpc in ("Cancel", "Retry", "DeleteContact"):
        server.script(rpc, UNAVAILABLE)

    async def body(client: Any) -> None:
        for attempt in (
            client.cancel("x"),
            client.retry("x"),
            client.delete_contact(USER),
        ):
            with pytest.raises(Unavailable):
                await attempt

    call(body)
    for rpc in ("Cancel", "Retry", "DeleteContact"):
        assert len(server.calls(rpc)) == 1


def test_a_call_ends_at_its_deadline(call: Call, server: ScriptedServer) -> None:
    server.script("Get", SILENCE, SILENCE)

    async def body(client: Any) -> None:
        with pytest.raises(DeadlineExceeded) as late:
            await client.get("x", deadline=0.05)
        assert late.value.reason == ""
        with pytest.raises(TimeoutError):
            await client.get("x")

    call(body, deadline=0.1)
    own, common = [received.time_remaining for received in server.calls("Get")]
    assert own is not None
    assert common is not None
    assert max(own, common) < 1
    server.wait_for_departures(2)


def test_a_call_whose_server_asks_for_more_time_than_there_is_fails_at_once(call: Call, server: ScriptedServer) -> None:
    server.script("Get", Refusal(grpc.StatusCode.UNAVAILABLE, reason="DATABASE_UNAVAILABLE", retry_after=3600))

    async def body(client: Any) -> None:
        with pytest.raises(Unavailable) as away:
            await client.get("x")
        assert (away.value.reason, away.value.retry_after) == ("DATABASE_UNAVAILABLE", 3600)

    call(body)


def test_a_server_that_comes_back_within_the_deadline_was_never_away(call: Call, server: ScriptedServer) -> None:
    server.script("Get", *[service_pb.GetResponse(notification=notification())] * 2)

    async def body(client: Any) -> None:
        await client.get("x")
        server.restart()
        await client.get("x")

    call(body, retry=Backoff(initial=0.05, cap=0.05))


def test_an_unreachable_server_is_unavailable_without_a_reason(call: Call) -> None:
    async def body(client: Any) -> None:
        with pytest.raises(ConnectionError) as away:
            await client.get("x")
        assert isinstance(away.value, Unavailable)
        assert away.value.reason == ""

    call(body, target="127.0.0.1:1", retry=Backoff(initial=0, attempts=2))


def test_wrong_arguments_never_leave_the_client(call: Call, server: ScriptedServer) -> None:
    async def body(client: Any) -> None:
        with pytest.raises(ValueError, match="not one of"):
            await client.send(USER, "A", "a", channels=["fax"])
        with pytest.raises(TypeError, match="colour"):
            await client.send(USER, "A", "a", colour="red")

    call(body)
    assert server.calls("Send") == []


def test_a_closed_client_says_so(call: Call) -> None:
    async def body(client: Any) -> None:
        await client.close()
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await client.get("x")
        with pytest.raises(RuntimeError, match="closed"):
            client.subscribe(USER)

    call(body)


# -- credentials -----------------------------------------------------------------------------------


def authorizations(server: ScriptedServer, rpc: str) -> list[str | None]:
    return [received.metadata.get("authorization") for received in server.calls(rpc)]


def test_the_token_travels_with_every_attempt_and_is_asked_for_anew(call: Call, server: ScriptedServer) -> None:
    server.script("Get", UNAVAILABLE, service_pb.GetResponse(notification=notification()))
    server.script("Subscribe", [subscribed("c0")])
    tokens = iter(["one", "two", "three"])

    async def body(client: Any) -> None:
        await client.get("x")
        async with client.subscribe(USER) as events:
            await anext(events)

    call(body, token=lambda: next(tokens))
    assert authorizations(server, "Get") == ["Bearer one", "Bearer two"]
    assert authorizations(server, "Subscribe") == ["Bearer three"]


def test_without_a_token_no_credentials_travel(call: Call, server: ScriptedServer) -> None:
    server.script("Get", service_pb.GetResponse(notification=notification()))

    async def body(client: Any) -> None:
        await client.get("x")

    call(body)
    assert authorizations(server, "Get") == [None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_with_tls_the_server_is_checked_and_the_client_shows_its_certificate(kind: str, authority: trustme.CA) -> None:
    theirs, ours = authority.issue_cert("localhost"), authority.issue_cert("client.example")
    roots = authority.cert_pem.bytes()
    pair = (theirs.private_key_pem.bytes(), theirs.cert_chain_pems[0].bytes())
    tls = Tls(roots, certificate=ours.cert_chain_pems[0].bytes(), private_key=ours.private_key_pem.bytes())
    stranger = Tls(trustme.CA().cert_pem.bytes())
    with ScriptedServer(grpc.ssl_server_credentials([pair], roots, require_client_auth=True)) as server:
        server.script("Get", service_pb.GetResponse(notification=notification()))

        async def asynchronous() -> None:
            async with AsyncClient(server.address, tls=tls, token="secret") as client:
                await client.get("x")
            async with AsyncClient(server.address, tls=stranger, retry=Backoff(attempts=1)) as client:
                with pytest.raises(Unavailable):
                    await client.get("x")

        if kind == "asyncio":
            asyncio.run(asynchronous())
        else:
            with Client(server.address, tls=tls, token="secret") as client:
                client.get("x")
            with Client(server.address, tls=stranger, retry=Backoff(attempts=1)) as client, pytest.raises(Unavailable):
                client.get("x")
        assert authorizations(server, "Get") == ["Bearer secret"]


# -- subscriptions ---------------------------------------------------------------------------------


async def take(events: Any, count: int) -> list[Any]:
    return [await anext(events) for _ in range(count)]


def cursors(server: ScriptedServer) -> list[str]:
    return [received.request.cursor for received in server.calls("Subscribe")]


def test_events_come_as_values_with_cursor_and_count(call: Call, server: ScriptedServer) -> None:
    server.script(
        "Subscribe",
        [
            subscribed("c0", unread=2),
            arrived("c1", unread=3),
            heartbeat("c1"),
            read_changed("c2", "a", unread=2),
            SILENCE,
        ],
    )

    async def body(client: Any) -> None:
        async with client.subscribe(USER, "start") as events:
            start, new, read = await take(events, 3)
            assert start == Subscribed("c0", 2, recovered=True)
            assert isinstance(new, NotificationEvent)
            assert (new.cursor, new.unread_count, new.notification.id) == ("c1", 3, NOTIFICATION_ID)
            assert read == ReadChanged("c2", 2, ("a",), CREATED)
            assert events.cursor == "c2"

    call(body)
    assert cursors(server) == ["start"]
    server.wait_for_departures(1)


@pytest.mark.parametrize(
    "break_off",
    [
        pytest.param([UNAVAILABLE], id="shutting down"),
        pytest.param([Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason="SUBSCRIBER_TOO_SLOW")], id="too slow"),
        pytest.param([Refusal(grpc.StatusCode.INTERNAL)], id="broken line"),
        pytest.param([CUT], id="cancelled on the way"),
        pytest.param([], id="an end without an error"),
    ],
)
def test_a_broken_stream_is_resumed_after_the_last_event_without_loss_or_repetition(
    break_off: list[Any], call: Call, server: ScriptedServer
) -> None:
    server.script(
        "Subscribe",
        [subscribed("c0"), arrived("c1", id="a"), *break_off],
        [subscribed("c1"), arrived("c2", id="b"), heartbeat("c3"), *break_off],
        [*break_off],
        [subscribed("c3"), arrived("c4", id="c"), SILENCE],
    )

    async def body(client: Any) -> None:
        async with client.subscribe(USER) as events:
            seen = await take(events, 6)
        assert [event.notification.id for event in seen if isinstance(event, NotificationEvent)] == ["a", "b", "c"]
        assert [event.cursor for event in seen if isinstance(event, Subscribed)] == ["c0", "c1", "c3"]

    call(body)
    assert cursors(server) == ["", "c1", "c3", "c3"]


def test_a_server_that_is_killed_in_the_middle_is_found_again(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE], [subscribed("c1"), arrived("c2"), SILENCE])

    async def body(client: Any) -> None:
        async with client.subscribe(USER) as events:
            await take(events, 2)
            server.restart()
            seen = await take(events, 2)
            assert [event.cursor for event in seen] == ["c1", "c2"]

    call(body, reconnect=Backoff(initial=0.02, cap=0.02))
    assert cursors(server) == ["", "c1"]


def test_a_stream_on_which_nothing_comes_is_given_up_and_resumed(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE], [subscribed("c1"), arrived("c2"), SILENCE])
    server.script("CountUnread", service_pb.CountUnreadResponse())
    interruptions: list[TocsinError] = []

    async def body(client: Any) -> None:
        await client.count_unread(USER)  # so that connecting does not count as silence
        async with client.subscribe(USER, on_interruption=lambda error, _: interruptions.append(error)) as events:
            assert [event.cursor for event in await take(events, 4)] == ["c0", "c1", "c1", "c2"]

    call(body, silence=0.25)
    assert cursors(server)[:2] == ["", "c1"]
    assert "heartbeat" in interruptions[0].message


def test_a_consumer_that_takes_its_time_does_not_lose_its_stream(server: ScriptedServer) -> None:
    # Only waiting counts as silence. The consumer lets more time pass than the watchdog would bear, as measured
    # by a second subscription whose stream does fall silent meanwhile.
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE], [SILENCE], [subscribed("other"), SILENCE])
    server.script("CountUnread", service_pb.CountUnreadResponse())
    with Client(server.address, silence=0.25, reconnect=AT_ONCE) as client, client.subscribe(USER) as events:
        client.count_unread(USER)  # so that connecting does not count as silence
        next(events)
        with client.subscribe(USER) as others:
            assert next(others).cursor == "other"
        assert next(events).cursor == "c1"
    assert len(server.calls("Subscribe")) == 3


def test_what_no_stream_can_cure_is_raised_and_ends_the_iteration(call: Call, server: ScriptedServer) -> None:
    server.script(
        "Subscribe",
        Refusal(grpc.StatusCode.INVALID_ARGUMENT, reason="MALFORMED_CURSOR"),
        [subscribed("c0"), Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="PERMISSION_DENIED")],
        Refusal(grpc.StatusCode.UNAUTHENTICATED, reason="TOKEN_EXPIRED"),
        Refusal(grpc.StatusCode.INTERNAL, reason="INTERNAL", metadata={"incident": "x"}),
    )

    async def body(client: Any) -> None:
        for error in (InvalidArgument, PermissionDenied, Unauthenticated, Internal):
            events = client.subscribe(USER)
            with pytest.raises(error):
                await take(events, 2)
            with pytest.raises(StopAsyncIteration):
                await anext(events)

    call(body)
    assert len(server.calls("Subscribe")) == 4


def test_an_expired_token_is_replaced_by_the_function_that_gives_them(call: Call, server: ScriptedServer) -> None:
    server.script(
        "Subscribe",
        [subscribed("c0"), Refusal(grpc.StatusCode.UNAUTHENTICATED, reason="TOKEN_EXPIRED")],
        [subscribed("c0"), arrived("c1"), SILENCE],
    )
    tokens = iter(["old", "new"])

    async def body(client: Any) -> None:
        async with client.subscribe(USER) as events:
            assert (await take(events, 3))[-1].cursor == "c1"

    call(body, token=lambda: next(tokens))
    assert [received.metadata["authorization"] for received in server.calls("Subscribe")] == [
        "Bearer old",
        "Bearer new",
    ]


def test_a_gap_that_cannot_be_replayed_is_told_to_the_caller(call: Call, server: ScriptedServer) -> None:
    server.script(
        "Subscribe", [subscribed("c0"), UNAVAILABLE], [subscribed("c9", recovered=False), arrived("c10"), SILENCE]
    )

    async def body(client: Any) -> None:
        async with client.subscribe(USER) as events:
            first, gap, after = await take(events, 3)
        assert (first.recovered, gap.recovered) == (True, False)
        assert after.cursor == "c10"

    call(body)


def test_interruptions_are_told_with_their_cause_and_the_wait(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", UNAVAILABLE, [subscribed("c0"), SILENCE])
    told: list[tuple[str, float]] = []

    async def body(client: Any) -> None:
        async with client.subscribe(
            USER, on_interruption=lambda error, delay: told.append((error.reason, delay))
        ) as events:
            await anext(events)

    call(body)
    assert told == [("SHUTTING_DOWN", 0.0)]


def test_whoever_is_told_of_an_interruption_may_end_the_iteration(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", UNAVAILABLE)

    def refuse(error: TocsinError, _delay: float) -> None:
        raise error

    async def body(client: Any) -> None:
        events = client.subscribe(USER, on_interruption=refuse)
        with pytest.raises(Unavailable):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    call(body)


def test_closing_a_subscription_ends_its_stream_on_the_server(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])

    async def body(client: Any) -> None:
        events = client.subscribe(USER)
        await anext(events)
        await events.aclose()
        await events.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        server.wait_for_departures(1)

    call(body)


def test_closing_the_client_ends_its_subscriptions(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])

    async def body(client: Any) -> None:
        events = client.subscribe(USER)
        await anext(events)
        await client.close()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        server.wait_for_departures(1)

    call(body)


def test_a_subscription_that_is_dropped_without_being_closed_leaves_nothing_behind(
    call: Call, server: ScriptedServer
) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])

    async def body(client: Any) -> None:
        async for event in client.subscribe(USER):
            assert event.cursor == "c0"
            break
        gc.collect()
        # In another thread, for the loop is needed to end the call.
        await asyncio.to_thread(server.wait_for_departures, 1)

    call(body)


class _AwaitedThread(threading.Thread):
    """A thread that does not end before somebody waits for its end."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self._awaited = threading.Event()

    def run(self) -> None:
        super().run()
        self._awaited.wait(PATIENCE)

    def join(self, timeout: float | None = None) -> None:
        self._awaited.set()
        super().join(timeout)


def test_closing_a_client_waits_for_the_thread_of_a_subscription_that_was_dropped(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "threading", SimpleNamespace(**vars(threading) | {"Thread": _AwaitedThread}))
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    with Client(server.address) as client:
        assert next(client.with_token("ann").subscribe(USER)).cursor == "c0"
        assert _watchdogs()  # it has been told to end
    assert not _watchdogs()


def test_clients_with_other_tokens_share_the_connection(call: Call, server: ScriptedServer) -> None:
    server.script("CountUnread", *[service_pb.CountUnreadResponse()] * 3)
    server.script("Subscribe", [subscribed("c0"), SILENCE])

    async def body(client: Any) -> None:
        anns, bobs = client.with_token("ann"), client.with_token(lambda: "bob")
        for one in (anns, bobs, client):
            await one.count_unread(USER)
        await anext(anns.subscribe(USER))

    call(body)
    tokens = [received.metadata.get("authorization") for received in server.calls("CountUnread")]
    assert tokens == ["Bearer ann", "Bearer bob", None]
    assert server.calls("Subscribe")[0].metadata["authorization"] == "Bearer ann"


def test_closing_a_client_with_another_token_leaves_the_others_alone(call: Call, server: ScriptedServer) -> None:
    server.script("CountUnread", service_pb.CountUnreadResponse())
    server.script("Subscribe", [subscribed("c0"), SILENCE], [subscribed("c0"), arrived("c1"), SILENCE])

    async def body(client: Any) -> None:
        ann, bob = client.with_token("ann"), client.with_token("bob")
        anns, bobs = ann.subscribe(USER), bob.subscribe(USER)
        await anext(anns)
        await anext(bobs)
        await ann.close()
        with pytest.raises(StopAsyncIteration):
            await anext(anns)
        with pytest.raises(RuntimeError):
            await ann.count_unread(USER)
        assert (await anext(bobs)).cursor == "c1"
        await bob.count_unread(USER)
        await bob.close()

    call(body)


def test_closing_a_client_closes_those_made_from_it(call: Call, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])

    async def body(client: Any) -> None:
        ann = client.with_token("ann").with_token("anne")
        events = ann.subscribe(USER)
        await anext(events)
        await client.close()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        with pytest.raises(RuntimeError):
            await ann.count_unread(USER)
        with pytest.raises(RuntimeError):
            ann.with_token("bob")
        server.wait_for_departures(1)

    call(body)


def test_another_thread_may_close_a_subscription_that_waits(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    with Client(server.address) as client:
        events = client.subscribe(USER)
        next(events)
        seen: list[Any] = []
        reader = threading.Thread(target=lambda: seen.extend(events))
        reader.start()
        events.close()
        reader.join()
    assert seen == []


def test_another_thread_may_close_a_subscription_that_waits_for_its_next_stream(server: ScriptedServer) -> None:
    server.script("Subscribe", UNAVAILABLE)
    interrupted = threading.Event()
    for_ever = Backoff(initial=3600, cap=3600, draw=lambda _low, high: high)
    with Client(server.address, reconnect=for_ever) as client:
        events = client.subscribe(USER, on_interruption=lambda *_: interrupted.set())
        reader = threading.Thread(target=lambda: list(events))
        reader.start()
        assert interrupted.wait(60)
        events.close()
        reader.join()


async def test_another_task_may_close_a_subscription_that_waits(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE], UNAVAILABLE)
    for_ever = Backoff(initial=3600, cap=3600, draw=lambda _low, high: high)

    async def drain(events: Any) -> list[Any]:
        return [event async for event in events]

    async with AsyncClient(server.address, reconnect=for_ever) as client:
        streaming = client.subscribe(USER)
        await anext(streaming)
        interrupted = asyncio.Event()
        pausing = client.subscribe(USER, on_interruption=lambda *_: interrupted.set())
        readers = [asyncio.create_task(drain(events)) for events in (streaming, pausing)]
        await interrupted.wait()
        await streaming.aclose()
        await pausing.aclose()
        assert await asyncio.gather(*readers) == [[], []]


async def test_cancelling_the_reading_task_loses_no_event(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE], [subscribed("c1"), arrived("c2"), SILENCE])
    async with AsyncClient(server.address) as client, client.subscribe(USER) as events:
        await take(events, 2)
        reader = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert [event.cursor for event in await take(events, 2)] == ["c1", "c2"]
    assert cursors(server) == ["", "c1"]


async def test_an_asynchronous_client_may_be_made_before_its_loop_runs(server: ScriptedServer) -> None:
    server.script("Get", service_pb.GetResponse(notification=notification()))
    client = AsyncClient(server.address)

    async with client:
        assert (await client.get("x")).id == NOTIFICATION_ID


def test_one_client_serves_several_threads(server: ScriptedServer) -> None:
    server.script("Cancel", *[service_pb.CancelResponse(notification=notification())] * 8)
    server.script("Retry", Refusal(grpc.StatusCode.FAILED_PRECONDITION, reason="NOT_RETRYABLE"))
    with Client(server.address) as client:
        threads = [threading.Thread(target=client.cancel, args=(NOTIFICATION_ID,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        with pytest.raises(FailedPrecondition):
            client.retry(NOTIFICATION_ID)
        for thread in threads:
            thread.join()
    assert len(server.calls("Cancel")) == 8
