"""Delivering events together: all in the next turn of the loop, in their order, and none at another's cost."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from helpers.scripted_server import arrived, read_changed
from tocsin_server.bridge.batch import Batch


class Receiver:
    def __init__(self, log: list[tuple[Receiver, Any]]) -> None:
        self._log = log
        self.faulty = False
        self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True

    def deliver(self, message: Any, frame: bytes | None) -> None:
        if self.faulty:
            raise RuntimeError("as the test wishes")
        self._log.append((self, message.cursor if frame is None else json.loads(frame)))


def test_events_are_delivered_in_their_order_before_anything_that_is_called_for_later() -> None:
    async def main() -> None:
        delivered: list[tuple[Receiver, Any]] = []
        one, two = Receiver(delivered), Receiver(delivered)
        batch = Batch()
        for turn in range(2):
            batch.add(one, arrived(f"a{turn}"))
            batch.add(two, arrived(f"b{turn}"))
            batch.add(one, read_changed(f"c{turn}"))
            assert len(delivered) == 3 * turn
            await asyncio.sleep(0)
        found = [(receiver, frame["type"], frame["cursor"]) for receiver, frame in delivered]
        assert found == [
            (one, "notification", "a0"),
            (two, "notification", "b0"),
            (one, "read_changed", "c0"),
            (one, "notification", "a1"),
            (two, "notification", "b1"),
            (one, "read_changed", "c1"),
        ]

    asyncio.run(main())


def test_an_event_that_has_no_text_is_its_receivers_concern_alone() -> None:
    async def main() -> None:
        delivered: list[tuple[Receiver, Any]] = []
        one, two = Receiver(delivered), Receiver(delivered)
        batch = Batch()
        impossible = arrived("c0")
        impossible.notification.created_at.seconds = 2**60
        batch.add(one, impossible)
        batch.add(two, arrived("c1"))
        await asyncio.sleep(0)
        assert delivered[0] == (one, "c0")
        assert delivered[1][1]["cursor"] == "c1"

    asyncio.run(main())


def test_a_receiver_that_fails_is_cut_off_and_the_others_get_theirs(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        delivered: list[tuple[Receiver, Any]] = []
        one, two = Receiver(delivered), Receiver(delivered)
        one.faulty = True
        batch = Batch()
        batch.add(one, arrived("c0"))
        batch.add(two, arrived("c1"))
        await asyncio.sleep(0)
        assert one.was_cut
        assert not two.was_cut
        assert delivered[0][1]["cursor"] == "c1"

    asyncio.run(main())
    assert [record.__dict__["event"] for record in caplog.records] == ["bridge_delivery_failed"]
