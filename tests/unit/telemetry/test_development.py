"""What development mode says of each message."""

from __future__ import annotations

import pytest

from helpers.drafts import EMAIL, NOON
from tocsin_server.telemetry.development import log_development
from tocsin_server.telemetry.observer import AttemptEnded, FeedEntered, FeedPublished, Observer, RpcEnded


def test_each_call_that_sends_and_each_attempt_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tocsin_server")
    observer = Observer()
    log_development(observer)
    for report in (
        RpcEnded("NotificationService/Send", "OK", 0.1),
        RpcEnded("NotificationService/Get", "OK", 0.1),
        AttemptEnded(EMAIL, "row", "notification", "outbox://email", "permanent", "SIMULATED", 1, 0.1, NOON, NOON),
        FeedPublished(2),
        FeedEntered(1),
    ):
        observer.report(report)
    said = [vars(record) for record in caplog.records]
    assert [line["event"] for line in said] == ["sent_by_caller", "attempt", "feed_events", "feed_entered"]
    assert (said[1]["notification_id"], said[1]["outcome"], said[1]["code"]) == (
        "notification",
        "permanent",
        "SIMULATED",
    )
