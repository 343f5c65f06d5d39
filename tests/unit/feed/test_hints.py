"""Hints of other processes' changes: what a stream makes of them, whatever their order and number."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import user
from helpers.feeds import EPOCH, Feed, Follower, Wire, follower_of, reaches, turns
from helpers.waiting import eventually_async
from tocsin_server.domain.errors import TooManyStreams
from tocsin_server.domain.model import FeedPosition
from tocsin_server.feed import hub as hub_module
from tocsin_server.feed.hub import CHECK_RATE, LONGEST_CHECK, Hub
from tocsin_server.feed.items import Heartbeat, Subscribed
from tocsin_server.feed.mailbox import CheckWithin
from tocsin_server.feed.replay import FIRST_PAGE


async def test_a_hint_at_or_below_the_position_and_an_event_of_ones_own_cost_no_read() -> None:
    feed, hub = Feed(), Hub()
    async with follower_of(feed, hub) as follower:
        await follower.started()
        for _ in range(3):
            hub.publish([feed.commit()])
            hub.hint(feed.recipient, feed.head)
            await reaches(follower, feed.head)
        hub.hint(feed.recipient, feed.head)
        hub.hint(feed.recipient, FeedPosition(EPOCH, 1))
        await turns()
        hub.publish([feed.commit()])
        await reaches(follower, feed.head)
        assert feed.reads == 0
        assert follower.ids == ["n1", "n2", "n3", "n4"]


async def test_an_event_that_comes_after_a_hint_of_it_costs_no_second_read() -> None:
    feed, hub = Feed(), Hub()
    async with follower_of(feed, hub) as follower:
        await follower.started()
        event = feed.commit()
        hub.hint(feed.recipient, feed.head)
        await reaches(follower, feed.head)
        hub.publish([event])
        hub.publish([feed.commit()])
        await reaches(follower, feed.head)
        assert feed.reads == 1
        assert follower.ids == ["n1", "n2"]


async def test_many_hints_during_a_read_cause_one_more() -> None:
    feed, hub = Feed(), Hub()
    async with follower_of(feed, hub) as follower:
        await follower.started()
        feed.commit()
        feed.gate.clear()
        hub.hint(feed.recipient, feed.head)
        await turns()
        assert feed.reads == 1
        for _ in range(FIRST_PAGE - 1):
            feed.commit()
            hub.hint(feed.recipient, feed.head)
        for sequence in range(FIRST_PAGE, 0, -1):
            hub.hint(feed.recipient, FeedPosition(EPOCH, sequence))
        feed.gate.set()
        await reaches(follower, feed.head)
        await turns()
        assert feed.reads == 2
        assert follower.ids == [f"n{sequence}" for sequence in range(1, FIRST_PAGE + 1)]


async def test_a_hint_of_another_epoch_is_looked_into() -> None:
    feed, hub = Feed(), Hub()
    feed.commit()
    async with follower_of(feed, hub, position=feed.head) as follower:
        await follower.started()
        reads = feed.reads
        feed.commit()
        hub.hint(feed.recipient, FeedPosition(EPOCH + 1, 0))
        await reaches(follower, feed.head)
        assert feed.reads == reads + 1


async def test_a_stream_reads_only_once_hints_are_sure_to_arrive() -> None:
    wire = Wire()
    feed, hub = Feed(), Hub(wire)
    feed.commit()
    wire.gate.clear()
    async with follower_of(feed, hub, position=FeedPosition(0, 0)) as follower:
        await turns()
        assert wire.joined == {feed.recipient}
        assert (feed.reads, follower.items) == (0, [])
        feed.commit()
        wire.gate.set()
        await reaches(follower, feed.head)
        assert feed.reads == 1


async def test_the_bus_is_left_with_the_last_stream_of_a_recipient() -> None:
    wire = Wire()
    feed, hub = Feed(), Hub(wire)
    async with follower_of(feed, hub) as one:
        await one.started()
        async with follower_of(feed, hub) as other:
            await other.started()
        assert wire.joined == {feed.recipient}
    assert wire.joined == set()

    wire.gate.clear()
    async with follower_of(feed, hub):
        await turns()
        assert wire.joined == {feed.recipient}
    assert wire.joined == set(), "a subscriber who went while the bus was being joined"


async def test_a_refused_stream_does_not_join_the_bus() -> None:
    wire = Wire()
    hub = Hub(wire, streams=0)
    with pytest.raises(TooManyStreams):
        async with hub.mailbox(user()):
            pass
    assert wire.joined == set()


@pytest.mark.parametrize(("rate", "window"), [(CHECK_RATE, 500 / CHECK_RATE), (1, LONGEST_CHECK)])
async def test_checks_after_a_reset_are_spread_by_the_number_of_streams(
    rate: int, window: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "CHECK_RATE", rate)
    hub = Hub()
    async with contextlib.AsyncExitStack() as stack:
        several = [await stack.enter_async_context(hub.mailbox(user())) for _ in range(500)]
        assert several[0].take() is None
        hub.reset()
        assert [one.take() for one in several] == [CheckWithin(window)] * 500
        assert several[0].take() is None


async def test_each_of_many_streams_checks_its_position_once_after_a_reset() -> None:
    feeds, hub = [Feed() for _ in range(100)], Hub()
    async with contextlib.AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(follower_of(feed, hub)) for feed in feeds]
        for follower in followers:
            await follower.started()
        for feed in feeds[::2]:
            feed.commit()
        hub.reset()
        for follower, feed in zip(followers, feeds, strict=True):
            await reaches(follower, feed.head)

        async def all_have_looked() -> bool:
            return all(feed.states for feed in feeds)

        await eventually_async(all_have_looked)
        assert {feed.states for feed in feeds} == {1}
        assert [feed.reads for feed in feeds] == [1, 0] * 50


class Stage:
    """A feed that is changed here and elsewhere, and what is told of it to the hub of here."""

    def __init__(self, feed: Feed, hub: Hub) -> None:
        self.feed = feed
        self.hub = hub
        self.reached: list[FeedPosition] = []
        """Where the feed stood after each change elsewhere."""

    def local(self, count: int) -> None:
        self.hub.publish([self.feed.commit() for _ in range(count)])

    def remote(self, count: int) -> None:
        for _ in range(count):
            self.feed.commit()
            self.reached.append(self.feed.head)

    def hint(self, place: int) -> None:
        if self.reached:
            self.hub.hint(self.feed.recipient, self.reached[place % len(self.reached)])

    def lose(self, count: int) -> None:
        for _ in range(count):
            self.feed.commit()

    def mark(self, place: int) -> None:
        if self.feed.notifications:
            self.hub.publish([self.feed.mark(place)])

    def reset(self, _: int) -> None:
        self.hub.reset()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["local", "remote", "lose"]), st.integers(0, 3)),
        st.tuples(st.sampled_from(["hint", "mark", "reset"]), st.integers(0, 1_000)),
        st.tuples(st.just("turns"), st.integers(1, 6)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(STEPS, st.lists(st.integers(0, 4), min_size=1), st.lists(st.integers(0, 3), min_size=1), st.integers(0, 2))
def test_whatever_happens_to_hints_a_stream_tells_everything_once_and_in_order(
    steps: Sequence[tuple[str, int]], read_turns: list[int], write_turns: list[int], already: int
) -> None:
    async def scenario() -> None:
        """Hints are repeated, reordered and lost at will, events too, and reading and writing take their time."""
        feed, hub = Feed(itertools.cycle(read_turns).__next__), Hub()
        stage = Stage(feed, hub)
        stage.lose(already)
        async with follower_of(feed, hub, itertools.cycle(write_turns).__next__, feed.head) as follower:
            for step, number in steps:
                if step == "turns":
                    await turns(number)
                else:
                    getattr(stage, step)(number)
            await follower.started()
            hub.reset()
            await reaches(follower, feed.head)
            assert_whole(follower, feed, already, marked=any(step == "mark" for step, _ in steps))

    def assert_whole(follower: Follower, feed: Feed, already: int, *, marked: bool) -> None:
        """Assert that a stream told of everything but the first ``already`` notifications."""
        created = list(feed.notifications)[already:]
        positions = [item.position for item in follower.items]
        assert isinstance(follower.items[0], Subscribed)
        assert positions == sorted(positions)
        assert not any(isinstance(item, Heartbeat) for item in follower.items)
        known = follower.read_state
        assert set(created) <= set(known)
        assert known == {one: feed.notifications[one].is_read for one in known}
        if not marked:
            assert follower.ids == created

    asyncio.run(scenario())
