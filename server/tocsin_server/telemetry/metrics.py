"""Figures for Prometheus, counted from reports. Names and labels are in `server/README.md`.

No label has a value from callers' data: channels, outcomes, codes and RPCs are ours, providers are named by settings.
Each process counts for itself; what is of the database (the queue) is the same in all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from tocsin_server.domain.model import MICROS_PER_SECOND
from tocsin_server.telemetry.observer import (
    AttemptEnded,
    BreakerClosed,
    BreakerOpened,
    ChannelPaused,
    CommitDone,
    CredentialsRefused,
    DatabaseAnswers,
    DecisionsMade,
    DeliveryFailed,
    FeedPublished,
    LeaseLost,
    NotificationsPurged,
    Observer,
    PoliciesDenied,
    QueueSeen,
    RpcEnded,
    StreamEnded,
    TakenOver,
    UndecidedSeen,
)

RPC_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ATTEMPT_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
TO_ACCEPTED_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
COMMIT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
BATCH_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Upper bounds of the histograms' buckets."""


class Metrics:
    """What one process has to tell; `listen` begins the counting.

    Args:
        version: Of the program.
        part: What this process is: ``server``, ``worker`` or ``bridge``.
    """

    content_type: Final = "text/plain; version=0.0.4; charset=utf-8"
    """Of `text`."""

    def __init__(self, version: str, part: str) -> None:
        disable_created_metrics()  # a series more for each, which nobody asks for
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = Info("tocsin_build", "The program.", registry=self.registry)
        build.info({"version": version, "part": part})

    def text(self) -> bytes:
        """Return the figures as of now, in Prometheus' text form."""
        text: bytes = generate_latest(self.registry)
        return text

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show what a function returns when it is asked."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def listen(self, observer: Observer) -> None:
        """Count what is reported from now on."""
        self._calls(observer)
        self._queue(observer)
        self._decisions(observer)
        self._providers(observer)
        self._feed(observer)
        self._database(observer)

    def _calls(self, observer: Observer) -> None:
        duration = Histogram(
            "tocsin_rpc_duration_seconds",
            "Time from the arrival of a call to its answer, of calls with one answer.",
            ("method", "code"),
            buckets=RPC_SECONDS,
            registry=self.registry,
        )
        # Finding a child by its labels costs more than counting; there are as many as methods times codes.
        of = functools.cache(duration.labels)
        observer.listen(RpcEnded, lambda ended: of(ended.rpc, ended.code).observe(ended.seconds))

    def _queue(self, observer: Observer) -> None:
        rows = Gauge(
            "tocsin_queue_rows",
            "Deliveries that are not settled, of the whole database, counted up to 10,000 of each kind.",
            ("channel", "state"),
            registry=self.registry,
        )
        oldest = Gauge(
            "tocsin_queue_oldest_due_seconds",
            "For how long the oldest delivery has been due, of the whole database.",
            ("channel",),
            registry=self.registry,
        )

        def seen(report: QueueSeen) -> None:
            rows.labels(report.channel, "due").set(report.due)
            rows.labels(report.channel, "leased").set(report.leased)
            rows.labels(report.channel, "waiting").set(report.waiting)
            oldest.labels(report.channel).set(report.oldest_due)

        observer.listen(QueueSeen, seen)
        paused = Gauge(
            "tocsin_channel_paused",
            "1 while an operator has stopped a channel, as this process obeys it.",
            ("channel",),
            registry=self.registry,
        )
        observer.listen(ChannelPaused, lambda report: paused.labels(report.channel).set(report.paused))
        undecided = Gauge(
            "tocsin_undecided",
            "Notifications that wait for a decision, of the whole database, up to 10,000.",
            registry=self.registry,
        )
        late = Gauge(
            "tocsin_undecided_late",
            "Those of them of which half the time until rules decide is over.",
            registry=self.registry,
        )

        def waiting(report: UndecidedSeen) -> None:
            undecided.set(report.waiting)
            late.set(report.late)

        observer.listen(UndecidedSeen, waiting)

    def _decisions(self, observer: Observer) -> None:
        decisions = Counter(
            "tocsin_decisions_total",
            "Decisions about channels, by whom and by which rule.",
            ("by", "rule"),
            registry=self.registry,
        )
        denials = Counter(
            "tocsin_policy_denials_total",
            "Channels that a policy took out of a decision, or for which something was refused.",
            ("policy",),
            registry=self.registry,
        )

        def denied(report: PoliciesDenied | DecisionsMade) -> None:
            for policy, count in report.denied.items():
                denials.labels(policy).inc(count)

        def made(report: DecisionsMade) -> None:
            for (by, rule), count in report.made.items():
                decisions.labels(by, rule).inc(count)
            denied(report)

        observer.listen(DecisionsMade, made)
        observer.listen(PoliciesDenied, denied)

    def _providers(self, observer: Observer) -> None:
        self._attempts(observer)
        failed = Counter(
            "tocsin_deliveries_failed_total",
            "Deliveries that failed for good.",
            ("channel",),
            registry=self.registry,
        )
        observer.listen(DeliveryFailed, lambda report: failed.labels(report.channel).inc())
        refused = Counter(
            "tocsin_credentials_refused_total",
            "Attempts that a provider refused for who we are.",
            ("channel", "provider"),
            registry=self.registry,
        )
        observer.listen(CredentialsRefused, lambda report: refused.labels(report.channel, report.provider).inc())
        open_ = Gauge(
            "tocsin_breaker_open",
            "1 while a provider fails and is left alone, as this process sees it.",
            ("channel", "provider"),
            registry=self.registry,
        )
        observer.listen(BreakerOpened, lambda report: open_.labels(report.channel, report.provider).set(1))
        observer.listen(BreakerClosed, lambda report: open_.labels(report.channel, report.provider).set(0))
        lost = Counter(
            "tocsin_leases_lost_total",
            "Results that came after their row was taken over; the recipient may have the message twice.",
            registry=self.registry,
        )
        observer.listen(LeaseLost, lambda _: lost.inc())
        taken = Counter(
            "tocsin_leases_taken_over_total",
            "Rows taken over from a process that gave no sign of life.",
            registry=self.registry,
        )
        observer.listen(TakenOver, lambda _: taken.inc())

    def _attempts(self, observer: Observer) -> None:
        count = Counter(
            "tocsin_attempts_total",
            "Attempts by outcome: accepted, transient, throttled, permanent, unknown.",
            ("channel", "provider", "outcome"),
            registry=self.registry,
        )
        duration = Histogram(
            "tocsin_attempt_duration_seconds",
            "Time that a provider took for an attempt.",
            ("channel", "provider"),
            buckets=ATTEMPT_SECONDS,
            registry=self.registry,
        )
        to_accepted = Histogram(
            "tocsin_send_to_accepted_seconds",
            "Time from when a message was to go out to its acceptance by a provider.",
            ("channel",),
            buckets=TO_ACCEPTED_SECONDS,
            registry=self.registry,
        )
        count_of, duration_of = functools.cache(count.labels), functools.cache(duration.labels)
        to_accepted_of = functools.cache(to_accepted.labels)

        def ended(report: AttemptEnded) -> None:
            count_of(report.channel, report.provider, report.outcome).inc()
            duration_of(report.channel, report.provider).observe(report.seconds)
            if report.outcome == "accepted":
                took = max(0, report.at - report.ready_at) / MICROS_PER_SECOND
                to_accepted_of(report.channel).observe(took)

        observer.listen(AttemptEnded, ended)

    def _feed(self, observer: Observer) -> None:
        events = Counter(
            "tocsin_feed_events_total", "Committed changes of feeds, handed to streams.", registry=self.registry
        )
        observer.listen(FeedPublished, lambda report: events.inc(report.events))
        ended = Counter(
            "tocsin_streams_ended_total",
            "Streams of subscribers that ended, by reason; CLOSED is the subscriber's own doing.",
            ("reason",),
            registry=self.registry,
        )
        observer.listen(StreamEnded, lambda report: ended.labels(report.reason).inc())

    def _database(self, observer: Observer) -> None:
        up = Gauge("tocsin_database_up", "1 while the database answers.", registry=self.registry)
        up.set(1)
        observer.listen(DatabaseAnswers, lambda report: up.set(report.well))
        size = Histogram(
            "tocsin_commit_batch_size",
            "Writes that shared a commit.",
            buckets=BATCH_SIZES,
            registry=self.registry,
        )
        duration = Histogram(
            "tocsin_commit_duration_seconds",
            "Time of a transaction, from its beginning to the end of its commit.",
            buckets=COMMIT_SECONDS,
            registry=self.registry,
        )

        purged = Counter(
            "tocsin_purged_total", "Notifications that were removed for their age.", registry=self.registry
        )
        observer.listen(NotificationsPurged, lambda report: purged.inc(report.number))

        def done(report: CommitDone) -> None:
            size.observe(report.items)
            duration.observe(report.seconds)

        observer.listen(CommitDone, done)
