"""A record is one line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.telemetry.lines import (
    LONGEST_FIELD,
    LONGEST_REASON,
    LONGEST_SENTENCE,
    JsonFormatter,
    LineFormatter,
    one_line,
    place_of,
    reason_of,
)


def test_every_line_of_a_worker_says_which_one_it_is() -> None:
    record = logging.makeLogRecord({"msg": "a sentence", "levelname": "INFO", "event": "something", "count": 3})
    assert LineFormatter(worker=2).format(record).endswith(" INFO a sentence [worker=2 event=something count=3]")
    assert LineFormatter().format(record).endswith(" INFO a sentence [event=something count=3]")
    plain = logging.makeLogRecord({"msg": "a sentence", "levelname": "INFO"})
    assert LineFormatter(worker=2).format(plain).endswith(" INFO a sentence [worker=2 event=unnamed]")
    assert LineFormatter().format(plain).endswith(" INFO a sentence [event=unnamed]")


def test_json_has_the_fields_of_the_line_for_people() -> None:
    fields = {"event": "something", "count": 3, "seconds": float("nan"), "well": True, "text": 'a "b"\nc', "level": "x"}
    record = logging.makeLogRecord(
        {"msg": "a %s", "args": ("Überfall",), "levelname": "WARNING", "created": 0.25, **fields}
    )
    line = JsonFormatter(worker=2).format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.250Z", "level": "WARNING", "message": "a Überfall", "worker": 2,
        "event": "something", "count": 3, "seconds": "nan", "well": True, "text": 'a "b"\\x0ac',
    }  # fmt: skip
    with pytest.raises(KeyError) as raised:
        dict[str, int]()["x"]
    failed = logging.makeLogRecord({"msg": "it failed", "levelname": "ERROR", "exc_info": raised._excinfo})
    shown = json.loads(JsonFormatter().format(failed))
    assert (shown["event"], shown["error"]) == ("unnamed", "KeyError: 'x'")
    assert shown["where"].startswith("test_json_has_the_fields")


def line_of(message: str, *args: object, **fields: object) -> str:
    record = logging.makeLogRecord({"msg": message, "args": args, "levelname": "WARNING", **fields})
    return LineFormatter().format(record)


@given(st.text(), st.text())
def test_nothing_begins_a_line_of_its_own(said: str, value: str) -> None:
    line = line_of("a stranger says %s", said, event="said", field=value)
    assert line.splitlines() == [line]
    assert line.isprintable()
    line.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcode, 日本", "plain text, ünïcode, 日本"),
        ("a\r\n2026-01-01T00:00:00.000Z ERROR forged", "a\\x0d\\x0a2026-01-01T00:00:00.000Z ERROR forged"),
        ("\x1b[2Jcleared", "\\x1b[2Jcleared"),
        ("\u202eturned", "\\u202eturned"),
        ("\u2028next", "\\u2028next"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_what_would_show_as_something_else_is_escaped(text: str, shown: str) -> None:
    assert one_line(text, 100) == shown


def test_what_is_long_is_cut() -> None:
    assert one_line("x" * 100, 100) == "x" * 100
    assert one_line("x" * 101, 100) == "x" * 100 + "…"
    assert one_line("\n" * 101, 100) == "\\x0a" * 25 + "…"
    line = line_of("%s", "x" * 10_000, event="e", field="y" * 10_000)
    assert len(line) < LONGEST_SENTENCE + LONGEST_FIELD + 100


def test_of_an_exception_there_are_kind_reason_and_place_on_the_line() -> None:
    def innermost() -> None:
        raise ValueError("wrong\nDETAIL: a whole row of somebody's")

    def outer() -> None:
        try:
            innermost()
        except ValueError as error:
            raise RuntimeError("it failed") from error

    with pytest.raises(RuntimeError) as caught:
        outer()
    record = logging.makeLogRecord({"msg": "a sentence", "exc_info": (RuntimeError, caught.value, None)})
    line = LineFormatter().format(record)
    assert "error=RuntimeError: it failed from ValueError: wrong where=outer:test_lines.py:" in line
    assert " from innermost:test_lines.py:" in line
    assert "whole row" not in line
    assert line.count("\n") == 0


def test_no_exception_says_more_than_there_is_room_for() -> None:
    assert reason_of(ValueError("x" * 10_000)) == "ValueError: " + "x" * LONGEST_REASON + "…"
    assert reason_of(ValueError()) == "ValueError"

    def deep(depth: int) -> None:
        if not depth:
            raise ValueError
        deep(depth - 1)

    with pytest.raises(ValueError) as caught:
        deep(min(500, sys.getrecursionlimit() // 2))
    assert place_of(caught.value).count("deep:test_lines.py:") == 8
