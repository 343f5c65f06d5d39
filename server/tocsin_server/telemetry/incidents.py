"""One line for everything that an operator has to know of, at WARNING: with the event's name and ids, nothing else.

How many of one kind are written is bounded where lines are written.
"""

from __future__ import annotations

import logging

from tocsin_server.domain.attempt_log import CANCELLED
from tocsin_server.telemetry.lines import place_of
from tocsin_server.telemetry.observer import (
    BreakerClosed,
    BreakerOpened,
    ChannelPaused,
    ClockSet,
    CredentialsRefused,
    DeliveryFailed,
    LeaseLost,
    Observer,
    ResultRefused,
    SenderRaised,
)

log = logging.getLogger(__name__)


def log_incidents(observer: Observer) -> None:
    """Write a line about each incident that is reported."""
    observer.listen(DeliveryFailed, _delivery_failed)
    observer.listen(CredentialsRefused, _credentials_refused)
    observer.listen(BreakerOpened, _breaker_opened)
    observer.listen(BreakerClosed, _breaker_closed)
    observer.listen(LeaseLost, _lease_lost)
    observer.listen(ResultRefused, _result_refused)
    observer.listen(SenderRaised, _sender_raised)
    observer.listen(ClockSet, _clock_set)
    observer.listen(ChannelPaused, _channel_paused)


def _delivery_failed(report: DeliveryFailed) -> None:
    if report.reason != CANCELLED:
        _warn("delivery_failed", "a delivery failed for good", **report._asdict())


def _credentials_refused(report: CredentialsRefused) -> None:
    _warn("credentials_refused", "a provider refuses our credentials", **report._asdict())


def _breaker_opened(report: BreakerOpened) -> None:
    _warn("provider_failing", "a provider fails repeatedly and is left alone for a while", **report._asdict())


def _breaker_closed(report: BreakerClosed) -> None:
    _warn("provider_works", "a provider works again", **report._asdict())


def _lease_lost(report: LeaseLost) -> None:
    _warn("lease_lost", "a result came after its lease was lost and was dropped", **report._asdict())


def _result_refused(report: ResultRefused) -> None:
    became = "and its row is left until its lease runs out" if report.left else "as it was"
    ids = {"channel": report.channel, "channel_id": report.channel_id}
    _warn("record_failed", f"a result could not be written {became}", **ids, cause=report.cause)


def _sender_raised(report: SenderRaised) -> None:
    # Not what the error says, which may quote what the sender stumbled over.
    fields = report._asdict() | {"error": type(report.error).__name__, "where": place_of(report.error)}
    log.error("a sender raised", extra={"event": "sender_raised", **fields})


def _clock_set(report: ClockSet) -> None:
    _warn("clock_set", "the clock was set", channel=report.channel, seconds=round(report.seconds))


def _channel_paused(report: ChannelPaused) -> None:
    if report.paused:
        _warn("channel_paused", "a channel is paused: what is due stays in the queue", channel=report.channel)
    else:
        _warn("channel_resumed", "a channel goes on", channel=report.channel)


def _warn(event: str, sentence: str, **fields: object) -> None:
    log.warning(sentence, extra={"event": event, **fields})
