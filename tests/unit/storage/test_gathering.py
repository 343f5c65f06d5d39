"""When the writer waits for more: where a crowd is, and no longer than it brings something."""

from __future__ import annotations

from itertools import repeat

import pytest

from tocsin_server.storage.gathering import CROWD, LONGEST, STEP, pause


def pauses(written: int, came: list[int]) -> list[float]:
    """Return the pauses after a transaction, given what came during it and then during each of them."""
    waited: list[float] = []
    for number in came:
        seconds = pause(written, number, sum(waited))
        if not seconds:
            break
        waited.append(seconds)
    return waited


@pytest.mark.parametrize("written", [0, 1, 5, CROWD - 1])
def test_few_wait_for_nobody_however_fast_more_come(written: int) -> None:
    assert pauses(written, [1000, 1000]) == []


def test_a_crowd_of_which_nobody_has_come_back_yet_is_not_waited_for() -> None:
    assert pauses(CROWD, [0, 50]) == []


def test_a_crowd_is_waited_for_while_it_comes() -> None:
    assert pauses(CROWD, [3, 2, 0, 7]) == [STEP, STEP]


def test_a_crowd_that_does_not_end_is_waited_for_no_longer_than_said() -> None:
    waited = pauses(CROWD, list(repeat(1, 100)))
    assert LONGEST - STEP < sum(waited) <= LONGEST
