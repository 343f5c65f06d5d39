"""Rows that this process sends at once."""

from __future__ import annotations

import json

from helpers.drafts import (
    EMAIL,
    FAILED,
    GUEST,
    PENDING,
    SENT,
    SMS,
    WEBSOCKET,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    LEASE,
    StoreBench,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    NoRoute,
)
from tocsin_server.domain.model import Denial

UNKNOWN_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"

REFUSED_BY_THE_DATABASE = "x" * 256
"""A title that callers cannot send, to make a transaction fail."""


def test_rows_with_a_free_place_are_stored_leased_and_handed_over(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 2
    before = bench.clock()
    stored = bench.accept(*(draft(EMAIL, metadata={"n": number}) for number in range(3)))
    handed = bench.listener.claims
    assert [row.notification_id for row in handed] == ids_of(stored)[:2]
    assert bench.listener.places[EMAIL] == 0
    for row, notification in zip(handed, stored, strict=False):
        assert before + micros(LEASE) <= row.lease_until <= bench.clock() + micros(LEASE)
        assert bench.get(notification) == notification
        assert notification.channels[0].next_attempt_at is None
    left = bench.claim_one(EMAIL)
    assert left.notification_id == stored[2].id
    bench.clock.advance(LEASE + 1)
    taken = {row.id: row for row in bench.claim(EMAIL)}
    for row in handed:  # what was handed over is what a claim would have given
        again = taken[row.id]
        assert (again.taken_over, again.attempts) == (True, 1)
        assert again._replace(token=row.token, lease_until=row.lease_until, taken_over=False, attempts=0) == row


def test_the_result_of_a_row_that_was_handed_over_is_fenced_by_its_token(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 1
    stored = bench.accept_one(draft(EMAIL))
    [row] = bench.listener.claims
    assert not bench.record(row._replace(token=UNKNOWN_ID), SENT)
    assert bench.run(bench.store.renew([row], micros(LEASE))) == {row.id}
    assert bench.record(row, SENT)
    assert bench.get(stored).status == SENT


def test_no_place_is_taken_for_what_is_not_sent_now(bench: StoreBench) -> None:
    bench.listener.places.update({EMAIL: 5, WEBSOCKET: 5})
    bench.accept(draft(WEBSOCKET), draft(EMAIL, send_at=bench.clock() + micros(60)))
    bench.answers(draft(EMAIL, refusal=NoRoute("user")))
    assert bench.listener.claims == []
    assert bench.listener.places == {EMAIL: 5, WEBSOCKET: 5}


def test_a_repetition_takes_no_place(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 5
    wanted = draft(EMAIL, key="order-1")
    bench.accept(wanted)
    bench.answers(wanted, draft(EMAIL, key="order-1", title="Another"))
    assert bench.listener.places[EMAIL] == 4
    assert len(bench.listener.claims) == 1


def test_places_are_given_back_when_nothing_is_stored(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 2
    bench.answers(draft(EMAIL, title=REFUSED_BY_THE_DATABASE))
    assert bench.listener.places[EMAIL] == 2
    assert bench.listener.claims == []
    bench.accept(draft(EMAIL), draft(EMAIL))
    assert bench.listener.places[EMAIL] == 0


def test_a_claim_and_a_row_that_is_handed_over_tell_whom_and_what_it_is_about(bench: StoreBench) -> None:
    recipient = user()
    bench.listener.places[EMAIL] = 1
    bench.accept(draft(EMAIL, recipient=recipient, category="order.shipped"), draft(EMAIL, recipient=GUEST))
    [handed] = bench.listener.claims
    claimed = bench.claim_one(EMAIL)
    assert (handed.recipient, handed.category) == (recipient, "order.shipped")
    assert (claimed.recipient, claimed.category) == (GUEST, "")


def test_what_a_policy_kept_from_being_sent_is_a_decision_unless_the_lease_was_lost(bench: StoreBench) -> None:
    denial = Denial(EMAIL, "no letters", "denied")
    stored = bench.accept_one(draft(EMAIL, SMS))
    row = bench.claim_one(EMAIL)
    assert not bench.record(row._replace(token=UNKNOWN_ID), FAILED, denial=denial)
    decisions = "SELECT notification_id, decided_by, name, channels, denied FROM decisions"
    assert bench.backend.database.rows(decisions) == []
    assert bench.record(row, FAILED, denial=denial)
    [(notification_id, by, name, channels, denied)] = bench.backend.database.rows(decisions)
    assert (notification_id, by, name, json.loads(channels)) == (stored.id, "policy", "no letters", [])
    assert json.loads(denied) == [{"channel": "email", "policy": "no letters", "detail": "denied"}]
    assert bench.get(stored).status == PENDING  # by its other channel
