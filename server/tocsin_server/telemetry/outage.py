"""Telling of an outage once when it begins and once when it ends, however many calls meet it."""

from __future__ import annotations

import logging
import threading
import time

from tocsin_server.domain.errors import TocsinError

log = logging.getLogger(__name__)


class Outage:
    """Whether something is out of order at present. May be used from any thread.

    Args:
        begun: Name of the event that is logged when it begins; ``ended`` when it is over.
        sentence: What is said then, such as "the database is away"; ``relief`` when it is over.
        fields: Stand in both lines.
    """

    def __init__(self, begun: str, sentence: str, ended: str, relief: str, **fields: object) -> None:
        self._begun, self._sentence = begun, sentence
        self._ended, self._relief = ended, relief
        self._fields = fields
        self._lock = threading.Lock()
        self._since = 0.0
        self._last = 0.0
        self._count = 0
        self.on = False
        """Whether it has begun and not ended."""

    def met(self, cause: str) -> None:
        """Note that something failed because of it."""
        with self._lock:
            self._count += 1
            self._last = time.monotonic()
            if self.on:
                return
            self._since, self._count, self.on = self._last, 1, True
        log.warning(self._sentence, extra={"event": self._begun, "cause": cause, **self._fields})

    def over(self, begun: float) -> None:
        """Note that something worked that was begun at a time (monotonic): what was under way before proves nothing."""
        with self._lock:
            if not self.on or begun <= self._last:
                return
            self.on = False
            seconds, count = round(time.monotonic() - self._since, 1), self._count
        extra = {"event": self._ended, "seconds": seconds, "failures": count, **self._fields}
        log.warning(self._relief, extra=extra)


class Trouble:
    """What is said of work that is done again and again: when it begins to fail, and when it works again.

    Args:
        name: Of the work, in the names of the events: ``claim`` makes ``claim_failed`` and ``claim_works``.
        doing: The work in a sentence, such as "looking for due rows".
        fields: Stand in every line.
    """

    def __init__(self, name: str, doing: str, **fields: object) -> None:
        self._outage = Outage(f"{name}_failed", f"{doing} failed", f"{name}_works", f"{doing} works again", **fields)
        self._unforeseen = f"{doing} failed unexpectedly"
        self._extra = {"event": f"{name}_failed", **fields}

    def failed(self, error: Exception) -> None:
        """Note a failure. One that is a fault of ours is told each time."""
        if isinstance(error, TocsinError):
            self._outage.met(error.reason)
        else:
            log.error(self._unforeseen, extra=self._extra, exc_info=error)

    def worked(self) -> None:
        """Note that it worked."""
        if self._outage.on:
            self._outage.over(time.monotonic())
