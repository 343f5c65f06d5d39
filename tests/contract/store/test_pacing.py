"""Turns at a provider that all processes share."""

from __future__ import annotations

import itertools

from helpers.store import StoreBench, in_loops
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros
from tocsin_server.domain.operating import Turn

HOUR, MINUTE = micros(3600), micros(60)


def take(bench: StoreBench, name: str = "telegram://1", *, interval: Micros = MINUTE, most: Micros = HOUR) -> Turn:
    return bench.run(bench.store.take_turn(name, interval, most))


def test_turns_of_a_name_are_an_interval_apart_and_other_names_have_their_own(bench: StoreBench) -> None:
    waits = [take(bench) for _ in range(4)]
    assert all(turn.taken for turn in waits)
    assert waits[0].wait == 0
    for number, turn in enumerate(waits):
        # What passed since the first one was taken is taken off, and nothing else.
        assert (number - 1) * MINUTE < turn.wait <= number * MINUTE
    assert take(bench, "telegram://2") == Turn(0, taken=True)


def test_a_turn_that_is_too_far_away_is_told_and_not_taken(bench: StoreBench) -> None:
    for _ in range(3):
        assert take(bench, most=2 * MINUTE).taken
    first, again = (take(bench, most=2 * MINUTE) for _ in range(2))
    assert (first.taken, again.taken) == (False, False)
    assert 2 * MINUTE < again.wait <= first.wait <= 3 * MINUTE
    assert take(bench).taken


def test_what_was_not_used_is_not_saved_up(bench: StoreBench) -> None:
    take(bench)
    bench.clock.advance(600)
    assert take(bench) == Turn(0, taken=True)
    assert take(bench).wait > 0


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_as_long(bench: StoreBench) -> None:
    take(bench)
    bench.clock.advance(-48 * 3600)
    assert take(bench) == Turn(0, taken=True)


def test_several_processes_get_turns_of_their_own(bench: StoreBench) -> None:
    async def several(_: int) -> list[Micros]:
        return [(await bench.store.take_turn("telegram://1", MINUTE, 100 * HOUR)).wait for _ in range(10)]

    waits = sorted(wait for found in in_loops(several, range(4)) for wait in found)
    assert all(later - earlier > MINUTE / 2 for earlier, later in itertools.pairwise(waits))
    assert 38 * MINUTE < waits[-1] <= 39 * MINUTE


def test_only_a_database_of_several_processes_is_shared(bench: StoreBench) -> None:
    assert bench.store.shared is (type(bench.backend).__name__ == "PostgresqlBackend")
