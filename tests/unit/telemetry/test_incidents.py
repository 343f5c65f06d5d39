"""What an operator has to know of, in one line each."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.drafts import EMAIL
from tocsin_server.telemetry.incidents import log_incidents
from tocsin_server.telemetry.observer import (
    BreakerClosed,
    BreakerOpened,
    ClockSet,
    CredentialsRefused,
    DeliveryFailed,
    LeaseLost,
    Observer,
    ResultRefused,
    SenderRaised,
)

FAILED = DeliveryFailed(EMAIL, "row", "notification", 3, "relay", "550")


def lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return our own records: what other tests left behind may be told of at any time."""
    return [record for record in caplog.records if record.name.startswith(("tocsin_server", "test."))]


@pytest.mark.parametrize(
    ("report", "event", "fields"),
    [
        (
            FAILED,
            "delivery_failed",
            {"channel_id": "row", "notification_id": "notification", "provider": "relay", "reason": "550"},
        ),
        (FAILED._replace(reason="EXPIRED"), "delivery_failed", {"reason": "EXPIRED", "attempts": 3}),
        (BreakerOpened(EMAIL, "relay", "535", 5.0), "provider_failing", {"provider": "relay", "code": "535"}),
        (CredentialsRefused(EMAIL, "relay", "535"), "credentials_refused", {"provider": "relay", "code": "535"}),
        (BreakerClosed(EMAIL, "relay"), "provider_works", {"provider": "relay"}),
        (LeaseLost(EMAIL, "row"), "lease_lost", {"channel_id": "row"}),
        (ResultRefused(EMAIL, "row", "DataError", left=False), "record_failed", {"cause": "DataError"}),
        (ResultRefused(EMAIL, "row", "DataError", left=True), "record_failed", {"channel_id": "row"}),
        (SenderRaised(EMAIL, "row", "relay", KeyError("x")), "sender_raised", {"error": "KeyError"}),
        (ClockSet(EMAIL, -3600.2), "clock_set", {"seconds": -3600}),
    ],
)
def test_an_incident_is_one_line_with_its_event_and_ids(
    report: Any, event: str, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    observer = Observer()
    log_incidents(observer)
    observer.report(report)
    [record] = lines(caplog)
    written = vars(record)
    assert record.levelname in ("WARNING", "ERROR")
    assert written["event"] == event
    assert written["channel"] == EMAIL
    assert {name: written[name] for name in fields} == fields


def test_what_somebody_cancelled_is_no_incident(caplog: pytest.LogCaptureFixture) -> None:
    observer = Observer()
    log_incidents(observer)
    observer.report(FAILED._replace(reason="CANCELLED"))
    assert lines(caplog) == []
