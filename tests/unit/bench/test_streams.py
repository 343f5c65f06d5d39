"""What loads and drives the push benchmarks: bursts, percentiles, and the streams of the bare servers."""

from __future__ import annotations

import asyncio

import pytest

from bench.load.stream_load import flood, percentile
from bench.peers.stream_ready import EVERYBODY, Groups


class Answering:
    """Receives what was pushed, a few messages at each look."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self.pushed = 0
        self.received = 0
        self.most_ahead = 0

    def push(self) -> int:
        self.pushed += 10
        self.most_ahead = max(self.most_ahead, self.pushed - self.received)
        return 10

    def pump(self, timeout: float) -> None:
        self.received = min(self.pushed, self.received + self._at_once)


@pytest.mark.parametrize("at_once", [1, 3, 10, 100])
def test_a_flood_is_at_most_two_bursts_ahead_and_ends_when_all_has_come(at_once: int) -> None:
    receiver = Answering(at_once)
    assert flood(receiver.push, receiver, 95) == 100
    assert receiver.received == receiver.pushed == 100
    assert 10 < receiver.most_ahead <= 20


@pytest.mark.parametrize(
    ("count", "part", "expected"), [(100, 0.99, 99), (101, 0.99, 100), (1, 0.99, 1), (10, 0.5, 5), (10, 1.0, 10)]
)
def test_a_percentile_is_a_value_that_was_taken(count: int, part: float, expected: int) -> None:
    assert percentile([float(value) for value in range(count, 0, -1)], part) == expected


async def test_streams_take_what_is_due_to_their_group_before_and_while_they_wait() -> None:
    groups = Groups()
    first, second, other = groups.add("a"), groups.add("a"), groups.add("b")
    groups.push("a", 2)
    for stream in (first, second, first, second):
        await stream.take()
    waiting = [asyncio.create_task(stream.take()) for stream in (first, second, other)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    groups.push("b", 1)
    await waiting[2]
    assert not waiting[0].done()
    groups.push(EVERYBODY, 1)
    await asyncio.gather(*waiting[:2])
    await other.take()
    groups.remove("b", other)
    groups.push("b", 1)
    rest = asyncio.create_task(other.take())
    await asyncio.sleep(0)
    assert not rest.done()
    rest.cancel()
