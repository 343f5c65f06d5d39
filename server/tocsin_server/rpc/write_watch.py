"""Ending streams whose subscriber does not take what is written to it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from tocsin_server.timing.watches import Watch

LOOKS = 10
"""How often a limit is looked at before it is over; so a write may take a tenth longer than it says."""


MOST_HELD = 256 * 1024 * 1024
"""Bytes of writes that are held up, of all streams: each may be 64 KiB and more, and there are 50,000 streams."""


class Writes:
    """What one task writes, one thing after the other; watched while the context is open."""

    __slots__ = ("_begun", "_late", "_size", "_task", "_watch")

    def __init__(self, watch: WriteWatch, task: asyncio.Task[Any]) -> None:
        self._watch = watch
        self._task = task
        # The look before the write that is under way, None while there is none.
        self._begun: int | None = None
        self._size = 0
        self._late = False

    def __enter__(self) -> Self:
        self._watch.add(self)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._watch.discard(self)

    def begin(self, size: int) -> None:
        """Note that a write of so many bytes begins."""
        self._size = size
        self._begun = self._watch.looks

    def end(self) -> None:
        """Note that it is done."""
        self._begun = None

    def cancel_if_late(self) -> None:
        """Cancel the task, once, if it has been writing the same thing for longer than the limit."""
        if self._begun is not None and self._watch.looks - self._begun > LOOKS:
            self.cancel()

    def cancel(self) -> None:
        """Cancel the task, once."""
        if not self._late:
            self._late = True
            self._task.cancel()

    @property
    def held_up(self) -> tuple[int, int] | None:
        """The look before the write that is under way, and its bytes; None unless a look has found it before."""
        if self._begun is None or self._late or self._begun >= self._watch.looks - 1:
            return None
        return self._begun, self._size

    def undo_cancel(self) -> bool:
        """Tell whether the cancellation that the task has just caught came from here alone; it is then undone."""
        return self._late and self._task.uncancel() == 0


class WriteWatch(Watch[Writes]):
    """Watches all writes of a server at once: a timeout for each would cost half as much as the write itself.

    Time is counted in looks, so that not even a clock is read for each write.

    Args:
        limit: Seconds that a write may take.
        most_held: See `MOST_HELD`.
    """

    def __init__(self, limit: float, most_held: int = MOST_HELD) -> None:
        super().__init__(limit / LOOKS, self.look)
        self._most_held = most_held
        self.looks = 0
        """How many there have been."""

    def writes(self) -> Writes:
        """Return what watches the writes of the current task."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a stream runs as one
        return Writes(self, task)

    def look(self) -> None:
        """Cancel the tasks whose writes are late; called ten times within the limit.

        Where all that is held up is too much, those go first that have been held up longest.
        """
        self.looks += 1
        held = 0
        for writes in self.members:
            writes.cancel_if_late()
            if (found := writes.held_up) is not None:
                held += found[1]
        if held > self._most_held:
            self._cancel_oldest(held - self._most_held)

    def _cancel_oldest(self, excess: int) -> None:
        held_up = [(found, writes) for writes in self.members if (found := writes.held_up) is not None]
        for (_, size), writes in sorted(held_up, key=lambda one: one[0]):
            if excess <= 0:
                return
            excess -= size
            writes.cancel()
