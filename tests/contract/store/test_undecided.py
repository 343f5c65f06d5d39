"""What waits for a decision: how it is stored, given to deciders, decided once, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from helpers.drafts import EMAIL, FAILED, GUEST, PENDING, SENT, SMS, WEBSOCKET, draft, undecided, user
from helpers.store import StoreBench, in_loops
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    AlreadyRouted,
    AlreadySettled,
    Expired,
    LeaseExpired,
    LeaseHeld,
    NotificationNotFound,
    NotRetryable,
    PolicyLimit,
    TocsinError,
)
from tocsin_server.domain.model import (
    ChannelDraft,
    DecidedBy,
    Decision,
    Denial,
    Entered,
    LimitUse,
    Micros,
    Notification,
    NotificationFilter,
    RecipientType,
    Strategy,
    StrategyKind,
)
from tocsin_server.domain.undecided import (
    RecipientActivity,
    Ruling,
    UndecidedFilter,
    UndecidedItem,
    UndecidedKind,
    UndecidedLease,
    Waiting,
)
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.operations.decisions import KEPT_HOLDS

MINUTE = micros(60.0)


def defer(bench: StoreBench, *, minutes: int = 10, **fields: Any) -> Notification:
    """Store one that rules decide in some minutes."""
    return bench.accept_one(undecided(route_by=bench.clock() + minutes * MINUTE, **fields))


def waiting_rows(bench: StoreBench) -> list[str]:
    return [row_id for [row_id] in bench.backend.database.rows("SELECT notification_id FROM undecided")]


# -- accepting and ending ------------------------------------------------------------------------


def test_one_that_is_deferred_is_pending_in_no_feed_and_listed_as_unrouted(bench: StoreBench) -> None:
    stored = defer(bench, addresses={SMS: "+15550100"})
    bench.accept_one(draft(EMAIL))
    found = bench.get(stored)
    assert found == stored
    assert (found.status, found.channels, found.sequence) == (PENDING, [], None)
    assert found.route_by is not None
    assert bench.find(NotificationFilter(unrouted_only=True)) == [stored.id]
    assert bench.listener.deadlines == [found.route_by]
    assert not bench.listener.events


def test_a_cancelled_one_fails_and_nobody_can_decide_it_any_more(bench: StoreBench) -> None:
    stored = defer(bench)
    cancelled = bench.run(bench.store.cancel(stored.id))
    assert (cancelled.status, cancelled.route_by, cancelled.channels) == (FAILED, None, [])
    assert waiting_rows(bench) == []
    with pytest.raises(AlreadySettled):
        bench.run(bench.store.cancel(stored.id))


# -- leases --------------------------------------------------------------------------------------


def lease(
    bench: StoreBench, limit: int = 10, *, seconds: float = 60.0, holder: str = "router", **wanted: Any
) -> list[UndecidedItem]:
    """Take what is undecided."""
    ask = UndecidedLease(UndecidedFilter(**wanted), limit, micros(seconds), holder)
    return bench.run(bench.store.lease_undecided(ask))


def taken(items: Sequence[UndecidedItem]) -> list[str]:
    return [item.notification.id for item in items]


def test_what_is_undecided_is_given_out_oldest_first_each_under_a_token_of_its_own(bench: StoreBench) -> None:
    first, second, third = (defer(bench, addresses={SMS: "+15550100"}) for _ in range(3))
    items = lease(bench, 2)
    assert taken(items) == [first.id, second.id]
    assert len({item.lease_token for item in items}) == 2
    assert {item.holder for item in items} == {"router"}
    assert items[0].addresses == {SMS: "+15550100"}
    assert taken(lease(bench)) == [third.id]
    assert lease(bench) == []


def test_only_the_kinds_that_were_asked_for_are_given_out(bench: StoreBench) -> None:
    shipped = defer(bench, category="order.shipped", recipient=GUEST)
    order = defer(bench, category="order")
    paid = defer(bench, category="order.paid")
    assert taken(lease(bench, category="order.*", recipient_types=[RecipientType.USER])) == [paid.id]
    assert taken(lease(bench, category="order")) == [order.id]
    assert taken(lease(bench, category="order.*")) == [shipped.id]


def test_it_comes_back_when_its_lease_ends_which_is_not_after_its_deadline(bench: StoreBench) -> None:
    stored = defer(bench, minutes=2)
    [item] = lease(bench, seconds=60)
    bench.clock.advance(61)
    [again] = lease(bench, seconds=600)
    assert again.notification.id == stored.id
    assert again.lease_token != item.lease_token
    assert again.available_at == stored.route_by
    bench.clock.advance(60)
    assert lease(bench) == []


def test_what_has_expired_is_given_to_nobody(bench: StoreBench) -> None:
    now = bench.clock()
    bench.accept_one(undecided(route_by=now + MINUTE, expires_at=now + MINUTE))
    bench.clock.advance(61)
    assert lease(bench) == []


def test_two_that_lease_at_once_share_the_work(bench: StoreBench) -> None:
    stored = {defer(bench).id for _ in range(40)}
    asks = [UndecidedLease(UndecidedFilter(), 7, MINUTE, f"router-{number}") for number in range(8)]
    shares = [taken(items) for items in in_loops(bench.store.lease_undecided, asks)]
    given = [notification_id for share in shares for notification_id in share]
    assert len(given) == len(set(given))
    assert set(given) <= stored
    assert {*given, *taken(lease(bench, 100))} == stored


def test_what_is_given_back_is_free_at_once_unless_somebody_else_has_it_by_now(bench: StoreBench) -> None:
    defer(bench)
    [item] = lease(bench, seconds=1)
    bench.clock.advance(2)
    [successor] = lease(bench)
    bench.run(bench.store.give_back_undecided([item]))
    assert lease(bench) == []
    bench.run(bench.store.give_back_undecided([successor]))
    assert len(lease(bench)) == 1


def test_a_lease_is_about_a_megabyte_at_most_and_one_in_any_case(bench: StoreBench) -> None:
    for _ in range(20):
        defer(bench, message="m" * 65_000, metadata={"n": ["x"] * 1_000})
    items = lease(bench, 100)
    assert 1 < len(items) < 20


def test_it_is_told_what_could_be_taken_now_and_when_there_is_more(bench: StoreBench) -> None:
    assert bench.run(bench.store.waiting_undecided(10)) == Waiting([], None)
    defer(bench, category="order.paid")
    waiting = bench.run(bench.store.waiting_undecided(10))
    assert waiting == Waiting([UndecidedKind("order.paid", RecipientType.USER)], None)
    [item] = lease(bench)
    assert bench.run(bench.store.waiting_undecided(10)) == Waiting([], item.available_at)


# -- decisions -----------------------------------------------------------------------------------

MAIL = ChannelDraft(EMAIL, "ann@example.org")
FEED = ChannelDraft(WEBSOCKET, None)


def ruling(notification: Notification, *channels: ChannelDraft, digest: str | None = "1:a", **fields: Any) -> Ruling:
    """Return a decision of the caller ``router``."""
    reason = fields.pop("reason", "" if channels else "SUPPRESSED")
    decision = Decision(DecidedBy.DECIDER, "router", channels, reason=reason, decider="smart 1.0")
    return Ruling(notification.id, decision, **({"caller": "router", "digest": digest} | fields))


def by_rules(notification: Notification, *channels: ChannelDraft) -> Ruling:
    return Ruling(notification.id, Decision(DecidedBy.DEADLINE, "built-in", channels))


def held(notification: Notification, until: Micros, **fields: Any) -> Ruling:
    return ruling(notification, hold_until=until, reason="HELD", **fields)


def decide(bench: StoreBench, what: Ruling) -> Notification:
    return bench.run(bench.store.decide(what))


def refusal(bench: StoreBench, what: Ruling) -> type[BaseException]:
    """Return how a decision is refused."""
    with pytest.raises(TocsinError) as caught:
        decide(bench, what)
    return type(caught.value)


def reasons(bench: StoreBench, notification: Notification) -> list[tuple[DecidedBy, str]]:
    return [(one.by, one.reason) for one in bench.run(bench.store.explain(notification.id)).decisions]


def test_a_decision_makes_channels_enters_the_feed_and_is_kept(bench: StoreBench) -> None:
    stored = defer(bench)
    [item] = lease(bench)
    decided = decide(bench, ruling(stored, FEED, MAIL, lease_token=item.lease_token, reason="she reads mail"))
    assert decided == bench.get(stored)
    assert (decided.status, decided.route_by, decided.sequence) == (PENDING, None, 1)
    assert [(row.channel, row.address) for row in decided.channels] == [(WEBSOCKET, None), (EMAIL, MAIL.address)]
    assert bench.state(stored.recipient).unread_count == 1
    [event] = bench.listener.events
    assert isinstance(event, Entered)
    assert (event.notification, event.unread_count) == (decided, 1)
    assert waiting_rows(bench) == []
    explained = bench.run(bench.store.explain(stored.id))
    [decision] = explained.decisions
    assert explained.callers == {"router"}
    assert (decision.by, decision.name, list(decision.channels)) == (DecidedBy.DECIDER, "router", [FEED, MAIL])
    assert (decision.reason, decision.decider) == ("she reads mail", "smart 1.0")
    assert bench.claim_one(EMAIL).address == MAIL.address


def test_what_goes_out_at_once_is_handed_to_the_lanes_of_this_process(bench: StoreBench) -> None:
    stored = defer(bench)
    bench.listener.places[EMAIL] = 1
    decide(bench, ruling(stored, MAIL))
    [row] = bench.listener.claims
    assert (row.notification_id, row.address, row.title) == (stored.id, MAIL.address, stored.title)
    assert bench.claim(EMAIL) == []
    assert bench.record(row, SENT)
    assert bench.get(stored).status == SENT


def test_what_is_scheduled_enters_its_feed_and_is_sent_at_its_time(bench: StoreBench) -> None:
    send_at = bench.clock() + 20 * MINUTE
    stored = defer(bench, send_at=send_at)
    decided = decide(bench, ruling(stored, FEED, MAIL))
    assert [row.next_attempt_at for row in decided.channels] == [send_at, send_at]
    assert decided.sequence is None
    assert bench.claim(EMAIL) == []
    bench.clock.advance(20 * 60)
    assert bench.run(bench.store.enter_due(10)) == 1
    assert len(bench.claim(EMAIL)) == 1


def test_repeating_a_decision_answers_with_what_became_of_it_and_another_is_refused(bench: StoreBench) -> None:
    stored = defer(bench)
    first = decide(bench, ruling(stored, MAIL))
    assert decide(bench, ruling(stored, MAIL)) == first
    assert decide(bench, ruling(stored, MAIL, lease_token="of old")) == first
    assert refusal(bench, ruling(stored, FEED, digest="1:b")) is AlreadyRouted
    assert refusal(bench, ruling(stored, MAIL, caller="other")) is AlreadyRouted
    assert refusal(bench, by_rules(stored, FEED)) is AlreadyRouted
    assert bench.get(stored) == first
    assert len(reasons(bench, stored)) == 1


def test_whoever_sends_nothing_fails_it_and_says_so(bench: StoreBench) -> None:
    stored = defer(bench)
    assert decide(bench, ruling(stored)).status == FAILED
    assert decide(bench, ruling(stored)).status == FAILED
    assert reasons(bench, stored) == [(DecidedBy.DECIDER, "SUPPRESSED")]
    with pytest.raises(NotRetryable):
        bench.run(bench.store.retry(stored.id, (), {}))


def test_what_is_held_is_given_to_nobody_until_then(bench: StoreBench) -> None:
    stored = defer(bench)
    [item] = lease(bench)
    until = bench.clock() + 5 * MINUTE
    for _ in range(2):
        kept = decide(bench, held(stored, until, lease_token=item.lease_token))
        assert (kept.status, kept.route_by) == (PENDING, stored.route_by)
    assert reasons(bench, stored) == [(DecidedBy.DECIDER, "HELD")]
    assert lease(bench) == []
    assert bench.run(bench.store.waiting_undecided(1)).next_at == until
    bench.clock.advance(5 * 60)
    [again] = lease(bench)
    assert refusal(bench, held(stored, until + MINUTE, lease_token=item.lease_token)) is LeaseHeld
    decide(bench, ruling(stored, MAIL, lease_token=again.lease_token))
    assert reasons(bench, stored) == [(DecidedBy.DECIDER, "HELD"), (DecidedBy.DECIDER, "")]


def test_of_what_is_held_again_and_again_the_latest_holds_are_kept_and_so_is_what_is_decided(bench: StoreBench) -> None:
    stored, other = defer(bench), defer(bench)
    decide(bench, held(other, bench.clock() + MINUTE))
    for turn in range(60):
        decide(bench, held(stored, bench.clock() + MINUTE, digest=f"1:{turn}"))
    decide(bench, ruling(stored, MAIL, caller="late"))
    assert reasons(bench, stored) == [(DecidedBy.DECIDER, "HELD")] * KEPT_HOLDS + [(DecidedBy.DECIDER, "")]
    assert "late" in bench.run(bench.store.explain(stored.id)).callers
    assert len(reasons(bench, other)) == 1


def test_what_was_read_before_it_was_decided_does_not_wait_in_its_feed_to_be_read(bench: StoreBench) -> None:
    stored = defer(bench)
    bench.run(bench.store.mark_read([stored.id]))
    steps = Strategy(StrategyKind.FALLBACK, 30_000_000)
    assert decide(bench, ruling(stored, FEED, MAIL, strategy=steps)).status == PENDING
    bench.clock.advance(31)
    assert bench.run(bench.store.enter_due(10)) == 1
    bench.run(bench.store.start_due_steps(10))
    assert bench.get(stored).status == FAILED


def test_a_lease_binds_all_others_while_it_stands_and_nobody_when_it_has_ended(bench: StoreBench) -> None:
    stored = defer(bench)
    [item] = lease(bench, seconds=30)
    assert refusal(bench, ruling(stored, MAIL)) is LeaseHeld
    assert refusal(bench, ruling(stored, MAIL, lease_token=new_id())) is LeaseHeld
    bench.clock.advance(31)
    assert refusal(bench, ruling(stored, MAIL, lease_token=item.lease_token)) is LeaseExpired
    [successor] = lease(bench)
    assert refusal(bench, ruling(stored, MAIL, lease_token=item.lease_token)) is LeaseHeld
    assert decide(bench, ruling(stored, MAIL, lease_token=successor.lease_token)).channels


def test_what_was_cancelled_has_expired_or_does_not_exist_cannot_be_decided(bench: StoreBench) -> None:
    now = bench.clock()
    cancelled, named = defer(bench), bench.accept_one(draft(EMAIL))
    expiring = bench.accept_one(undecided(route_by=now + MINUTE, expires_at=now + MINUTE))
    bench.run(bench.store.cancel(cancelled.id))
    assert refusal(bench, ruling(cancelled, MAIL)) is AlreadySettled
    assert refusal(bench, ruling(named, MAIL)) is AlreadyRouted
    assert refusal(bench, ruling(named, MAIL)._replace(notification_id=new_id())) is NotificationNotFound
    bench.clock.advance(61)
    assert refusal(bench, ruling(expiring, MAIL)) is Expired
    assert bench.run(bench.store.fail_expired([expiring.id, cancelled.id])) == 1
    assert bench.get(expiring).status == FAILED
    assert refusal(bench, ruling(expiring, MAIL)) is Expired


def counted(bench: StoreBench) -> int:
    return sum(count for [count] in bench.backend.database.rows("SELECT count FROM policy_counts"))


def test_a_decision_counts_towards_limits_once_and_one_that_is_refused_does_not(bench: StoreBench) -> None:
    now = bench.clock()
    one_mail = [LimitUse("one mail", "", EMAIL, 1, now, now + MINUTE)]
    first, second, third = (defer(bench) for _ in range(3))
    for _ in range(2):
        decide(bench, ruling(first, MAIL, limits=one_mail))
    assert counted(bench) == 1
    assert refusal(bench, ruling(second, MAIL, limits=one_mail)) is PolicyLimit
    assert refusal(bench, ruling(first, FEED, MAIL, limits=one_mail, digest="1:b")) is AlreadyRouted
    assert bench.get(second) == second
    narrowed = decide(bench, ruling(second, FEED, MAIL, limits=one_mail))
    assert [row.channel for row in narrowed.channels] == [WEBSOCKET]
    [decision] = bench.run(bench.store.explain(second.id)).decisions
    assert [denial.policy for denial in decision.denied] == ["one mail"]
    late = by_rules(third, MAIL)._replace(limits=one_mail)
    assert decide(bench, late).status == FAILED
    assert reasons(bench, third) == [(DecidedBy.DEADLINE, "NO_ROUTE")]
    assert counted(bench) == 1


def test_a_decision_can_be_a_fallback_whose_first_step_begins(bench: StoreBench) -> None:
    stored = defer(bench)
    strategy = Strategy(StrategyKind.FALLBACK, MINUTE)
    decided = decide(bench, ruling(stored, FEED, MAIL, strategy=strategy))
    assert [row.channel for row in decided.channels] == [WEBSOCKET]
    assert decided.sequence == 1
    [event] = bench.listener.events
    assert isinstance(event, Entered)
    assert event.notification == decided
    [decision] = bench.run(bench.store.explain(stored.id)).decisions
    assert [draft.channel for draft in decision.channels] == [WEBSOCKET, EMAIL]


# -- the deadline, and races ---------------------------------------------------------------------


def test_what_nobody_decided_in_time_is_told_and_rules_decide_it_whoever_holds_it(bench: StoreBench) -> None:
    assert bench.run(bench.store.next_deadline()) is None
    late, soon = defer(bench, minutes=20), defer(bench, minutes=10, addresses={EMAIL: "ann@example.org"})
    assert bench.run(bench.store.next_deadline()) == soon.route_by
    lease(bench, seconds=600)
    assert bench.run(bench.store.overdue(10)) == []
    bench.clock.advance(10 * 60)
    [item] = bench.run(bench.store.overdue(10))
    assert (item.notification.id, item.addresses) == (soon.id, {EMAIL: "ann@example.org"})
    assert decide(bench, by_rules(soon, MAIL)).channels
    assert refusal(bench, by_rules(soon, MAIL)) is AlreadyRouted
    assert bench.run(bench.store.next_deadline()) == late.route_by


def test_of_many_decisions_at_once_one_is_carried_out(bench: StoreBench) -> None:
    for _ in range(5):
        stored = defer(bench)
        calls = [ruling(stored, FEED, digest=f"1:{number}", caller=f"router-{number}") for number in range(6)]
        calls += [by_rules(stored, FEED, MAIL), held(stored, bench.clock() + MINUTE, digest="1:h")]

        async def attempt(what: Ruling) -> bool:
            try:
                await bench.store.decide(what)
            except AlreadyRouted:
                return False
            return what.hold_until is None

        won = in_loops(attempt, calls)
        assert sum(won) == 1
        assert bench.state(stored.recipient).unread_count == 1
        assert len([reason for _, reason in reasons(bench, stored) if reason != "HELD"]) == 1


def test_a_decision_or_cancelling_comes_first_and_nothing_is_half_done(bench: StoreBench) -> None:
    for _ in range(6):
        stored = defer(bench)

        async def act(routes: bool, notification_id: str = stored.id, stored: Notification = stored) -> str:
            try:
                if routes:
                    await bench.store.decide(ruling(stored, FEED, MAIL))
                else:
                    await bench.store.cancel(notification_id)
            except TocsinError as refused:
                return type(refused).__name__
            return ""

        routed, cancelled = in_loops(act, [True, False])
        found = bench.get(stored)
        assert cancelled == ""
        assert found.status == FAILED
        assert len(found.channels) == (0 if routed else 2)
        assert routed in ("", "AlreadySettled")
        assert waiting_rows(bench) == []


def test_what_was_sent_lately_and_is_unread_is_told_to_whoever_decides(bench: StoreBench) -> None:
    to = user()
    assert bench.run(bench.store.activity(to)) == RecipientActivity(0, {})
    sent = bench.accept_one(draft(WEBSOCKET, EMAIL, SMS, recipient=to))
    assert bench.record(bench.claim_one(EMAIL), SENT)
    activity = bench.run(bench.store.activity(to))
    assert activity == RecipientActivity(1, {EMAIL: bench.channel(sent, EMAIL).created_at})


def test_what_the_caller_named_needs_no_decision_to_be_told(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL))
    explained = bench.run(bench.store.explain(stored.id))
    assert (explained.notification, list(explained.decisions), explained.callers) == (stored, [], frozenset())
    with pytest.raises(NotificationNotFound):
        bench.run(bench.store.explain(new_id()))


def test_a_decision_at_acceptance_is_kept_with_what_was_denied(bench: StoreBench) -> None:
    decision = Decision(DecidedBy.RULE, "built-in", [MAIL], [Denial(SMS, "nights", "denied")])
    stored = bench.accept_one(draft(EMAIL)._replace(decision=decision))
    [kept] = bench.run(bench.store.explain(stored.id)).decisions
    assert kept == decision._replace(decided_at=stored.created_at)
