"""The parts of the bus that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.replica import EPOCH, hint, user
from helpers.server import make_settings
from tocsin_server.errors import ConfigurationError
from tocsin_server.feed.bus import LONGEST_DELAY, ConnectionLog, Hint, MemoryBus, PendingHints, newer, reconnect_delay
from tocsin_server.feed.bus_nats import NatsBus, credentials_apart
from tocsin_server.feed.bus_postgresql import LONGEST_PAYLOAD, PostgresqlBus, payloads, read_payload
from tocsin_server.feed.buses import make_bus
from tocsin_server.model import FeedPosition, Recipient, RecipientType

LARGEST = 2**63 - 1

recipients = st.builds(Recipient, st.sampled_from(RecipientType), st.uuids().map(str))
numbers = st.integers(0, LARGEST)
hints = st.builds(Hint, recipients, st.builds(FeedPosition, numbers, numbers))


# -- positions and pending hints -----------------------------------------------------------------


def test_of_two_positions_of_an_epoch_the_higher_is_newer_and_of_two_epochs_the_later_told() -> None:
    low, high, elsewhere = FeedPosition(1, 5), FeedPosition(1, 6), FeedPosition(2, 1)
    assert newer(None, low) == low
    assert newer(low, high) == newer(high, low) == high
    assert newer(high, elsewhere) == elsewhere
    assert newer(elsewhere, high) == high


@given(st.lists(hints, max_size=30))
def test_pending_hints_give_the_newest_of_each_recipient_once(several: list[Hint]) -> None:
    pending = PendingHints()
    expected: dict[Recipient, FeedPosition] = {}
    for one in several:
        assert pending.add([one]) is not bool(expected)
        expected[one.recipient] = newer(expected.get(one.recipient), one.position)
    assert bool(pending) is bool(expected)
    assert dict(pending.take()) == expected
    assert not pending
    assert pending.take() == []


def test_nobody_is_woken_for_nothing() -> None:
    pending = PendingHints()
    assert not pending.add([])
    assert pending.add([hint(user(), 1)])
    assert not pending.add([hint(user(), 1)])
    pending.take()
    assert pending.add([hint(user(), 1)])


def test_pending_hints_are_bounded_and_those_beyond_are_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pending = PendingHints(limit=2)
    kept = [user(), user()]
    pending.add([hint(kept[0], 1), hint(kept[1], 1)])
    for _ in range(3):
        pending.add([hint(user(), 1)])
    pending.add([hint(kept[1], 2)])
    assert dict(pending.take()) == {kept[0]: FeedPosition(EPOCH, 1), kept[1]: FeedPosition(EPOCH, 2)}
    assert [(record.event, getattr(record, "count", None)) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("bus_hints_dropping", None),
        ("bus_hints_dropped", 3),
    ]
    caplog.clear()
    pending.add([hint(user(), 1)])
    assert len(pending.take()) == 1
    assert not caplog.records


# -- reconnecting --------------------------------------------------------------------------------


def test_delays_grow_to_a_limit_and_are_partly_chance() -> None:
    for failures, longest in [(0, 0.1), (1, 0.2), (4, 1.6), (7, LONGEST_DELAY), (10_000, LONGEST_DELAY)]:
        delays = [reconnect_delay(failures) for _ in range(200)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
        assert len(set(delays)) > 100


def test_each_reason_of_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tocsin_server.feed.bus")
    told = ConnectionLog("nats")
    for error in (OSError("refused"), OSError("refused\n"), ValueError("refused"), OSError("refused")):
        told.lost(error)
    told.connected()
    told.lost(OSError("refused"))
    assert [(record.event, getattr(record, "error", None)) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("bus_lost", "OSError: refused"),
        ("bus_lost", "ValueError: refused"),
        ("bus_connected", None),
        ("bus_lost", "OSError: refused"),
    ]


# -- PostgreSQL's payloads -----------------------------------------------------------------------


@given(st.lists(hints, max_size=300))
def test_payloads_hold_all_hints_in_order_and_notify_takes_them(several: list[Hint]) -> None:
    written = list(payloads(several))
    assert all(0 < len(payload.encode()) <= LONGEST_PAYLOAD for payload in written)
    assert [one for payload in written for one in read_payload(payload)] == several


def test_payloads_are_as_few_as_possible() -> None:
    line = len(next(payloads([hint(user(), 1)]))) + 1
    fitting = (LONGEST_PAYLOAD + 1) // line
    several = [hint(user(), 1) for _ in range(fitting + 1)]
    assert len(list(payloads(several[:fitting]))) == 1
    assert len(list(payloads(several))) == 2


@pytest.mark.parametrize("text", ["", "hello", "user x 1", "user x 1 2 3", "user x 1 y", "stranger x 1 2", "\n\n"])
def test_lines_of_another_form_are_passed_over(text: str) -> None:
    good = hint(user(), 1)
    assert list(read_payload(text)) == []
    assert list(read_payload("\n".join([text, *payloads([good]), text]))) == [good]


# -- URLs ----------------------------------------------------------------------------------------


def test_a_url_says_which_bus() -> None:
    assert isinstance(make_bus("memory://"), MemoryBus)
    assert isinstance(make_bus("postgresql://ann:secret@127.0.0.1/tocsin"), PostgresqlBus)
    assert isinstance(make_bus("postgres:///tocsin"), PostgresqlBus)
    assert isinstance(make_bus("nats://127.0.0.1:4222,tls://127.0.0.1:4223"), NatsBus)


def test_a_sqlite_file_has_no_bus_between_processes(tmp_path: Path) -> None:
    assert isinstance(make_bus(make_settings(tmp_path).bus), MemoryBus)


def test_a_malformed_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        make_bus("postgresql://ann:sec%ret@127.0.0.1/tocsin")
    assert "sec" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    ("urls", "bare", "options"),
    [
        (["nats://a:4222"], ["nats://a:4222"], {}),
        (["nats://ann:p%40ss%2Cword@a:4222"], ["nats://a:4222"], {"user": "ann", "password": "p@ss,word"}),
        (["nats://t%2Fken@a"], ["nats://a"], {"token": "t/ken"}),
        (["tls://a", " nats://ann:@[::1]:1"], ["tls://a", "nats://[::1]:1"], {"user": "ann", "password": ""}),
        (["nats://x:1@a", "nats://y:2@b"], ["nats://a", "nats://b"], {"user": "x", "password": "1"}),
    ],
)
def test_credentials_are_taken_out_of_urls_and_decoded(
    urls: list[str], bare: list[str], options: dict[str, str]
) -> None:
    assert credentials_apart(urls) == (bare, options)
