"""Printing: tables and accounts for people, one JSON object per line for programs.

Nothing that comes from a server reaches the terminal as it is: see `clean`. Tables are drawn without lines, so
that they read the same in a terminal, in a file and in a pipe; colour is used in terminals only, says nothing that
the words do not say, and is left out if NO_COLOR is set.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tocsin_server.cli import describe

if TYPE_CHECKING:
    from rich.text import Text

    from tocsin_client import Event, Notification, PausedChannel

# C0 and C1 controls and DEL, which terminals act on; line and paragraph separators; marks that reorder text, with
# which a message could make a line show something else than it says; lone surrogates, which cannot be encoded.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_WHOM_WIDTH: Final = 24
"""Columns of a recipient who is called by an external id, on a screen."""

_TITLE_WIDTH: Final = 40
_LEAST_TITLE: Final = 16
"""Columns of a title in a table: at most, and where a terminal has room for less."""

_STATUS_STYLES: Final = {"sent": "green", "failed": "bold red", "pending": "yellow"}


def clean(text: object, *, lines: bool = False) -> str:
    r"""Return text that is safe to print: control characters become escapes such as ``\x1b``.

    With ``lines`` line breaks stay, and tabs become spaces; else they are escaped too.
    """
    whole = str(text)
    if lines:
        return "\n".join(clean(line.replace("\t", "    ")) for line in whole.replace("\r\n", "\n").split("\n"))
    return _UNSAFE.sub(_escape, whole)


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def shorten(text: str, width: int) -> str:
    """Return the text in at most so many columns, with an ellipsis for what is missing; wide letters count as two."""
    if _width(text) <= width:
        return text
    kept, room = "", width - 1
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        kept += letter
    return kept.rstrip() + "…"


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def emit(text: str) -> None:
    """Write a line, or several, to standard output at once; raises BrokenPipeError when nobody reads on."""
    encoding = sys.stdout.encoding or "utf-8"
    # A terminal in an old encoding gets an escape for what it does not have, instead of an error.
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a line to standard error: about the work, not its result."""
    sys.stderr.write(f"tocsin: {clean(text)}\n")
    sys.stderr.flush()


def emit_json(value: Any) -> None:
    """Write one of the client's values as one line of JSON."""
    from tocsin_client import as_plain  # noqa: PLC0415 - heavy: only when a command runs

    emit_json_line(json.dumps(as_plain(value), ensure_ascii=False))


def emit_json_line(line: str) -> None:
    """Write what is JSON already."""
    # json escapes C0 controls only; inside its strings, where alone these can be, \u escapes mean the same.
    emit(_UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", line))


# -- for people ------------------------------------------------------------------------------------


def emit_notification(
    notification: Notification, now: datetime, paused: Mapping[str, PausedChannel] | None = None
) -> None:
    """Write all that is known about a notification, and what happened to each of its channels."""
    emit_heading(notification)
    emit_account(notification, now, paused)


def emit_heading(notification: Notification) -> None:
    """Write the first line of `emit_notification`, with the id."""
    emit(f"notification {clean(notification.id)}")


def emit_account(notification: Notification, now: datetime, paused: Mapping[str, PausedChannel] | None = None) -> None:
    """Write the rest of `emit_notification`."""
    facts = [("to", str(notification.recipient)), ("title", notification.title), ("status", str(notification.status))]
    if notification.category:
        facts.append(("category", notification.category))
    facts.append(("created", describe.stamp_and_age(notification.created_at, now)))
    if notification.send_at is not None:
        facts.append(("send at", describe.stamp_and_age(notification.send_at, now)))
    if notification.expires_at is not None:
        facts.append(("expires", describe.stamp_and_age(notification.expires_at, now)))
    if notification.route_by is not None:
        facts.append(("route by", describe.stamp_and_age(notification.route_by, now)))
    read_at = notification.read_at
    facts.append(("read", "no" if read_at is None else describe.stamp_and_age(read_at, now)))
    if notification.metadata:
        facts.append(("metadata", json.dumps(notification.metadata, ensure_ascii=False)))
    lines = [f"  {name:<9} {clean(value)}" for name, value in facts]
    if notification.message:
        lines.append("  message")
        lines += [f"    {line}".rstrip() for line in clean(notification.message, lines=True).split("\n")]
    lines += ["", "channels"]
    if not notification.channels:
        lines.append(f"  {describe.without_channels(notification)}")
    for channel in notification.channels:
        lines += [f"  {clean(line)}" for line in describe.channel_lines(channel, now, paused)]
    emit("\n".join(lines))


def emit_table(notifications: Sequence[Notification], now: datetime, *, recipients: bool) -> None:
    """Write a row for each notification; ``recipients`` says whether to show whom each is for.

    A row is one line. Where a terminal has no room for that, each notification gets three lines without columns.
    """
    rows = [["ID", "CREATED", "TO", "STATUS", "READ", "TITLE", "CHANNELS"]]
    rows += [
        [
            clean(notification.id),
            _created(notification, now),
            clean(_recipient(notification)),
            clean(notification.status),
            "yes" if notification.is_read else "no",
            clean(notification.title),
            clean(_channels(notification, now)),
        ]
        for notification in notifications
    ]
    if not recipients:
        rows = [[*row[:2], *row[3:]] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    gaps = 2 * (len(widths) - 1)
    title = len(widths) - 2
    widths[title] = min(widths[title], _TITLE_WIDTH)
    if sys.stdout.isatty():
        room = _terminal_width() - gaps - sum(widths) + widths[title]
        if room < min(widths[title], _LEAST_TITLE):
            emit(_render(_stacked(notifications, now, recipients=recipients)))
            return
        widths[title] = min(widths[title], room)
    emit(_render(_line(row, widths, heading=number == 0) for number, row in enumerate(rows)))


def emit_columns(rows: Sequence[Sequence[str]]) -> None:
    """Write rows of cells below their headings, see `columns`.

    A terminal that has no room for the widest of them gets a block for each row: its first cell, then a line for each
    heading with what is below it.
    """
    lines = columns(rows)
    if sys.stdout.isatty() and max(map(_width, lines)) > _terminal_width():
        lines = [line for row in rows[1:] for line in _block(rows[0], row, _terminal_width())]
    emit("\n".join(lines))


def _block(headings: Sequence[str], row: Sequence[str], room: int) -> list[str]:
    from textwrap import wrap  # noqa: PLC0415 - would cost every command, --help too, some milliseconds

    lines = [clean(row[0])]
    names = max(map(len, headings[1:]))
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        # Ids and tokens are copied: they stay whole however narrow it is.
        parts = wrap(clean(cell), max(room - names - 4, 36), break_on_hyphens=False) or [""]
        lines.append(f"  {heading.lower():<{names}}  {parts[0]}".rstrip())
        lines += [" " * (names + 4) + part for part in parts[1:]]
    return lines


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, in columns as wide as their widest cell; the last one may be of any length."""
    shown = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)][:-1]
    lines = [
        "  ".join([*(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in shown
    ]
    return [line.rstrip() for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int], *, heading: bool) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy: only when a command runs

    line = Text(style="bold" if heading else "", no_wrap=True)
    status = len(cells) - 4
    for number, (cell, width) in enumerate(zip(cells[:-1], widths, strict=False)):
        shown = shorten(cell, width)
        line.append(shown, style=_STATUS_STYLES.get(cell, "") if number == status and not heading else "")
        line.append(" " * (width - _width(shown) + 2))
    return line.append(cells[-1])


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _terminal_width() -> int:
    from shutil import get_terminal_size  # noqa: PLC0415 - would cost every command, --help too, some milliseconds

    return get_terminal_size().columns


def _stacked(notifications: Iterable[Notification], now: datetime, *, recipients: bool) -> list[Text]:
    from textwrap import wrap  # noqa: PLC0415 - would cost every command, --help too, some milliseconds

    lines = []
    for notification in notifications:
        whom = f"  {_recipient(notification)}" if recipients else ""
        head = _plain(f"{notification.id}  {_created(notification, now)}{whom}  ") + _status(notification)
        head.append("  read" if notification.is_read else "  unread")
        title = shorten(clean(notification.title), _terminal_width() - 2)
        channels = wrap(clean(_channels(notification, now)), _terminal_width() - 2)
        lines += [head, _plain(f"  {title}"), *(_plain(f"  {line}") for line in channels)]
    return lines


def _plain(text: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy: only when a command runs

    return Text(clean(text))


def _status(notification: Notification) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy: only when a command runs

    return Text(clean(notification.status), style=_STATUS_STYLES.get(notification.status, ""))


def _created(notification: Notification, now: datetime) -> str:
    # Beside its neighbours on a screen the distance says most; in a file it would be wrong a minute later.
    return (
        describe.age(notification.created_at, now) if sys.stdout.isatty() else describe.stamp(notification.created_at)
    )


def _recipient(notification: Notification) -> str:
    # On a screen the id's beginning is enough to tell rows apart, and `get` shows it whole.
    whom = notification.recipient
    if whom.external_id and sys.stdout.isatty():
        return shorten(str(whom), _WHOM_WIDTH)
    return f"{whom.type}:{whom.id[:8]}…" if whom.id and sys.stdout.isatty() else str(whom)


def _channels(notification: Notification, now: datetime) -> str:
    if not notification.channels:
        return "undecided" if notification.status == "pending" else "none"
    return "; ".join(describe.brief(channel, now) for channel in notification.channels)


def _render(renderables: Iterable[Any]) -> str:
    from io import StringIO  # noqa: PLC0415 - with rich, which needs it

    from rich.console import Console  # noqa: PLC0415 - heavy: only when a command runs

    terminal = sys.stdout.isatty()
    # Rendered to text first: rich would end the process by itself when the pipe is closed.
    console = Console(
        file=StringIO(),
        force_terminal=terminal,
        # rich finds no colours in the terminal behind a StringIO, unless told.
        color_system="standard" if terminal and os.environ.get("TERM") != "dumb" else None,
        width=_terminal_width() if terminal else 10_000,
        height=25,  # without one, rich takes a dumb terminal to have 80 columns
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(*renderables, sep="\n")
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def emit_event(event: Event) -> None:
    """Write an event of a feed as one line. How a stream starts goes to standard error."""
    from tocsin_client import NotificationEvent, ReadChanged  # noqa: PLC0415 - heavy: only when a command runs

    unread = f"[{event.unread_count} unread]"
    if isinstance(event, NotificationEvent):
        new = event.notification
        seen = "read" if new.is_read else "new"
        text = shorten(clean(" ".join(new.message.split())), 80)
        emit(f"{describe.stamp(new.created_at)}  {seen:<4}  {clean(new.id)}  {clean(new.title)}: {text}  {unread}")
    elif isinstance(event, ReadChanged):
        emit(f"{describe.stamp(event.read_at)}  read  {clean(', '.join(event.ids))}  {unread}")
    elif event.recovered:
        note(f"following the feed {unread}")
    else:
        note(
            "events since the last cursor cannot be replayed any more: see the feed with tocsin list --feed; "
            f"following what is new {unread}"
        )


def utc_now() -> datetime:
    """Return the present time; tests put another in its place."""
    return datetime.now(UTC)
