"""What reaches standard error: ours, libraries', and what is printed; bounded, on lines, and without what is secret."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from tocsin_server.telemetry.bound import LINES, WINDOW
from tocsin_server.telemetry.lines import LineFormatter
from tocsin_server.telemetry.logs import BoundedHandler, configured

log = logging.getLogger("tocsin_server.test_logs")


class Timers:
    """Timers that run out when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def make(self, seconds: float, function: Callable[[], None]) -> Timers:
        self.waiting.append((self.now + seconds, function))
        return self

    def start(self) -> None:
        """See `threading.Timer`."""

    def cancel(self) -> None:
        """See there."""

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        due = [function for at, function in self.waiting if at <= self.now]
        self.waiting = [one for one in self.waiting if one[0] > self.now]
        for function in due:
            function()


@pytest.fixture
def logging_as_usual() -> Iterator[None]:
    root, raise_exceptions = logging.getLogger(), logging.raiseExceptions
    handlers, level = root.handlers[:], root.level
    ours = logging.getLogger("tocsin_server").level
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raise_exceptions
    root.setLevel(level)
    logging.getLogger("tocsin_server").setLevel(ours)


# -- how much ------------------------------------------------------------------------------------


def test_of_a_flood_there_are_a_few_lines_and_a_number() -> None:
    stream, timers = io.StringIO(), Timers()
    handler = BoundedHandler(stream, clock=lambda: timers.now, timer=timers.make)
    handler.setFormatter(LineFormatter())
    for number in range(10_000):
        handler.handle(record(f"failure {number}", event="failed", number=number))
    handler.handle(record("another", event="other"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == LINES
    assert lines[-1].endswith("another [event=other]")
    timers.go_on(WINDOW)
    *_, summary = stream.getvalue().splitlines()
    assert "9981 more like this: failure 9999 [event=failed" in summary
    assert summary.endswith("left_out=9981]")
    assert len(stream.getvalue().splitlines()) == LINES + 1
    timers.go_on(10 * WINDOW)
    handler.handle(record("failure again", event="failed"))
    assert stream.getvalue().endswith("failure again [event=failed]\n")


def test_lines_of_a_day_stay_a_few_a_minute() -> None:
    stream, timers = io.StringIO(), Timers()
    handler = BoundedHandler(stream, clock=lambda: timers.now, timer=timers.make)
    for _ in range(24 * 60):
        for _ in range(100):
            handler.handle(record("failure", event="failed"))
        timers.go_on(60.0)
    assert len(stream.getvalue().splitlines()) <= 24 * 60 * LINES


def test_what_was_left_out_is_told_at_the_end() -> None:
    stream, timers = io.StringIO(), Timers()
    handler = BoundedHandler(stream, clock=lambda: timers.now, timer=timers.make)
    for _ in range(LINES + 4):
        handler.handle(record("failure", event="failed"))
    handler.close()
    handler.close()
    assert stream.getvalue().splitlines()[LINES - 1 :] == ["5 more like this: failure"]


def test_what_is_for_debugging_is_written_however_much_it_is() -> None:
    stream = io.StringIO()
    handler = BoundedHandler(stream)
    for _ in range(100):
        handler.handle(record("detail", event="detail", levelno=logging.DEBUG))
    assert len(stream.getvalue().splitlines()) == 100


def test_a_disk_that_is_full_does_not_matter() -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    BoundedHandler(Full()).handle(record("failure"))


def record(message: str, **fields: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelname": "WARNING", "levelno": logging.WARNING, **fields})


# -- what ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("logging_as_usual")
def test_libraries_say_their_sentence_without_what_was_put_into_it(capsys: pytest.CaptureFixture[str]) -> None:
    with configured("info"):
        try:
            b"Bearer s3cret\xfd".decode()
        except UnicodeDecodeError:
            logging.getLogger("grpc._cython.cygrpc").exception("Invalid encoding on %s", b"Bearer s3cret\xfd")
        logging.getLogger("asyncio").error("Task was lost\nfuture: <Task s3cret>")
        logging.getLogger("httpx").info("GET https://api.example/bots3cret")
    written = capsys.readouterr().err
    first, second = written.splitlines()
    assert "Invalid encoding on … [event=library_grpc error=UnicodeDecodeError where=" in first
    assert second.endswith("ERROR Task was lost [event=library_asyncio]")
    assert "s3cret" not in written


@pytest.mark.usefixtures("logging_as_usual")
def test_what_is_printed_becomes_lines_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    usual = sys.stderr
    with configured("info", worker=2):
        print("something\x1b[0m", "\n2026-01-01T00:00:00.000Z ERROR forged", file=sys.stderr)  # noqa: T201
        print("x" * 100_000, file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
    assert sys.stderr is usual
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 2)[1:] for line in lines[:2]] == [
        ["WARNING", "printed: something\\x1b[0m  [worker=2 event=printed]"],
        ["WARNING", "printed: 2026-01-01T00:00:00.000Z ERROR forged [worker=2 event=printed]"],
    ]
    assert len(lines) == 3
    assert len(lines[2]) < 2_000


@pytest.mark.usefixtures("logging_as_usual")
@pytest.mark.filterwarnings("default")
def test_errors_that_nobody_catches_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        raise ValueError("in a thread")

    class Unraisable:
        def __del__(self) -> None:
            raise ValueError("in a finaliser")

    async def forgotten() -> None:
        task = asyncio.create_task(_raise())
        await asyncio.wait([task])

    async def _raise() -> None:
        raise ValueError("in a task")

    with configured("info"):
        thread = threading.Thread(target=failing)
        thread.start()
        thread.join()
        Unraisable()
        asyncio.run(forgotten())
        warnings.warn("something is odd", stacklevel=1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert "a thread ended by an error [event=uncaught error=ValueError: in a thread where=failing:" in lines[0]
    assert "an error could not be raised [event=uncaught error=ValueError: in a finaliser" in lines[1]
    assert "Task exception was never retrieved [event=library_asyncio error=ValueError where=_raise:" in lines[2]
    assert "something is odd" in lines[3]


@pytest.mark.usefixtures("logging_as_usual")
def test_an_error_that_a_library_prints_is_a_line_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    usual = sys.excepthook
    error = SystemError("ann@example.org")
    error.__cause__ = LookupError("ann@example.org")
    with configured("info"):
        sys.excepthook(SystemError, error, None)  # as C's PyErr_Print calls it
    assert sys.excepthook is usual
    [line] = capsys.readouterr().err.splitlines()
    assert "SystemError, of LookupError" in line
    assert "ann" not in line
