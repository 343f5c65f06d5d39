"""The log of a process: our lines, what libraries say, and what is printed where nobody looks, all in one form.

Message bodies, addresses and tokens are never logged; call sites pass ids, reasons and counts.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, TextIO

from tocsin_server.telemetry.bound import LeftOut, RateBound
from tocsin_server.telemetry.lines import JsonFormatter, LineFormatter, place_of

OURS: Final = "tocsin_server"

LONGEST_PRINTED: Final = 4_000
"""Characters that are kept of a line that is being printed."""

_PUT_IN: Final = re.compile(r"%(\(\w+\))?[-#0 +]*[\d*]*(\.[\d*]+)?[a-zA-Z]")
"""Where a value goes in a sentence."""


class BoundedHandler(logging.Handler):
    """Writes records to a stream, of each kind a few in a minute; of the others, later, how many they were.

    Args:
        stream: Where to.
        clock: Monotonic seconds.
        timer: Calls something after seconds, on a thread of its own.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], None]], Any] = threading.Timer,
    ) -> None:
        super().__init__()
        self._stream = stream
        self._clock = clock
        self._new_timer = timer
        self._timer: Any = None
        self._bound = RateBound()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it. What is for debugging is not counted: it was asked for."""
        now = self._clock()
        self._count_up(self._bound.over(now))
        if record.levelno <= logging.DEBUG or self._bound.passes(_kind(record), record, now):
            self._write(record)
        elif self._timer is None:
            self._wait(now)

    def close(self) -> None:
        """Write what was counted. Idempotent."""
        with self.lock or threading.RLock():
            if self._timer is not None:
                self._timer.cancel()
            self._count_up(self._bound.all())
        super().close()

    def _wait(self, now: float) -> None:
        end = self._bound.next_end()
        if end is not None:
            self._timer = self._new_timer(max(0.0, end - now), self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self.lock or threading.RLock():
            self._timer = None
            now = self._clock()
            self._count_up(self._bound.over(now))
            self._wait(now)

    def _count_up(self, several: list[LeftOut]) -> None:
        for left_out in several:
            assert isinstance(left_out.last, logging.LogRecord)  # noqa: S101 - as `emit` gave it
            last = logging.makeLogRecord({**vars(left_out.last), "left_out": left_out.number, "exc_info": None})
            last.msg, last.args = "%d more like this: %s", (left_out.number, left_out.last.getMessage())
            self._write(last)

    def _write(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(self.format(record) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # a full disk or a closed pipe; there is no other place to say so


def _kind(record: logging.LogRecord) -> Hashable:
    """Return what is the same in lines of one kind: our event, else the line of code that logs."""
    return getattr(record, "event", None) or (record.name, record.pathname, record.lineno)


class _Library(logging.Filter):
    """Makes of a record of a library what may be shown: the sentence without what was put into it, on one line.

    grpcio logs header values that are no text, the one of ``authorization`` among them, with a traceback; asyncio logs
    exceptions with all they say.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, changed if it is not ours."""
        library = record.name.partition(".")[0]
        if library != OURS:
            sentence = record.getMessage() if library == "py" else _PUT_IN.sub("…", str(record.msg))
            record.msg, record.args = sentence.partition("\n")[0].replace("%", "%%"), ()
            record.__dict__.setdefault("event", f"library_{library}")
            if record.exc_info and (error := record.exc_info[1]) is not None:
                record.error, record.where = type(error).__name__, place_of(error)
            record.exc_info = None
        return True


class _Printed(io.TextIOBase):
    """Takes what is printed to standard error, and logs its lines."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._begun = ""

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that are complete."""
        with self._lock:
            *lines, begun = (self._begun + text).split("\n")
            self._begun = begun[:LONGEST_PRINTED]
        for line in lines:
            if line.strip():
                self._log.warning("printed: %s", line, extra={"event": "printed"})
        return len(text)


@contextlib.contextmanager
def configured(level: str, form: str = "console", **fields: object) -> Iterator[None]:
    """While the context is open, log to standard error, and let nobody else write there from within Python.

    Args:
        level: From which on our own log is written; that of libraries is from warnings on, since some log more than may
            be known (httpx logs URLs, and Telegram's carry the bot's token).
        form: ``console``, a line for people, or ``json``.
        fields: Stand in every line, such as ``worker=2`` where several processes write to one place.
    """
    handler = BoundedHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(**fields) if form == "json" else LineFormatter(**fields))
    handler.addFilter(_Library())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.raiseExceptions = False  # what it would print about itself goes where nothing can be written either
    logging.captureWarnings(capture=True)
    logging.getLogger(OURS).setLevel(level.upper())
    log = logging.getLogger(__name__)
    before = sys.stderr, sys.excepthook, threading.excepthook, sys.unraisablehook
    sys.stderr = _Printed(log)
    sys.excepthook = lambda _kind, error, _trace: _printed_by_library(log, error)
    threading.excepthook = lambda args: _uncaught(log, "a thread ended by an error", args.exc_value)
    sys.unraisablehook = lambda args: _uncaught(log, "an error could not be raised", args.exc_value)
    try:
        yield
    finally:
        sys.stderr, sys.excepthook, threading.excepthook, sys.unraisablehook = before
        logging.captureWarnings(capture=False)
        handler.close()


def _uncaught(log: logging.Logger, sentence: str, error: BaseException | None) -> None:
    log.error(sentence, exc_info=error, extra={"event": "uncaught"})


def _printed_by_library(log: logging.Logger, error: BaseException) -> None:
    """Log that a library in C printed an error; what ends the program itself leaves the context before it is printed.

    psycopg2 does so when a connection breaks within a COPY, and the server's text has the row in it.
    """
    kinds = []
    seen: BaseException | None = error
    while seen is not None:
        kinds.append(type(seen).__name__)
        seen = seen.__cause__
    log.warning("a library printed an error: %s", ", of ".join(kinds), extra={"event": "library_printed"})
