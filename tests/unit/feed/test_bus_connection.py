"""What buses with a connection share: when they come back, and what they tell of it."""

from __future__ import annotations

import pytest

from tocsin_server.feed.bus.connection import MOST_REASONS, RECONNECTING, ConnectionLog


def test_delays_grow_to_a_limit_and_are_partly_chance() -> None:
    for failures, longest in [(1, 0.1), (2, 0.2), (5, 1.6), (8, 5.0), (10_000, 5.0)]:
        delays = [RECONNECTING.pause(failures) for _ in range(200)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
        assert len(set(delays)) > 100


def test_each_reason_of_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tocsin_server.feed.bus.connection")
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


def test_an_outage_with_ever_new_reasons_is_not_told_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    told = ConnectionLog("nats")
    for number in range(1_000):
        told.lost(OSError(f"port {number}"))
    assert len(caplog.records) == MOST_REASONS
