"""What is counted of what is reported, as Prometheus' own parser reads it."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from helpers.drafts import EMAIL, NOON
from tocsin_server.domain.clock import micros
from tocsin_server.telemetry.metrics import Metrics
from tocsin_server.telemetry.observer import (
    AttemptEnded,
    BreakerClosed,
    BreakerOpened,
    CommitDone,
    CredentialsRefused,
    DatabaseAnswers,
    DeliveryFailed,
    FeedPublished,
    LeaseLost,
    NotificationsPurged,
    Observer,
    QueueSeen,
    RpcEnded,
    StreamEnded,
    TakenOver,
)

ATTEMPT = AttemptEnded(EMAIL, "row", "notification", "relay", "accepted", "250", 1, 0.2, NOON, NOON + micros(3))


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def metrics(observer: Observer) -> Metrics:
    metrics = Metrics("1.2.3", "server")
    metrics.listen(observer)
    return metrics


def shown(metrics: Metrics) -> dict[tuple[str, frozenset[str]], float]:
    """Return the figures by name and values of labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


@pytest.mark.parametrize(
    ("report", "name", "labels", "value"),
    [
        (RpcEnded("Service/Send", "OK", 0.25), "tocsin_rpc_duration_seconds_sum", {"Service/Send", "OK"}, 0.25),
        (QueueSeen(EMAIL, 5, 2, 1, 0.0), "tocsin_queue_rows", {"email", "leased"}, 2),
        (QueueSeen(EMAIL, 5, 2, 1, 60.5), "tocsin_queue_oldest_due_seconds", {"email"}, 60.5),
        (ATTEMPT, "tocsin_attempts_total", {"email", "relay", "accepted"}, 1),
        (ATTEMPT, "tocsin_attempt_duration_seconds_sum", {"email", "relay"}, 0.2),
        (ATTEMPT, "tocsin_send_to_accepted_seconds_sum", {"email"}, 3),
        (DeliveryFailed(EMAIL, "row", "id", 3, "relay", "550"), "tocsin_deliveries_failed_total", {"email"}, 1),
        (CredentialsRefused(EMAIL, "relay", "535"), "tocsin_credentials_refused_total", {"email", "relay"}, 1),
        (BreakerOpened(EMAIL, "relay", "421", 5.0), "tocsin_breaker_open", {"email", "relay"}, 1),
        (BreakerClosed(EMAIL, "relay"), "tocsin_breaker_open", {"email", "relay"}, 0),
        (LeaseLost(EMAIL, "row"), "tocsin_leases_lost_total", set(), 1),
        (TakenOver(EMAIL, "row"), "tocsin_leases_taken_over_total", set(), 1),
        (FeedPublished(7), "tocsin_feed_events_total", set(), 7),
        (StreamEnded("CLOSED"), "tocsin_streams_ended_total", {"CLOSED"}, 1),
        (DatabaseAnswers(well=False), "tocsin_database_up", set(), 0),
        (NotificationsPurged(200), "tocsin_purged_total", set(), 200),
        (CommitDone(12, 0.01), "tocsin_commit_batch_size_sum", set(), 12),
        (CommitDone(12, 0.01), "tocsin_commit_duration_seconds_sum", set(), 0.01),
    ],
)
def test_each_report_is_counted(
    metrics: Metrics, observer: Observer, report: Any, name: str, labels: set[str], value: float
) -> None:
    observer.report(report)
    assert shown(metrics)[(name, frozenset(labels))] == pytest.approx(value)


def test_an_attempt_that_was_not_accepted_is_no_acceptance(metrics: Metrics, observer: Observer) -> None:
    observer.report(ATTEMPT._replace(outcome="transient"))
    figures = shown(metrics)
    assert figures[("tocsin_attempts_total", frozenset({"email", "relay", "transient"}))] == 1
    assert ("tocsin_send_to_accepted_seconds_sum", frozenset({"email"})) not in figures


def test_no_id_of_a_report_becomes_a_label(metrics: Metrics, observer: Observer) -> None:
    """A value of its own for each message would grow without end, here and in Prometheus."""
    for report in (ATTEMPT, DeliveryFailed(EMAIL, "row", "notification", 3, "relay", "550"), LeaseLost(EMAIL, "row")):
        observer.report(report)
    assert not [labels for _, labels in shown(metrics) if labels & {"row", "notification", "550", "250"}]


def test_the_program_and_the_process_say_what_they_are(metrics: Metrics) -> None:
    metrics.gauge("tocsin_subscribers", "Streams.", lambda: 4)
    figures = shown(metrics)
    assert figures[("tocsin_build_info", frozenset({"1.2.3", "server"}))] == 1
    assert figures[("tocsin_subscribers", frozenset())] == 4
    assert figures[("process_resident_memory_bytes", frozenset())] > 1_000_000
