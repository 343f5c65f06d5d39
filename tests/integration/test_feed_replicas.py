"""Two replicas on one database: the streams of each see what the other commits, by hints over a real bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from helpers import drafts, nats_server, postgresql
from helpers.calls import Api, request
from helpers.calls import user as api_user
from helpers.drafts import draft, user
from helpers.feeds import NO_CHECKS, Follower, Wire
from helpers.server import running_server
from helpers.waiting import eventually, eventually_async
from tocsin_server.application import parts
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.model import (
    Accepted,
    ChannelType,
    ClaimedChannel,
    FeedEvent,
    FeedPosition,
    Micros,
    Recipient,
)
from tocsin_server.feed.bus.choice import make_bus
from tocsin_server.feed.bus.hints import Bus
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams
from tocsin_server.storage.databases import sqlite_file
from tocsin_server.storage.databases.sqlite import SqliteStore


class ToHub:
    """Tells a hub what its replica committed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def reserve(self, channel: ChannelType) -> bool:
        return False

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        assert not channels

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        if events:
            self._hub.publish(events)

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        pass


class Replica:
    """A store, a hub and streams of a process of their own; replicas share the database file."""

    def __init__(self, path: Path, bus: Bus) -> None:
        self.hub = Hub(bus)
        bus.start(self.hub)
        self.bus = bus
        self.store = SqliteStore(path, ToHub(self.hub), attempt_limit=1, lease=60.0)
        self.settler = Settler(self.store, wall_clock)
        self.streams = FeedStreams(self.store, self.hub, self.settler, NO_CHECKS)
        self.followers: list[Follower] = []

    async def follow(self, to: Recipient) -> Follower:
        """Begin a stream."""
        follower = Follower()
        follower.task = asyncio.create_task(follower.follow(self.streams.follow(to, None)))
        self.followers.append(follower)
        await follower.started()
        return follower

    async def send(self, to: Recipient, count: int = 1) -> list[str]:
        """Store notifications, all in one call."""
        answers = await self.store.accept([draft(recipient=to) for _ in range(count)])
        return [answer.notification.id for answer in answers if isinstance(answer, Accepted)]

    async def close(self) -> None:
        for follower in self.followers:
            assert follower.task is not None
            follower.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await follower.task
        await self.settler.close()
        await self.store.close()
        await self.bus.close()


@contextlib.asynccontextmanager
async def two_replicas(folder: Path, make: Callable[[], Bus]) -> AsyncIterator[tuple[Replica, Replica]]:
    sqlite_file.prepare(folder / "tocsin.db")
    async with contextlib.AsyncExitStack() as stack:
        replicas = [Replica(folder / "tocsin.db", make()) for _ in range(2)]
        for replica in replicas:
            stack.push_async_callback(replica.close)
        yield replicas[0], replicas[1]


# -- two replicas on one database ----------------------------------------------------------------


@pytest.fixture(params=["postgresql", "nats"])
def bus_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "nats":
        yield nats_server.shared_server_url()
    else:
        with postgresql.temporary_database() as url:
            yield url


async def test_a_stream_sees_what_another_replica_commits(tmp_path: Path, bus_url: str) -> None:
    to = user()
    async with two_replicas(tmp_path, lambda: make_bus(bus_url)) as (here, there):
        stream = await there.follow(to)
        sent = await here.send(to)
        await stream.has(sent)
        sent += await here.send(to, 3)
        await stream.has(sent)
        await here.store.mark_read(sent[:1])

        async def knows() -> bool:
            return stream.read_state[sent[0]]

        await eventually_async(knows)


async def test_replicas_that_commit_at_the_same_time_show_one_feed(tmp_path: Path, bus_url: str) -> None:
    several = [user() for _ in range(3)]
    async with two_replicas(tmp_path, lambda: make_bus(bus_url)) as replicas:
        followers = {to: [await replica.follow(to) for replica in replicas for _ in range(2)] for to in several}
        for round_number in range(12):
            await asyncio.gather(*(replica.send(to, 1 + round_number % 3) for replica in replicas for to in several))
        for to, streams in followers.items():
            part = await replicas[0].store.feed_after(to, FeedPosition(0, 0), 1000)
            expected = drafts.ids_of(part.notifications)
            assert len(expected) == 2 * (1 + 2 + 3) * 4
            for stream in streams:
                await stream.has(expected)


async def test_what_was_lost_is_found_after_a_reset(tmp_path: Path) -> None:
    to, other = user(), user()
    async with two_replicas(tmp_path, Wire) as (here, there):
        stream, idle = await there.follow(to), await there.follow(other)
        sent = await here.send(to, 3)
        there.hub.reset()
        await stream.has(sent)
        sent += await here.send(to)
        there.hub.reset()
        there.hub.reset()
        await stream.has(sent)
        assert idle.ids == []


async def test_an_event_of_ones_own_brings_what_others_committed_before_it(tmp_path: Path) -> None:
    to = user()
    async with two_replicas(tmp_path, Wire) as (here, there):
        stream = await there.follow(to)
        sent = await here.send(to, 2)
        sent += await there.send(to)
        await stream.has(sent)
        assert isinstance(here.bus, Wire)
        for recipient, position in here.bus.sent:
            there.hub.hint(recipient, position)
        sent += await there.send(to)
        await stream.has(sent)


async def test_a_commit_is_told_to_the_bus_as_the_position_it_reached(tmp_path: Path) -> None:
    to, other = user(), user()
    async with two_replicas(tmp_path, Wire) as (here, _):
        assert isinstance(here.bus, Wire)
        await here.send(to, 2)
        await here.send(other)
        several = await here.send(to, 3)
        await here.store.mark_read(several)
        heads = {who: (await here.store.feed_state(who)).head for who in (to, other)}
        newest = dict(here.bus.sent)
        assert newest == heads
        assert heads[to].sequence == 8


# -- the application -----------------------------------------------------------------------------


def test_the_application_tells_its_bus_of_commits_and_closes_it_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires: list[Wire] = []
    urls: list[str] = []

    def make(url: str) -> Wire:
        urls.append(url)
        wires.append(Wire())
        return wires[-1]

    monkeypatch.setattr(parts, "make_bus", make)
    to = api_user()
    with running_server(tmp_path) as server, Api(server.address) as api, api.subscribe(to) as stream:
        stream.subscribed()
        [wire] = wires
        assert urls == ["memory://"]
        assert wire.calls == ["start"]
        assert {recipient.id for recipient in wire.joined} == {to.id}
        api.send(request(to))
        stream.notification()
        eventually(lambda: [hint.recipient.id for hint in wire.sent] == [to.id])
        stream.cut()
        eventually(lambda: not wire.joined)
    assert wire.calls == ["start", "close"]
