"""Accepting: what a store keeps of a draft."""

from __future__ import annotations

import uuid

import pytest

from helpers.drafts import (
    EMAIL,
    PENDING,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    StoreBench,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import (
    Recipient,
    RecipientType,
)


def test_what_was_accepted_reads_back_as_it_was_answered_also_after_a_restart(bench: StoreBench) -> None:
    wanted = draft(
        SMS,
        WEBSOCKET,
        EMAIL,
        title="Zażółć 🔔",
        message="a\nb\t\u2028c",
        metadata={"order_id": "ABC123", "n": 1, "x": 0.5, "deep": [{"": None}, True, []]},
        send_at=bench.clock(),
        expires_at=bench.clock() + micros(3600),
    )
    stored = bench.accept_one(wanted)
    assert (stored.recipient, stored.title, stored.message) == (wanted.recipient, wanted.title, wanted.message)
    assert (stored.metadata, stored.send_at, stored.expires_at) == (wanted.metadata, wanted.send_at, wanted.expires_at)
    assert [(row.channel, row.address) for row in stored.channels] == [
        (wished.channel, wished.address) for wished in wanted.channels
    ]
    assert bench.get(stored) == stored
    bench.reopen()
    assert bench.get(stored) == stored


def test_a_new_notification_is_pending_unread_and_untried(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL, TELEGRAM))
    assert (stored.status, stored.is_read, stored.read_at, stored.sequence) == (PENDING, False, None, None)
    assert (stored.metadata, stored.send_at, stored.expires_at) == (None, None, None)
    for row in stored.channels:
        assert (row.notification_id, row.created_at) == (stored.id, stored.created_at)
        assert (row.status, row.attempts, row.response) == (PENDING, 0, None)


def test_an_id_is_a_uuid_of_version_7_that_holds_the_time_of_creation(bench: StoreBench) -> None:
    before = bench.clock()
    stored = bench.accept_one(draft())
    identity = uuid.UUID(stored.id)
    assert (str(identity), identity.version) == (stored.id, 7)
    assert (identity.int >> 80) * 1000 == stored.created_at
    assert before - 1000 <= stored.created_at <= bench.clock()


def test_ids_rise_in_the_order_of_acceptance(bench: StoreBench) -> None:
    stored = bench.accept(*(draft(key=key) for key in ("c", "", "a", "b", "")))
    for key in ("", "", "0"):
        stored += bench.accept(draft(key=key))
    assert ids_of(stored) == sorted(ids_of(stored))
    assert bench.find() == ids_of(stored)[::-1]


@pytest.mark.parametrize("recipient_type", RecipientType)
def test_every_type_of_recipient_can_be_stored_with_an_id_and_without(
    bench: StoreBench, recipient_type: RecipientType
) -> None:
    for recipient in (Recipient(recipient_type, user().id), Recipient(recipient_type, None)):
        stored = bench.accept_one(draft(EMAIL, recipient=recipient))
        assert bench.get(stored).recipient == recipient


def test_what_has_no_time_or_a_past_one_is_due_by_the_stores_own_clock(bench: StoreBench) -> None:
    bench.clock.advance(-3600)  # behind the clock that the ids come from
    bench.accept(draft(EMAIL), draft(EMAIL, send_at=bench.clock() - 1), draft(EMAIL, send_at=0))
    due_at = bench.run(bench.store.next_due(EMAIL))
    assert due_at is not None
    assert due_at <= bench.clock()
    assert len(bench.claim(EMAIL)) == 3


def test_a_scheduled_channel_tells_when_it_will_be_tried(bench: StoreBench) -> None:
    later = bench.clock() + micros(60)
    stored = bench.accept_one(draft(EMAIL, WEBSOCKET, send_at=later))
    assert [row.next_attempt_at for row in stored.channels] == [later, later]
    assert bench.get(stored) == stored


def test_an_empty_call_stores_nothing(bench: StoreBench) -> None:
    assert list(bench.answers()) == []
    assert bench.find() == []
