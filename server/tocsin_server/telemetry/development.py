"""Development mode's lines: what became of each call and of each attempt, for whoever tries things out."""

from __future__ import annotations

import logging

from tocsin_server.telemetry.observer import AttemptEnded, FeedEntered, FeedPublished, Observer, RpcEnded

log = logging.getLogger(__name__)

_SENDING = frozenset(("NotificationService/Send", "NotificationService/SendBatch"))


def log_development(observer: Observer) -> None:
    """Write a line about each call that sends, and about each attempt."""
    observer.listen(RpcEnded, _called)
    observer.listen(AttemptEnded, _attempted)
    observer.listen(FeedPublished, lambda report: _say("feed_events", "feeds have changed", count=report.events))
    observer.listen(FeedEntered, lambda report: _say("feed_entered", "scheduled ones were due", count=report.rows))


def _called(report: RpcEnded) -> None:
    if report.rpc in _SENDING:
        _say("sent_by_caller", "a caller has sent something", rpc=report.rpc, code=report.code)


def _attempted(report: AttemptEnded) -> None:
    _say(
        "attempt",
        f"an attempt by {report.channel} was {report.outcome}",
        channel=report.channel,
        outcome=report.outcome,
        code=report.code,
        attempt=report.attempt,
        notification_id=report.notification_id,
        provider=report.provider,
    )


def _say(event: str, sentence: str, **fields: object) -> None:
    log.info(sentence, extra={"event": event, **fields})
