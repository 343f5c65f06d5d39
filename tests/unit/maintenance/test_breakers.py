"""What a process tells the others of the providers that it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.drafts import EMAIL, NOON, SMS
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros
from tocsin_server.domain.operating import OpenBreaker
from tocsin_server.maintenance.breakers import LASTING, BreakerNotes
from tocsin_server.telemetry.observer import BreakerClosed, BreakerOpened, Observer


class Notes:
    """A `BreakerStore`."""

    def __init__(self) -> None:
        self.written: list[Sequence[OpenBreaker]] = []
        self.processes: set[str] = set()

    async def note_breakers(self, process: str, breakers: Sequence[OpenBreaker], lasting: Micros) -> None:
        assert lasting == micros(LASTING)
        self.written.append(breakers)
        self.processes.add(process)


async def test_breakers_are_noted_while_they_are_open_and_once_more_when_the_last_one_closes() -> None:
    notes, observer, woken = Notes(), Observer(), list[str]()
    job = BreakerNotes(notes, lambda: NOON, observer)
    job.woken_by(lambda: woken.append("at once"))
    await job.work()
    assert (notes.written, woken) == ([], [])
    observer.report(BreakerOpened(EMAIL, "smtp://a", "451", 5.0))
    observer.report(BreakerOpened(SMS, "twilio://b", "20503", 5.0))
    await job.work()
    observer.report(BreakerClosed(EMAIL, "smtp://a"))
    await job.work()
    observer.report(BreakerClosed(SMS, "twilio://b"))
    await job.work()
    await job.work()
    first, second = OpenBreaker(EMAIL, "smtp://a", "451", NOON), OpenBreaker(SMS, "twilio://b", "20503", NOON)
    assert notes.written == [[first, second], [second], []]
    assert (len(woken), len(notes.processes)) == (4, 1)
