"""The times and limits of streams: heartbeats, age, lost events, and subscribers that do not keep up."""

from __future__ import annotations

import contextlib
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import Api, Stream, request, user
from helpers.server import feed_server, running_server
from helpers.waiting import eventually
from tocsin_server.domain.model import FeedEvent, MarkedRead
from tocsin_server.feed.hub import QUEUE_LIMIT
from tocsin_server.feed.stream import StreamTimes
from tocsin_server.rpc import server as rpc_server

PARAGRAPH = "It arrives on Friday. " * 180
"""4 KiB: a few dozen of these fill what the transport takes for a subscriber that does not read."""

FIXED_WINDOW = ("grpc.http2.bdp_probe", 0)
"""Keeps a client from offering megabytes of buffer of its own as soon as it sees that the line is fast."""


def next_heartbeat(stream: Stream) -> None:
    """Read on to the next heartbeat, which may be preceded by nothing but heartbeats."""
    before = stream.cursor
    assert stream.event().WhichOneof("event") == "heartbeat"
    assert stream.cursor == before, "a heartbeat has the cursor of the event before it"


def test_a_stream_without_events_has_heartbeats(tmp_path: Path) -> None:
    with feed_server(tmp_path, times=StreamTimes(heartbeat=0.05)) as server, Api(server.address) as api:
        to = user()
        with api.subscribe(to) as stream:
            stream.subscribed()
            for _ in range(3):
                next_heartbeat(stream)
                assert stream.unread_count == 0
            sent = api.send(request(to))
            event = stream.event()
            while event.HasField("heartbeat"):
                event = stream.event()
            assert event.notification.id == sent.id
            next_heartbeat(stream)
            assert stream.unread_count == 1
        missed = api.send(request(to))
        with api.subscribe(to, stream.cursor) as resumed:
            resumed.subscribed()
            assert resumed.notification().id == missed.id


def test_a_stream_that_is_old_enough_ends_and_is_resumed(tmp_path: Path) -> None:
    with feed_server(tmp_path, times=StreamTimes(maximum_age=0.4)) as server, Api(server.address) as api:
        to = user()
        sent = api.send(request(to))
        with api.subscribe(to) as stream:
            stream.subscribed()
            assert stream.notification().id == sent.id
            refusal = stream.ending()
            assert refusal.code is grpc.StatusCode.UNAVAILABLE
            assert refusal.reason == "STREAM_AGED"
            assert refusal.metadata["cursor"] == stream.cursor
        eventually(lambda: server.open_subscriptions == 0)
        missed = api.send(request(to))
        with api.subscribe(to, stream.cursor) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.notification().id == missed.id


def test_events_that_were_lost_on_the_way_are_found_by_comparing_positions(tmp_path: Path) -> None:
    with (
        feed_server(tmp_path, times=StreamTimes(position_check=0.05), lost=lambda _: True) as server,
        Api(server.address) as api,
    ):
        to = user()
        with api.subscribe(to) as stream, api.subscribe(to) as other:
            stream.subscribed()
            other.subscribed()
            sent = [api.send(request(to)).id for _ in range(3)]
            assert stream.ids(3) == sent
            assert other.ids(3) == sent
            api.mark(ids=[sent[1]])
            again = stream.notification()
            assert (again.id, again.is_read, stream.unread_count) == (sent[1], True, 2)


def test_an_event_shows_that_others_were_lost_and_they_come_first(tmp_path: Path) -> None:
    def lost(event: FeedEvent) -> bool:
        return isinstance(event, MarkedRead) or event.notification.title == "lost"

    with feed_server(tmp_path, lost=lost) as server, Api(server.address) as api:
        to = user()
        with api.subscribe(to) as stream:
            stream.subscribed()
            sent = [api.send(request(to, title=title)).id for title in ("lost", "lost", "kept", "kept", "lost", "kept")]
            assert stream.ids(6) == sent
            api.mark(ids=[sent[1]])
            last = api.send(request(to, title="kept"))
            again = stream.notification()
            assert (again.id, again.is_read) == (sent[1], True)
            assert stream.notification().id == last.id
            assert stream.unread_count == 6


def fill(api: Api, to: pb.Recipient, count: int, other: Stream | None = None) -> list[str]:
    """Send more than anybody buffers; ``other`` reads along, so that it never has much to catch up with."""
    sent: list[str] = []
    while len(sent) < count:
        results = api.batch(*(request(to, message=PARAGRAPH) for _ in range(min(100, count - len(sent)))))
        batch = [result.response.notification.id for result in results]
        if other is not None:
            assert other.ids(len(batch)) == batch
        sent += batch
    return sent


def test_a_subscriber_that_does_not_keep_up_is_ended_with_its_cursor_and_others_go_on(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, Api(server.address) as api, Api(server.address, FIXED_WINDOW) as slow_api:
        to, somebody_else = user(), user()
        with (
            slow_api.subscribe(to) as slow,
            api.subscribe(to) as fast,
            api.subscribe(somebody_else) as neighbour,
        ):
            for stream in (slow, fast, neighbour):
                stream.subscribed()
            sent = fill(api, to, QUEUE_LIMIT + 800, fast)
            theirs = api.send(request(somebody_else))
            assert neighbour.notification().id == theirs.id

            read = 0
            refusal = None
            while refusal is None:
                try:
                    assert slow.notification().id == sent[read]
                    read += 1
                except grpc.RpcError:
                    refusal = slow.ending()
            assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refusal.reason == "SUBSCRIBER_TOO_SLOW"
            assert refusal.metadata["cursor"] == slow.cursor
            assert read < len(sent)
            with api.subscribe(to, slow.cursor) as resumed:
                assert resumed.subscribed().recovered
                assert resumed.ids(len(sent) - read) == sent[read:]
            live = api.send(request(to)).id
            assert fast.notification().id == live


def test_a_subscriber_that_never_reads_is_ended_though_nothing_else_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_server, "WRITE_TIMEOUT", 0.3)
    with feed_server(tmp_path) as server, Api(server.address) as api, Api(server.address, FIXED_WINDOW) as slow_api:
        to = user()
        with slow_api.subscribe(to) as slow:
            slow.subscribed()
            assert server.open_subscriptions == 1
            sent = fill(api, to, QUEUE_LIMIT - 100)
            eventually(lambda: server.open_subscriptions == 0)
            refusal = slow.ending()
            assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refusal.reason == "SUBSCRIBER_TOO_SLOW"
        with api.subscribe(to, refusal.metadata["cursor"]) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.notification().id in sent
        # The one whose writing was given up may have arrived or not: the client's own cursor decides.
        with api.subscribe(to, slow.cursor) as resumed:
            assert resumed.subscribed().recovered
            rest = resumed.notification().id
            assert resumed.ids(len(sent) - sent.index(rest) - 1) == sent[sent.index(rest) + 1 :]


def test_a_queue_that_overflows_ends_only_its_own_stream(tmp_path: Path) -> None:
    with feed_server(tmp_path, queue_limit=5) as server, Api(server.address) as api:
        to, other = user(), user()
        with api.subscribe(to) as stream, api.subscribe(other) as neighbour:
            stream.subscribed()
            neighbour.subscribed()
            sent = [result.response.notification.id for result in api.batch(*(request(to) for _ in range(6)))]
            refusal = stream.ending()
            assert refusal.reason == "SUBSCRIBER_TOO_SLOW"
            assert refusal.metadata["cursor"] == stream.cursor
            theirs = api.send(request(other))
            assert neighbour.notification().id == theirs.id
        with api.subscribe(to, stream.cursor) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.ids(6) == sent


def test_subscriptions_do_not_outlive_their_streams(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api:
        to = user()
        streams = [api.subscribe(to) for _ in range(20)]
        for stream in streams:
            stream.subscribed()
        assert server.open_subscriptions == 20
        for stream in streams[:10]:
            stream.cut()
        eventually(lambda: server.open_subscriptions == 10)
        sent = api.send(request(to))
        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(lambda stream: stream.notification().id, streams[10:])) == {sent.id}
        for stream in streams[10:]:
            stream.cut()
        eventually(lambda: server.open_subscriptions == 0)


def test_a_recipient_has_so_many_streams_and_the_server_has_so_many(tmp_path: Path) -> None:
    with (
        feed_server(tmp_path, streams_per_recipient=2, streams=5) as server,
        Api(server.address) as api,
    ):
        to = user()
        streams = [api.subscribe(to) for _ in range(2)]
        for stream in streams:
            stream.subscribed()
        refusal = api.subscribe(to).ending()
        assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (refusal.reason, refusal.metadata) == ("TOO_MANY_STREAMS", {"scope": "recipient", "limit": "2"})

        others = [api.subscribe(user()) for _ in range(3)]
        for stream in others:
            stream.subscribed()
        refusal = api.subscribe(user()).ending()
        assert (refusal.reason, refusal.metadata) == ("TOO_MANY_STREAMS", {"scope": "server", "limit": "5"})

        streams.pop().cut()
        eventually(lambda: server.open_subscriptions == 4)
        with api.subscribe(to) as stream:
            assert stream.subscribed().recovered, "a stream that ended has freed its place"
        for stream in [*streams, *others]:
            stream.cut()


def test_a_backend_has_a_share_of_the_streams_and_recipients_have_their_own(tmp_path: Path) -> None:
    tokens = [f"{name}:read:{hashlib.sha256(name.encode()).hexdigest()}" for name in ("leaky", "desk")]
    with feed_server(tmp_path, auth_tokens=tokens, streams=6) as server, Api(server.address) as api:

        def opened(token: str) -> Stream:
            return api.subscribe(user(), token=token)

        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(opened("leaky")).subscribed()
            refusal = opened("leaky").ending()
            assert (refusal.reason, refusal.metadata) == ("TOO_MANY_STREAMS", {"scope": "token", "limit": "3"})
            for _ in range(3):
                stack.enter_context(opened("desk")).subscribed()
        eventually(lambda: server.open_subscriptions == 0)
        with opened("leaky") as stream:
            stream.subscribed()
