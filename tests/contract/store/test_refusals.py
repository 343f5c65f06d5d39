"""What the database refuses about one thing is that thing's failure, and holds up nothing beside it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

import pytest

from helpers.drafts import EMAIL, FAILED, PENDING, SENT, WEBSOCKET, draft, ids_of, user
from helpers.store import LEASE, StoreBench, reason_of, received, result
from tocsin_server.domain.attempt_log import REFUSED
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import DatabaseRefusal, TocsinError
from tocsin_server.domain.model import LATEST, Accepted, NotificationDraft

LONE_SURROGATE = "\ud800"
"""Nothing that UTF-8 can write."""

DRAFTS: dict[str, dict[str, Any]] = {
    "a title that is too long": {"title": "x" * 256},
    "no title": {"title": ""},
    "a text that is no Unicode": {"message": LONE_SURROGATE},
    "a number that is none": {"metadata": {"n": math.nan}},
    "a time after the year 9999": {"send_at": LATEST + 1},
    "a time before the first": {"expires_at": -1},
}
"""What callers cannot send."""

RESULTS: dict[str, dict[str, Any]] = {
    "a text that is no Unicode": {"response": {"detail": LONE_SURROGATE}},
    "a number that is none": {"response": {"data": math.inf}},
    "a time that nobody can read": {"status": PENDING, "due_at": 1_767_268_800_000 * 1_000_000},
    "a count that cannot be": {"attempts": -1},
    "an address that is no Unicode": {"address": LONE_SURROGATE},
}
"""What no lane should come to."""


async def outcome(call: Coroutine[Any, Any, Any]) -> Any:
    """Return what a call gives, or the error that it raises."""
    try:
        return await call
    except TocsinError as error:
        return error


@pytest.mark.parametrize("fault", DRAFTS)
async def test_a_refused_draft_fails_alone_wherever_it_stands_in_its_call_and_beside_others(
    bench: StoreBench, fault: str
) -> None:
    recipient = user()
    bad = draft(recipient=recipient, key="bad", **DRAFTS[fault])

    def good() -> NotificationDraft:
        return draft(recipient=recipient)

    calls = [[good()], [good(), bad, good()], [bad], [bad, good()], [good()]]
    answers = await asyncio.gather(*(bench.store.accept(call) for call in calls))
    stored = []
    for call, given in zip(calls, answers, strict=True):
        for wanted, answer in zip(call, given, strict=True):
            if wanted is bad:
                assert isinstance(answer, DatabaseRefusal)
            else:
                assert isinstance(answer, Accepted)
                stored.append(answer.notification)
    assert sorted(bench.find()) == sorted(ids_of(stored))
    assert sorted(notification.sequence or 0 for notification in stored) == [1, 2, 3, 4, 5]
    assert bench.state(recipient).unread_count == 5
    [accepted] = bench.answers(draft(recipient=recipient, key="bad"))
    assert isinstance(accepted, Accepted), "the key of what was refused is free"
    assert not accepted.duplicate


def test_places_of_refused_drafts_are_given_back(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 3
    answers = bench.answers(draft(EMAIL), draft(EMAIL, title=""), draft(EMAIL))
    assert [type(answer) for answer in answers] == [Accepted, DatabaseRefusal, Accepted]
    assert bench.listener.places[EMAIL] == 1
    assert len(bench.listener.claims) == 2


@pytest.mark.parametrize("fault", RESULTS)
async def test_a_refused_result_fails_alone_and_its_row_stays_as_it_was(bench: StoreBench, fault: str) -> None:
    stored = bench.accept(*(draft(EMAIL) for _ in range(5)))
    rows = bench.claim(EMAIL)
    good = [result(row, SENT) for row in rows]
    bad = good[2]._replace(**RESULTS[fault])
    written = await asyncio.gather(
        bench.store.record([good[0], good[1], bad, good[3]]), bench.store.record([good[4]]), bench.store.record([bad])
    )
    assert [list(answers) for answers in written[:2]] == [[True, True, written[0][2], True], [True]]
    assert isinstance(written[0][2], DatabaseRefusal)
    assert isinstance(written[2][0], DatabaseRefusal)
    states = {row.notification_id: bench.channel(kept, EMAIL) for row, kept in zip(rows, stored, strict=True)}
    refused = states.pop(bad.notification_id)
    assert (refused.status, refused.attempts, refused.response, refused.address) == (
        PENDING,
        0,
        None,
        "ann@example.org",
    )
    assert {row.status for row in states.values()} == {SENT}
    assert await bench.store.record([good[2]]) == [True], "a result that it takes is written under the same lease"


def test_a_feed_that_the_database_refuses_to_settle_holds_up_no_other(bench: StoreBench) -> None:
    stored = bench.accept(*(draft() for _ in range(4)))
    bad = stored[1]
    bench.backend.refuse("notification_channels", "status", bad.channels[0].id)
    positions = {kept.recipient: bench.state(kept.recipient).head for kept in stored}
    assert bench.run(bench.store.settle_feeds(positions, received())) == 3
    assert [bench.channel(kept, WEBSOCKET).status for kept in stored] == [SENT, PENDING, SENT, SENT]
    assert bench.run(bench.store.settle_feeds(positions, received())) == 0


def test_a_response_that_the_database_refuses_settles_nothing(bench: StoreBench) -> None:
    stored = bench.accept_one(draft())
    position = bench.state(stored.recipient).head
    assert bench.run(bench.store.settle_feeds({stored.recipient: position}, {"detail": LONE_SURROGATE})) == 0
    assert bench.settle(stored.recipient, position) == 1


async def test_whoever_marks_what_the_database_refuses_fails_alone(bench: StoreBench) -> None:
    stored = bench.accept(*(draft() for _ in range(4)))
    bench.backend.refuse("notifications", "is_read", stored[1].id)
    answers = await asyncio.gather(*(outcome(bench.store.mark_read([kept.id])) for kept in stored))
    assert [type(answer).__name__ for answer in answers] == ["Marked", "DatabaseRefusal", "Marked", "Marked"]
    feeds = await asyncio.gather(*(outcome(bench.store.mark_feed_read(kept.recipient, None)) for kept in stored))
    assert [type(answer).__name__ for answer in feeds] == ["Marked", "DatabaseRefusal", "Marked", "Marked"]
    assert [bench.state(kept.recipient).unread_count for kept in stored] == [0, 1, 0, 0]


async def test_whoever_cancels_or_retries_what_the_database_refuses_fails_alone(bench: StoreBench) -> None:
    stored = bench.accept(*(draft(EMAIL) for _ in range(4)))
    bench.backend.refuse("notification_channels", "status", stored[1].channels[0].id)
    cancelled = await asyncio.gather(*(outcome(bench.store.cancel(kept.id)) for kept in stored))
    assert [type(answer).__name__ for answer in cancelled] == [
        "Notification", "DatabaseRefusal", "Notification", "Notification",
    ]  # fmt: skip
    bench.backend.refuse("notification_channels", "attempt_limit", stored[2].channels[0].id)
    retried = await asyncio.gather(*(outcome(bench.store.retry(kept.id, [], {})) for kept in stored))
    assert [type(answer).__name__ for answer in retried] == [
        "Notification", "NotRetryable", "DatabaseRefusal", "Notification",
    ]  # fmt: skip
    assert [bench.channel(kept, EMAIL).status for kept in stored] == [PENDING, PENDING, FAILED, PENDING]


async def test_leases_are_renewed_and_given_back_beside_one_that_the_database_refuses(bench: StoreBench) -> None:
    bench.accept(*(draft(EMAIL) for _ in range(4)))
    rows = bench.claim(EMAIL)
    bench.backend.refuse("notification_channels", "due_at", rows[1].id)
    kept = await bench.store.renew(rows, micros(LEASE))
    assert kept == {row.id for row in rows if row is not rows[1]}
    with pytest.raises(DatabaseRefusal):
        await bench.store.release(rows)
    assert {row.id for row in bench.claim(EMAIL)} == kept


def test_what_the_database_does_not_let_enter_its_feed_fails_and_the_rest_enters(bench: StoreBench) -> None:
    soon = bench.clock() + micros(5)
    stored = bench.accept(*(draft(send_at=soon + number) for number in range(4)))
    bench.backend.refuse("notifications", "entered_sequence", stored[1].id)
    bench.clock.advance(6)
    assert bench.run(bench.store.enter_due(10)) == 4
    assert [bench.get(kept).sequence for kept in stored] == [1, None, 1, 1]
    row = bench.channel(stored[1], WEBSOCKET)
    assert (row.status, reason_of(row.response)) == (FAILED, REFUSED)
    assert bench.get(stored[1]).status == FAILED
    assert bench.run(bench.store.enter_due(10)) == 0


def test_what_cannot_even_fail_holds_up_nothing_that_is_to_enter(bench: StoreBench) -> None:
    soon = bench.clock() + micros(5)
    stored = bench.accept(*(draft(send_at=soon + number) for number in range(4)))
    bench.backend.refuse("notifications", "entered_sequence", stored[0].id)
    bench.backend.refuse("notification_channels", "status", stored[0].channels[0].id)
    bench.clock.advance(6)
    assert bench.run(bench.store.enter_due(10)) == 3
    assert [bench.get(kept).sequence for kept in stored] == [None, 1, 1, 1]
    assert bench.run(bench.store.enter_due(10)) == 0


def test_a_refusal_is_logged_without_a_word_of_what_was_refused(
    bench: StoreBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.answers(draft(title="", message="login code 4711"), draft(message="fine"))
    [line] = [record for record in caplog.records if getattr(record, "event", None) == "write_refused"]
    assert "4711" not in caplog.text + str(vars(line))
    assert "title" in vars(line)["cause"]
