"""What the client commands print: wording, tables, and what must never reach a terminal."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timedelta
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1 import notification_pb2 as pb

from helpers.scripted_server import (
    CREATED,
    NOTIFICATION_ID,
    USER_ID,
    arrived,
    channel,
    notification,
    read_changed,
    struct,
    subscribed,
    timestamp,
)
from tocsin_client import Channel, Notification, convert
from tocsin_server.cli import describe, output

NOW = CREATED + timedelta(minutes=3)


class Screen(io.StringIO):
    """Standard output that says whether it is a terminal."""

    encoding = "utf-8"

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Streams:
    """Stands in for the module ``sys``: pytest puts its own capture into the real one after the fixtures ran."""

    def __init__(self, screen: Screen) -> None:
        self.stdout = screen

    @property
    def stderr(self) -> TextIO:
        return sys.stderr


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen(terminal=False)
    monkeypatch.setattr(output, "sys", Streams(screen))
    return screen


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen(terminal=True)
    monkeypatch.setattr(output, "sys", Streams(screen))
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def value(**fields: Any) -> Notification:
    return convert.notification_from(notification(**fields))


def one(kind: str, status: str, **fields: Any) -> Channel:
    if "response" in fields:
        fields["response"] = struct(fields["response"])
    for name in ("next_attempt_at",):
        if name in fields:
            fields[name] = timestamp(fields[name])
    return convert.channel_from(channel(kind, status, **fields))


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(0), "now"),
        (timedelta(milliseconds=-900), "now"),
        (timedelta(seconds=-59), "59s ago"),
        (timedelta(minutes=-3, seconds=-10), "3m ago"),
        (timedelta(hours=5), "in 5h"),
        (timedelta(minutes=5, milliseconds=-300), "in 5m"),
        (timedelta(hours=2, seconds=-7), "in 2h"),
        (timedelta(hours=1, minutes=-1), "in 59m"),
        (timedelta(minutes=59, seconds=45), "in 1h"),
        (timedelta(days=1, minutes=-20), "in 1d"),
        (timedelta(days=-400), "400d ago"),
    ],
)
def test_a_distance_in_time_is_said_in_its_largest_unit(distance: timedelta, words: str) -> None:
    assert describe.age(NOW + distance, NOW) == words


LATER = NOW + timedelta(seconds=95)
PERMANENT = {"outcome": "permanent", "code": "550", "detail": "mailbox unknown", "provider": "relay-1"}


@pytest.mark.parametrize(
    ("row", "brief", "state"),
    [
        (one("email", "sent", attempts=1), "email sent", "sent at the first attempt"),
        (one("email", "sent", attempts=4), "email sent", "sent at attempt 4"),
        (one("websocket", "sent"), "websocket sent", "sent"),
        (
            one("websocket", "pending"),
            "websocket waits for the recipient",
            "pending: waiting for the recipient to connect",
        ),
        (
            one("sms", "pending", attempts=1),
            "sms being sent, tried 1x",
            "pending: being sent right now, 1 attempt so far",
        ),
        (
            one("sms", "pending", next_attempt_at=LATER),
            "sms pending, in 1m",
            "pending: first tried in 1m, at 2026-01-31 08:19:35 UTC",
        ),
        (
            one("sms", "pending", attempts=2, next_attempt_at=LATER),
            "sms pending, tried 2x, next in 1m",
            "pending: tried again in 1m, at 2026-01-31 08:19:35 UTC, 2 attempts so far",
        ),
        (
            one("sms", "pending", attempts=2, next_attempt_at=CREATED),
            "sms pending, tried 2x, due now",
            "pending: due now, 2 attempts so far",
        ),
        (
            one("email", "failed", attempts=3, response=PERMANENT),
            "email failed after 3 attempts",
            "failed after 3 attempts; not tried again by itself",
        ),
        (
            one("email", "failed", response={"reason": "EXPIRED"}),
            "email failed (expired)",
            "failed before any attempt: expired before it could be sent; not tried again by itself",
        ),
        (
            one("email", "failed", attempts=12, response={"reason": "SOMETHING_NEW"}),
            "email failed (something_new)",
            "failed after 12 attempts: something new; not tried again by itself",
        ),
    ],
)
def test_every_state_of_a_channel_says_what_happened_and_what_comes_next(row: Channel, brief: str, state: str) -> None:
    assert describe.brief(row, NOW) == brief
    assert describe.state(row, NOW) == state


def test_the_last_answer_and_the_earlier_ones_are_told_oldest_first() -> None:
    row = one(
        "email",
        "failed",
        attempts=3,
        response={
            **PERMANENT,
            "at": "2026-01-31T08:15:00Z",
            "history": [
                {"outcome": "transient", "code": "451", "provider": "relay-1", "at": "2026-01-31T08:14:30Z"},
                {"outcome": "unknown", "provider": "relay-2", "at": "2026-01-31T08:14:00Z"},
                {"outcome": "permanent", "reason": "CANCELLED", "detail": "x", "at": "2026-01-31T08:13:00Z"},
            ],
        },
    )
    assert describe.channel_lines(row, NOW) == [
        "email",
        "  failed after 3 attempts; not tried again by itself",
        "  last answer: refused for good: 550 mailbox unknown (relay-1, 2026-01-31 08:15:00 UTC, 3m ago)",
        "  earlier: cancelled (2026-01-31 08:13:00 UTC, 5m ago)",
        "  earlier: outcome unknown, the recipient may get it twice (relay-2, 2026-01-31 08:14:00 UTC, 4m ago)",
        "  earlier: failed for the moment: 451 (relay-1, 2026-01-31 08:14:30 UTC, 3m ago)",
        f"  to revive it: tocsin retry {NOTIFICATION_ID} --channel email",
    ]


@pytest.mark.parametrize(
    "response", [{"history": "no list", "outcome": 3}, {"at": "yesterday"}, {"history": [None, 7]}]
)
def test_a_response_of_another_shape_than_documented_is_no_obstacle(response: dict[str, Any]) -> None:
    assert describe.channel_lines(one("email", "failed", response=response), NOW)


# -- safety ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\rb\nc\td", r"a\x0db\x0ac\x09d"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("abc\u202efed\u2066", r"abc\u202efed\u2066"),
        ("one\u2028two", r"one\u2028two"),
        ("Grüße, 你好 👋", "Grüße, 你好 👋"),
    ],
)
def test_what_a_terminal_would_act_on_becomes_visible(raw: str, shown: str) -> None:
    assert output.clean(raw) == shown


def test_line_breaks_stay_where_lines_are_meant() -> None:
    assert output.clean("one\r\ntwo\n\tthree\x1b", lines=True) == "one\ntwo\n    three\\x1b"


@given(st.text())
def test_nothing_that_is_cleaned_can_move_the_cursor(text: str) -> None:
    assert all(letter.isprintable() or letter == " " or ord(letter) > 0x9F for letter in output.clean(text))


@given(st.text(), st.integers(1, 20))
def test_shortened_text_fits(text: str, width: int) -> None:
    from rich.cells import cell_len  # noqa: PLC0415 - slow to import, of this test only

    short = output.shorten("".join(letter for letter in text if cell_len(letter) < 2), width)
    assert cell_len(short) <= width


def test_wide_letters_count_twice() -> None:
    assert output.shorten("你好世界", 5) == "你好…"
    assert output.shorten("你好", 4) == "你好"


HOSTILE = "\x1b]0;owned\x07\u202e"


def hostile() -> Notification:
    answer = {"outcome": HOSTILE, "code": HOSTILE, "detail": HOSTILE, "provider": HOSTILE, "at": HOSTILE}
    return value(
        id=f"id{HOSTILE}",
        title=HOSTILE,
        message=HOSTILE,
        metadata=struct({HOSTILE: HOSTILE}),
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=HOSTILE),
        channels=[
            channel(
                "email",
                "failed",
                address=HOSTILE,
                notification_id=HOSTILE,
                response=struct({**answer, "reason": HOSTILE, "history": [answer]}),
            ),
            channel("sms", "pending", address=HOSTILE, response=struct(answer)),
        ],
    )


def test_nothing_that_a_server_says_reaches_the_output_raw(pipe: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    message = hostile()
    output.emit_notification(message, NOW)
    output.emit_table([message], NOW, recipients=True)
    output.emit_json(message)
    event = convert.event_from(arrived("c", title=HOSTILE, message=HOSTILE, id=HOSTILE))
    assert event is not None
    output.emit_event(event)
    output.note(HOSTILE)
    written = pipe.getvalue() + capsys.readouterr().err
    assert "owned" in written
    for control in ("\x1b", "\x07", "\u202e"):
        assert control not in written


def test_json_with_controls_is_still_the_same_json(pipe: Screen) -> None:
    output.emit_json({"title": "a\x1b\x9b\u202e\u2028\x7fb"})
    assert json.loads(pipe.getvalue()) == {"title": "a\x1b\x9b\u202e\u2028\x7fb"}


def test_an_encoding_without_the_letters_gets_escapes_instead_of_an_error(
    pipe: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Screen, "encoding", "ascii")
    output.emit("Grüße …")
    assert pipe.getvalue() == "Gr\\xfc\\xdfe \\u2026\n"


# -- accounts and tables ---------------------------------------------------------------------------


def test_a_notification_is_told_with_everything_about_it(pipe: Screen) -> None:
    message = value(
        message="Two\nlines.",
        metadata=struct({"order_id": "A1", "parts": 2}),
        is_read=True,
        read_at=timestamp(CREATED + timedelta(minutes=1)),
        send_at=timestamp(CREATED),
        expires_at=timestamp(NOW + timedelta(hours=1)),
        route_by=timestamp(NOW + timedelta(hours=1)),
        category="order.shipped",
        channels=[channel("email", "sent", attempts=1, address="ann@example.org"), channel("websocket", "pending")],
    )
    output.emit_notification(message, NOW)
    assert pipe.getvalue() == (
        f"notification {NOTIFICATION_ID}\n"
        f"  to        user:{USER_ID}\n"
        "  title     Your order has shipped\n"
        "  status    sent\n"
        "  category  order.shipped\n"
        "  created   2026-01-31 08:15:00 UTC (3m ago)\n"
        "  send at   2026-01-31 08:15:00 UTC (3m ago)\n"
        "  expires   2026-01-31 09:18:00 UTC (in 1h)\n"
        "  route by  2026-01-31 09:18:00 UTC (in 1h)\n"
        "  read      2026-01-31 08:16:00 UTC (2m ago)\n"
        '  metadata  {"order_id": "A1", "parts": 2}\n'
        "  message\n"
        "    Two\n"
        "    lines.\n"
        "\n"
        "channels\n"
        "  email to ann@example.org\n"
        "    sent at the first attempt\n"
        "  websocket\n"
        "    pending: waiting for the recipient to connect\n"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (pb.STATUS_PENDING, "none yet: nobody has decided how to send it"),
        (pb.STATUS_FAILED, "none: nothing is sent; who decided that, and why: tocsin explain"),
    ],
)
def test_a_notification_without_channels_says_why(status: pb.Status, words: str, pipe: Screen) -> None:
    output.emit_notification(value(status=status), NOW)
    assert words in pipe.getvalue()


def rows() -> list[Notification]:
    return [
        value(channels=[channel("email", "sent", attempts=1), channel("websocket", "pending")]),
        value(
            title="A title that is much too long for one row of any table",
            status=pb.STATUS_FAILED,
            is_read=True,
            recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_OTHER),
            channels=[channel("sms", "failed", attempts=2)],
        ),
        value(status=pb.STATUS_PENDING),
    ]


def test_a_piped_table_has_one_plain_line_for_each_notification(pipe: Screen) -> None:
    output.emit_table(rows(), NOW, recipients=True)
    heading, first, second, third = pipe.getvalue().splitlines()
    assert heading.split() == ["ID", "CREATED", "TO", "STATUS", "READ", "TITLE", "CHANNELS"]
    assert first.split("  ")[0] == NOTIFICATION_ID
    assert "2026-01-31 08:15:00 UTC" in first
    assert f"user:{USER_ID}" in first
    assert first.endswith("email sent; websocket waits for the recipient")
    assert "A title that is much too long for one r…  sms failed after 2 attempts" in second
    assert third.endswith("undecided")
    assert all(letter.isprintable() and not "\u2500" <= letter <= "\u257f" for letter in first + second + third)


def test_a_table_on_a_terminal_has_colours_and_distances(terminal: Screen) -> None:
    output.emit_table(rows(), NOW, recipients=False)
    text = terminal.getvalue()
    assert "\x1b[32msent" in text
    assert "3m ago" in text
    assert "user:" not in text


def test_no_color_is_respected(terminal: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    output.emit_table(rows(), NOW, recipients=True)
    assert "\x1b[3" not in terminal.getvalue()
    assert "user:0d9a4c1e…" in terminal.getvalue()


def test_a_narrow_terminal_gets_lines_instead_of_columns(terminal: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    output.emit_table(rows()[:2], NOW, recipients=True)
    assert terminal.getvalue().splitlines() == [
        f"{NOTIFICATION_ID}  3m ago  user:0d9a4c1e…  sent  unread",
        "  Your order has shipped",
        "  email sent; websocket waits for the recipient",
        f"{NOTIFICATION_ID}  3m ago  other  failed  read",
        "  A title that is much too long for one row of any table",
        "  sms failed after 2 attempts",
    ]


@pytest.mark.parametrize("width", [40, 79, 100, 119, 120, 140, 300])
def test_a_row_of_a_table_is_never_broken(terminal: Screen, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    output.emit_table(rows(), NOW, recipients=True)
    lines = terminal.getvalue().splitlines()
    if lines[0].startswith("ID "):
        assert len(lines) == 1 + len(rows())
        assert all(len(line) <= width for line in lines)
    else:
        assert all(len(line) <= width or line.startswith(NOTIFICATION_ID) for line in lines)
    shown = " ".join(line.strip() for line in lines)
    for words in ("email sent; websocket waits for the recipient", "sms failed after 2 attempts", "undecided"):
        assert words in shown


def test_wide_letters_do_not_move_the_columns(pipe: Screen) -> None:
    titled = [value(title="你好世界", status=pb.STATUS_PENDING), value(title="Hello", status=pb.STATUS_PENDING)]
    output.emit_table(titled, NOW, recipients=False)
    _, wide, narrow = pipe.getvalue().splitlines()
    assert wide.index("undecided") + 4 == narrow.index("undecided")


def test_events_are_one_line_each(pipe: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    for message in (
        subscribed("c0", unread=1),
        arrived("c1", message="Two\n\nlines", unread=2),
        read_changed("c2", "a", "b", unread=0),
        subscribed("c3", recovered=False),
    ):
        event = convert.event_from(message)
        assert event is not None
        output.emit_event(event)
    assert pipe.getvalue().splitlines() == [
        f"2026-01-31 08:15:00 UTC  new   {NOTIFICATION_ID}  Your order has shipped: Two lines  [2 unread]",
        "2026-01-31 08:15:00 UTC  read  a, b  [0 unread]",
    ]
    first, second = capsys.readouterr().err.splitlines()
    assert first == "tocsin: following the feed [1 unread]"
    assert "cannot be replayed" in second


def test_the_present_is_aware() -> None:
    assert isinstance(output.utc_now(), datetime)
    assert output.utc_now().utcoffset() == timedelta(0)


WIDE = [
    ("ID", "LEASE", "TITLE"),
    (
        NOTIFICATION_ID,
        "token-of-the-lease",
        "A title\x1b that is long, and has more words than there is room for in one line",
    ),
    (NOTIFICATION_ID, "another", ""),
]


def test_columns_wider_than_the_terminal_become_blocks(terminal: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output.emit_columns(WIDE)
    assert terminal.getvalue().splitlines() == [
        NOTIFICATION_ID,
        "  lease  token-of-the-lease",
        r"  title  A title\x1b that is long, and has more words than",
        "         there is room for in one line",
        NOTIFICATION_ID,
        "  lease  another",
        "  title",
    ]


def test_columns_stay_where_there_is_room(terminal: Screen) -> None:
    output.emit_columns(WIDE)
    assert len(terminal.getvalue().splitlines()) == len(WIDE)


def test_columns_stay_in_a_pipe(pipe: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output.emit_columns(WIDE)
    assert len(pipe.getvalue().splitlines()) == len(WIDE)
