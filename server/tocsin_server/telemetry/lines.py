"""How a record is written: one line, whatever is in it, for people, with its fields beside the sentence for programs.

What strangers say gets into log lines, if only by what a library makes of it. So whatever could begin a line of its
own, or turn around how one is shown, is escaped; and what is long is cut.
"""

from __future__ import annotations

import json
import logging
import math
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LONGEST_SENTENCE: Final = 1_000
LONGEST_FIELD: Final = 300
"""Characters of a sentence, and of a field's value."""

LONGEST_REASON: Final = 200
"""Characters of what an exception says. Only its first line counts: what databases add in others quotes whole rows."""

FRAMES: Final = 8
"""Innermost calls of an exception that are named."""

CAUSES: Final = 3
"""Exceptions of a chain that are named."""

UNNAMED: Final = "unnamed"
"""The event of a record that has none."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def one_line(text: str, longest: int) -> str:
    """Escape what is not printable, such as controls and what turns text around, and cut what is long."""
    shown = text[: longest + 1]
    if not shown.isprintable():
        shown = "".join(one if one.isprintable() else _escaped(ord(one)) for one in shown)
    return shown if len(text) <= longest else f"{shown[:longest]}…"


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def reason_of(error: BaseException) -> str:
    """Return the kind of an exception and the first line of what it says."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {one_line(first, LONGEST_REASON)}" if first else type(error).__name__


def place_of(error: BaseException) -> str:
    """Return where an exception arose: the innermost call first."""
    calls = reversed(traceback.extract_tb(error.__traceback__)[-FRAMES:])
    return " < ".join(f"{call.name}:{Path(call.filename).name}:{call.lineno}" for call in calls)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(CAUSES):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


class _FieldFormatter(logging.Formatter):
    """What the forms share: the fields of a record, of which ``fields`` stand in every line.

    Of an exception there are the kind, the reason and the place, as ``error`` and ``where``.
    """

    def __init__(self, **fields: object) -> None:
        super().__init__()
        self._fields = fields

    def fields_of(self, record: logging.LogRecord) -> dict[str, str]:
        """Return the fields with what may be shown of their values; ``event`` is always one of them."""
        fields = self._fields | {name: value for name, value in vars(record).items() if name not in _STANDARD}
        fields.setdefault("event", UNNAMED)
        if record.exc_info and (error := record.exc_info[1]) is not None:
            chain = list(_chain(error))
            fields["error"] = " from ".join(map(reason_of, chain))
            fields["where"] = " from ".join(map(place_of, chain))
        return {name: one_line(str(value), _longest(name)) for name, value in fields.items()}

    def sentence_of(self, record: logging.LogRecord) -> str:
        """Return the sentence."""
        return one_line(record.getMessage(), LONGEST_SENTENCE)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(_FieldFormatter):
    """Writes a JSON object: ``time``, ``level``, ``message``, and the fields that the line for people has.

    Numbers and truth values stay what they are.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        shown: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "message": self.sentence_of(record),
        }
        for name, text in self.fields_of(record).items():
            value = vars(record).get(name, self._fields.get(name))
            shown.setdefault(name, value if isinstance(value, bool | int | float) and _is_finite(value) else text)
        return json.dumps(shown, ensure_ascii=False)


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)  # JSON has no others


class LineFormatter(_FieldFormatter):
    """Writes ``2026-01-31T08:15:00.250Z WARNING a sentence [event=… field=…]``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        shown = (f"{name}={text}" for name, text in self.fields_of(record).items())
        return f"{_time(record)} {record.levelname} {self.sentence_of(record)} [{' '.join(shown)}]"


def _longest(field: str) -> int:
    return LONGEST_SENTENCE if field in ("error", "where") else LONGEST_FIELD
