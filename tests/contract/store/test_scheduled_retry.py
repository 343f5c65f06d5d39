"""What is scheduled keeps its time when it is cancelled and revived."""

from __future__ import annotations

from helpers.drafts import EMAIL, PENDING, WEBSOCKET, draft
from helpers.store import LEASE, StoreBench
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros, Notification

DAY = 86_400.0


def cancelled_and_revived(bench: StoreBench, send_at: Micros) -> Notification:
    stored = bench.accept_one(draft(EMAIL, WEBSOCKET, send_at=send_at))
    bench.run(bench.store.cancel(stored.id))
    return bench.run(bench.store.retry(stored.id, [], {}))


def test_what_is_revived_before_its_time_goes_out_at_its_time(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(4 * DAY)
    revived = cancelled_and_revived(bench, send_at)
    assert [(row.status, row.next_attempt_at) for row in revived.channels] == [(PENDING, send_at)] * 2
    assert bench.claim(EMAIL) == []
    assert bench.state(revived.recipient).unread_count == 0  # nor is it in the feed before
    bench.clock.advance(4 * DAY + 1)
    assert bench.claim_one(EMAIL).notification_id == revived.id


def test_what_is_revived_before_its_time_is_not_taken_for_put_off_by_a_clock_that_was_set(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(4 * DAY)
    revived = cancelled_and_revived(bench, send_at)
    assert bench.run(bench.store.hasten(EMAIL, bench.clock(), micros(5 * DAY), 100)) is None
    assert bench.channel(revived, EMAIL).next_attempt_at == send_at


def test_what_is_revived_after_its_time_goes_out_at_once(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(DAY)
    stored = bench.accept_one(draft(EMAIL, WEBSOCKET, send_at=send_at))
    bench.run(bench.store.cancel(stored.id))
    bench.clock.advance(DAY + LEASE)
    revived = bench.run(bench.store.retry(stored.id, [], {}))
    assert bench.claim_one(EMAIL).notification_id == revived.id
    assert bench.state(revived.recipient).unread_count == 1
