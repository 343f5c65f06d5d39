"""Heartbeats: which sockets need one, and when it is looked. The clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tocsin_server.bridge.heartbeats import LOOKS, Heartbeats


class Clock:
    """As much of a loop as heartbeats need."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., None], *arguments: Any) -> None:
        self.calls.append((self.now + delay, callback, arguments))

    def pass_to(self, end: float) -> None:
        while self.calls and self.calls[0][0] <= end:
            self.now, callback, arguments = self.calls.pop(0)
            callback(*arguments)
        self.now = end


class Socket:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.written_at = 0.0
        self.beats: list[float] = []

    def beat(self) -> None:
        self.written_at = self._clock.now
        self.beats.append(self._clock.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    return made


def test_a_silent_socket_beats_never_late_and_hardly_early(clock: Clock) -> None:
    heartbeats, socket = Heartbeats(25.0), Socket(clock)
    heartbeats.add(socket)
    clock.pass_to(1000.0)
    gaps = [later - earlier for earlier, later in zip([0.0, *socket.beats], socket.beats, strict=False)]
    assert len(gaps) >= 40
    assert all(25.0 - 25.0 / LOOKS - 1e-6 <= gap <= 25.0 + 1e-6 for gap in gaps)


def test_a_socket_that_is_written_to_does_not_beat(clock: Clock) -> None:
    heartbeats, busy, silent = Heartbeats(25.0), Socket(clock), Socket(clock)
    heartbeats.add(busy)
    heartbeats.add(silent)
    for second in range(0, 100, 10):
        busy.written_at = float(second)
        clock.pass_to(second + 10.0)
    assert busy.beats == []
    assert len(silent.beats) == 4


def test_nothing_goes_on_when_there_are_no_sockets_and_it_begins_again(clock: Clock) -> None:
    heartbeats, socket = Heartbeats(25.0), Socket(clock)
    for _ in range(2):
        heartbeats.add(socket)
        heartbeats.add(socket)
        assert len(clock.calls) == 1
        heartbeats.discard(socket)
        heartbeats.discard(socket)
        clock.pass_to(clock.now + 100.0)
        assert clock.calls == []
    assert socket.beats == []
