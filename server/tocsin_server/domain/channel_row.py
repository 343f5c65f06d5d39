"""The rules of channel rows: when something is to be done with one, and what they make of their notification.

``due_at`` is when something is to be done with a row:

=============================================  ==================================================================
state of the row                               ``due_at``
=============================================  ==================================================================
pending, waits for its time or a new attempt   that time
pending, held under a claim                    the end of the lease, after which anybody may take the row over
pending, a websocket row in its feed           the end of its time, after which it fails; None if it waits for ever
settled: sent or failed                        None
=============================================  ==================================================================

So one condition, `is_due`, finds what is to be sent, what its holder has lost, what is to enter its feed, and what has
waited too long there. The storage says the same in SQL; its tests hold one against the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from tocsin_server.domain.model import ChannelType, Micros, Status


def is_due(status: Status, due_at: Micros | None, now: Micros) -> bool:
    """Whether something is to be done with a row now."""
    return status == Status.PENDING and due_at is not None and due_at <= now


def first_due_at(send_at: Micros | None, created_at: Micros, now: Micros) -> Micros:
    """Return when a new row is due: at the time that its caller named, else at once.

    ``created_at`` is made after the transaction took its time, ``now``; most of a batch would be due late by it.
    """
    return send_at or min(created_at, now)


def waits_until(expires_at: Micros | None) -> Micros | None:
    """Return when a websocket row is due that has entered its feed and waits for a subscriber."""
    return expires_at


def revived_due_at(channel: ChannelType, expires_at: Micros | None, now: Micros) -> Micros | None:
    """Return when a revived row is due: at once, or where that enters its feed at once, when it has waited there."""
    return waits_until(expires_at) if channel == ChannelType.WEBSOCKET else now


def is_expired(expires_at: Micros | None, now: Micros) -> bool:
    """Whether a notification's time is over."""
    return expires_at is not None and expires_at <= now


def next_attempt_at(
    channel: ChannelType, status: Status, due_at: Micros | None, *, held: bool, in_feed: bool
) -> Micros | None:
    """Return when a row is tried next: None while it is being sent, waits for a subscriber, or is settled."""
    if status != Status.PENDING or held or (channel == ChannelType.WEBSOCKET and in_feed):
        return None
    return due_at


def notification_status(channels: Iterable[Status], *, outstanding: bool = False) -> Status:
    """Tell a notification's status from those of its channels.

    ``sent`` as soon as one is sent, and it stays so; else ``pending`` while one is pending or something is
    ``outstanding`` (a later step, or the decision about channels); else ``failed``.
    """
    pending = outstanding
    for status in channels:
        if status == Status.SENT:
            return Status.SENT
        pending = pending or status == Status.PENDING
    return Status.PENDING if pending else Status.FAILED
