"""What every bus does. Those between processes are held to it with two replicas on a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import nats_server, postgresql
from helpers.drafts import dice
from helpers.replica import BusServer, Replica, exchange, hint, make_server, replicas, user
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.feed.bus.choice import make_bus

BETWEEN_PROCESSES = ("postgresql", "nats")


@contextlib.contextmanager
def shared_url(kind: str) -> Iterator[str]:
    """Give the URL of a bus on the server that tests share."""
    if kind == "memory":
        yield "memory://"
    elif kind == "nats":
        yield nats_server.shared_server_url()
    else:
        with postgresql.temporary_database() as url:
            yield url


@pytest.fixture(params=("memory", *BETWEEN_PROCESSES))
def any_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with shared_url(request.param) as url:
        yield url


@pytest.fixture(params=BETWEEN_PROCESSES)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with shared_url(request.param) as url:
        yield url


@pytest.fixture
def pair(url: str) -> Iterator[list[Replica]]:
    with replicas(url) as pair:
        yield pair


@pytest.fixture(params=BETWEEN_PROCESSES)
def server(request: pytest.FixtureRequest) -> Iterator[BusServer]:
    """A server that a test may stop."""
    server = make_server(request.param)
    try:
        yield server
    finally:
        server.remove()


# -- every bus -----------------------------------------------------------------------------------


def test_a_bus_takes_every_call_whether_or_not_anybody_is_there(any_url: str) -> None:
    to = user()
    with Replica(any_url) as replica:
        replica.join(to)
        replica.join(to)
        replica.publish(to, 1, 2)
        replica.publish(user(), 1)
        replica.leave(to)
        replica.leave(to, user())


def test_closing_may_be_repeated_and_what_is_published_later_goes_nowhere(any_url: str) -> None:
    with Replica(any_url) as replica:
        replica.publish(user(), 1)
        replica.close()
        replica.close()
        replica.publish(user(), 1)
        replica.join(user())
    replica.publish(user(), 1)


def test_a_bus_that_was_never_started_can_be_used_and_closed(any_url: str) -> None:
    with Replica("memory://") as loop:
        bus = make_bus(any_url)
        bus.publish([hint(user(), 1)])
        loop.run(bus.join(user()))
        loop.run(bus.close())


# -- between replicas ----------------------------------------------------------------------------


def test_a_hint_reaches_the_replica_that_listens_for_it(pair: list[Replica]) -> None:
    here, there = pair
    to = user()
    there.join(to)
    here.publish(to, 7)
    there.wait_for(to, 7)
    assert there.hints == {to: [7]}


def test_recipients_of_every_type_are_kept_apart(pair: list[Replica]) -> None:
    here, there = pair
    several = [Recipient(kind, user().id) for kind in RecipientType]
    several += [Recipient(kind, several[0].id) for kind in RecipientType if kind != several[0].type]
    there.join(*several)
    for sequence, to in enumerate(several, start=1):
        here.publish(to, sequence)
    for sequence, to in enumerate(several, start=1):
        there.wait_for(to, sequence)
    assert there.hints == {to: [sequence] for sequence, to in enumerate(several, start=1)}


def test_every_replica_that_listens_hears_it(url: str) -> None:
    to = user()
    with replicas(url, 3) as (here, there, elsewhere):
        there.join(to)
        elsewhere.join(to)
        here.publish(to, 1)
        there.wait_for(to, 1)
        elsewhere.wait_for(to, 1)


def test_of_the_hints_for_one_recipient_the_highest_arrives(pair: list[Replica]) -> None:
    here, there = pair
    to = user()
    there.join(to)
    here.publish(to, 3, 9, 4)
    there.wait_for(to, 9)
    here.publish(to, 5)
    here.publish(to, 10)
    there.wait_for(to, 10)


def test_hints_for_whom_nobody_listens_here_are_not_delivered(pair: list[Replica]) -> None:
    here, there = pair
    other, marker = user(), user()
    there.join(marker)
    here.publish(other, 1)
    here.publish(marker, 1)
    there.wait_for(marker, 1)
    assert there.hints == {marker: [1]}


def test_a_replica_does_not_hear_itself(pair: list[Replica]) -> None:
    here, there = pair
    own, question, answer = user(), user(), user()
    here.join(own, answer)
    there.join(question)
    here.publish(own, 1)
    here.publish(question, 1)
    there.wait_for(question, 1)
    there.publish(answer, 1)
    here.wait_for(answer, 1)
    assert here.hints == {answer: [1]}


def test_two_replicas_tell_each_other_of_one_recipient(pair: list[Replica]) -> None:
    here, there = pair
    to = user()
    here.join(to)
    there.join(to)
    here.publish(to, 1)
    there.wait_for(to, 1)
    there.publish(to, 2)
    here.wait_for(to, 2)
    assert (here.hints, there.hints) == ({to: [2]}, {to: [1]})


def test_after_leaving_no_more_hints_are_delivered_until_joining_again(pair: list[Replica]) -> None:
    here, there = pair
    to, marker = user(), user()
    there.join(to, marker)
    here.publish(to, 1)
    there.wait_for(to, 1)
    there.leave(to)
    here.publish(to, 2)
    here.publish(marker, 1)
    there.wait_for(marker, 1)
    assert there.hints[to] == [1]
    there.join(to)
    here.publish(to, 3)
    there.wait_for(to, 3)


def test_a_hint_published_right_after_joining_arrives(pair: list[Replica]) -> None:
    """Else a change between a stream's first read and the beginning of its hints would be missed."""
    here, there = pair
    several = [user() for _ in range(2_000)]

    async def join_and_have_published(to: Recipient) -> None:
        await there.bus.join(to)
        here.publish(to, 1)

    async def join_all() -> None:
        await asyncio.gather(*(join_and_have_published(to) for to in several))

    there.run(join_all())
    for to in several:
        there.wait_for(to, 1)
    assert there.resets == 1


def test_a_burst_arrives_as_the_highest_sequence_of_each_recipient(pair: list[Replica]) -> None:
    here, there = pair
    several = [user() for _ in range(1_000)]
    there.join(*several)
    orders = [[(to, sequence) for to in several for sequence in range(1 + k, 51, 4)] for k in range(4)]
    for seed, order in enumerate(orders):
        dice(seed).shuffle(order)

    def publish(order: list[tuple[Recipient, int]]) -> None:
        for start in range(0, len(order), 100):
            here.bus.publish([hint(to, sequence) for to, sequence in order[start : start + 100]])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(publish, orders))
    for to in several:
        there.wait_for(to, 50)
    assert there.resets == 1


def test_what_is_published_just_before_closing_arrives(pair: list[Replica]) -> None:
    here, there = pair
    to = user()
    there.join(to)
    here.publish(to, 1)
    here.close()
    there.wait_for(to, 1)


def test_what_was_published_before_a_replica_is_connected_arrives_when_it_is(url: str) -> None:
    to, other = user(), user()
    with replicas(url, 1) as [there]:
        there.join(to, other)
        with Replica(url, hint(to, 2), hint(other, 1), hint(to, 1)):
            there.wait_for(to, 2)
            there.wait_for(other, 1)


# -- outages -------------------------------------------------------------------------------------


def test_after_the_server_was_away_there_is_a_reset_and_hints_flow_again(server: BusServer) -> None:
    early, meanwhile, later = user(), user(), user()
    with replicas(server.url) as (here, there):
        there.join(early)
        exchange(here, there, [early])
        server.stop()
        there.join(meanwhile)
        here.publish(early, 100)
        here.publish(meanwhile, 100)
        server.start()
        here.wait_for_reset(2)
        there.wait_for_reset(2)
        exchange(here, there, [early, meanwhile])
        exchange(there, here)
        there.join(later)
        exchange(here, there, [later])


def test_a_bus_starts_while_the_server_is_away(server: BusServer) -> None:
    to = user()
    server.stop()
    with Replica(server.url) as here, Replica(server.url) as there:
        there.join(to)
        here.publish(to, 1)
        assert here.resets == there.resets == 0
        server.start()
        here.wait_for_reset()
        there.wait_for_reset()
        exchange(here, there, [to])


def test_closing_ends_while_the_server_is_away(server: BusServer) -> None:
    with replicas(server.url) as (here, there):
        server.stop()
        here.publish(user(), 1)
        here.close()
    assert there.resets == 1


def test_an_outage_is_logged_once_and_so_is_its_end(server: BusServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tocsin_server.feed.bus.connection")

    def events() -> list[str]:
        return [record.event for record in caplog.records]  # type: ignore[attr-defined]

    with replicas(server.url, 1) as [replica]:
        assert events() == ["bus_connected"]
        server.stop()
        server.start()
        replica.wait_for_reset(2)
        told = events()
        assert told[0] == told[-1] == "bus_connected"
        assert set(told[1:-1]) == {"bus_lost"}
        reasons = [record.error for record in caplog.records if record.event == "bus_lost"]  # type: ignore[attr-defined]
        assert len(reasons) == len(set(reasons))
