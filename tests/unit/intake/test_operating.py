"""The queue as a whole, put together."""

from __future__ import annotations

from helpers.drafts import EMAIL, NOON, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import OpenBreaker, Orders, Pause, QueueNotes, UndecidedCounts
from tocsin_server.domain.upkeep import QueueCounts
from tocsin_server.intake.operating import Operations, ProviderQueue

BREAKER = OpenBreaker(EMAIL, "smtp://b", "451", NOON)
NOTES = QueueNotes([Pause(TELEGRAM, NOON)], [BREAKER], {EMAIL: {"smtp://old": 3, "smtp://b": 2}}, UndecidedCounts(4, 1))


class Shelf:
    """An `OperatorStore`."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []

    async def orders(self) -> Orders:
        return Orders(self.pauses)

    async def pause(self, pause: Pause) -> Pause:
        self.pauses.append(pause)
        return pause

    async def resume(self, channel: ChannelType) -> bool:
        before = len(self.pauses)
        self.pauses = [pause for pause in self.pauses if pause.channel != channel]
        return len(self.pauses) < before

    async def queue_counts(self, channel: ChannelType) -> QueueCounts:
        return QueueCounts(list(ChannelType).index(channel), 0, 0, None)

    async def undecided_counts(self) -> UndecidedCounts:
        return NOTES.undecided

    async def queue_notes(self) -> QueueNotes:
        return NOTES


async def test_channels_that_are_set_or_paused_are_shown_with_providers_that_anything_waits_for() -> None:
    queue = await Operations(Shelf(), lambda: {EMAIL: ["smtp://a", "smtp://b"], SMS: []}, lambda: None).queue()
    assert [(one.channel, one.counts.due) for one in queue.channels] == [
        (WEBSOCKET, 0), (EMAIL, 1), (TELEGRAM, 2), (SMS, 3)
    ]  # fmt: skip
    assert queue.channels[1].providers == [
        ProviderQueue("smtp://a", 0, []), ProviderQueue("smtp://b", 2, [BREAKER]), ProviderQueue("smtp://old", 3, [])
    ]  # fmt: skip
    assert [one.pause for one in queue.channels] == [None, None, Pause(TELEGRAM, NOON), None]
    assert queue.undecided == UndecidedCounts(4, 1)


async def test_the_process_that_is_told_obeys_at_once() -> None:
    looks: list[str] = []
    operations = Operations(Shelf(), dict, lambda: looks.append("look"))
    assert await operations.pause(SMS, "ops", "why") == Pause(SMS, 0, "ops", "why")
    assert await operations.resume(SMS)
    assert not await operations.resume(SMS)
    assert len(looks) == 3
