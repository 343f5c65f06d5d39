"""Several event loops, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from helpers.drafts import (
    EMAIL,
    NOON,
    SENT,
    SMS,
    claim,
    draft,
    ids_of,
    notification,
    user,
)
from helpers.store import (
    LEASE,
    StoreBench,
    in_loops,
    received,
    result,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    ShuttingDown,
)
from tocsin_server.domain.model import (
    NO_FEED,
    Accepted,
    Contact,
    DecidedBy,
    Decision,
    LimitUse,
    NotificationDraft,
    NotificationFilter,
)
from tocsin_server.domain.operating import Pause, Person
from tocsin_server.domain.ports import Store
from tocsin_server.domain.undecided import Ruling, UndecidedFilter, UndecidedItem, UndecidedLease

UNKNOWN_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"


def test_answers_reach_the_loop_that_asked(bench: StoreBench) -> None:
    async def send(title: str) -> list[str]:
        answers = await asyncio.gather(*(bench.store.accept([draft(EMAIL, title=title)]) for _ in range(40)))
        stored = [answer.notification for [answer] in answers if isinstance(answer, Accepted)]
        read = await asyncio.gather(*(bench.store.get(notification.id) for notification in stored))
        assert read == stored
        return [notification.title for notification in read]

    titles = ["one", "two", "three"]
    assert in_loops(send, titles) == [[title] * 40 for title in titles]
    assert len(bench.find()) == 120


async def test_closing_writes_what_was_handed_over_before(bench: StoreBench) -> None:
    calls = [asyncio.create_task(bench.store.accept([draft(), draft()])) for _ in range(20)]
    await asyncio.sleep(0)  # each is on its way to the writer
    await bench.store.close()
    answers = [answer for call in await asyncio.gather(*calls) for answer in call]
    stored = [answer.notification for answer in answers if isinstance(answer, Accepted)]
    assert len(stored) == 40
    bench.reopen()
    assert sorted(bench.find()) == sorted(ids_of(stored))


CALLS: Mapping[str, Callable[[Store], Coroutine[Any, Any, object]]] = {
    "accept": lambda store: store.accept([draft()]),
    "get": lambda store: store.get(UNKNOWN_ID),
    "find": lambda store: store.find(NotificationFilter(), None, 10),
    "mark_read": lambda store: store.mark_read([UNKNOWN_ID]),
    "mark_feed_read": lambda store: store.mark_feed_read(user(), None),
    "feed_state": lambda store: store.feed_state(user()),
    "feed_after": lambda store: store.feed_after(user(), NO_FEED, 10),
    "feed_waiting": lambda store: store.feed_waiting(user(), 0, 10),
    "settle_feeds": lambda store: store.settle_feeds({user(): NO_FEED}, received()),
    "enter_due": lambda store: store.enter_due(10),
    "next_due": lambda store: store.next_due(EMAIL),
    "claim": lambda store: store.claim(EMAIL, 10, micros(LEASE)),
    "hasten": lambda store: store.hasten(EMAIL, 0, 1, 10),
    "renew": lambda store: store.renew([claim()], micros(LEASE)),
    "release": lambda store: store.release([claim()]),
    "record": lambda store: store.record([result(claim(), SENT)]),
    "cancel": lambda store: store.cancel(UNKNOWN_ID),
    "retry": lambda store: store.retry(UNKNOWN_ID, (), {}),
    "is_read": lambda store: store.is_read(UNKNOWN_ID),
    "next_step_due": lambda store: store.next_step_due(),
    "start_due_steps": lambda store: store.start_due_steps(10),
    "limits_used": lambda store: store.limits_used([LimitUse("p", "", SMS, 1, 0, 1)]),
    "drop_ended_counts": lambda store: store.drop_ended_counts(10),
    "lease_undecided": lambda store: store.lease_undecided(UndecidedLease(UndecidedFilter(), 10, micros(LEASE), "")),
    "give_back_undecided": lambda store: store.give_back_undecided([UndecidedItem(notification(), {}, 0, UNKNOWN_ID)]),
    "waiting_undecided": lambda store: store.waiting_undecided(10),
    "undecided": lambda store: store.undecided(UNKNOWN_ID),
    "decide": lambda store: store.decide(Ruling(UNKNOWN_ID, Decision(DecidedBy.RULE, "built-in", ()))),
    "is_made": lambda store: store.is_made(Ruling(UNKNOWN_ID, Decision(DecidedBy.RULE, "built-in", ()))),
    "activity": lambda store: store.activity(user()),
    "explain": lambda store: store.explain(UNKNOWN_ID),
    "next_deadline": lambda store: store.next_deadline(),
    "overdue": lambda store: store.overdue(10),
    "fail_expired": lambda store: store.fail_expired([UNKNOWN_ID]),
    "contact": lambda store: store.contact(user()),
    "contacts": lambda store: store.contacts([user()]),
    "find_contacts": lambda store: store.find_contacts(None, None, 10),
    "put_contact": lambda store: store.put_contact(Contact(user(), None, {})),
    "delete_contact": lambda store: store.delete_contact(user()),
    "probe": lambda store: store.probe(writing=True),
    "purge": lambda store: store.purge(NOON, None, 10),
    "queue_counts": lambda store: store.queue_counts(EMAIL),
    "undecided_counts": lambda store: store.undecided_counts(),
    "orders": lambda store: store.orders(),
    "take_turn": lambda store: store.take_turn("telegram://1", 1, 1),
    "pause": lambda store: store.pause(Pause(SMS, 0)),
    "resume": lambda store: store.resume(SMS),
    "note_breakers": lambda store: store.note_breakers(UNKNOWN_ID, [], 0),
    "queue_notes": lambda store: store.queue_notes(),
    "person_page": lambda store: store.person_page(Person(user()), None, 10),
    "person_rows": lambda store: store.person_rows(Person(user())),
    "notification_rows": lambda store: store.notification_rows([UNKNOWN_ID]),
    "erase_notifications": lambda store: store.erase_notifications(UNKNOWN_ID, "", [UNKNOWN_ID]),
    "erase_remains": lambda store: store.erase_remains(UNKNOWN_ID, "", Person(user())),
}
"""Every method but `run` and `close`, with arguments that are right; `away` and `shared` are no calls."""


def test_every_method_of_the_protocol_is_tried_after_the_end() -> None:
    methods = {name for name in dir(Store) if not name.startswith("_")}
    assert set(CALLS) | {"run", "close", "away", "shared"} == methods


@pytest.mark.parametrize("method", CALLS)
def test_after_close_every_call_is_told_that_the_server_stops(bench: StoreBench, method: str) -> None:
    bench.run(bench.store.close())
    with pytest.raises(ShuttingDown):
        bench.run(CALLS[method](bench.store))


def test_closing_twice_does_nothing(bench: StoreBench) -> None:
    bench.accept(draft())
    bench.run(bench.store.close())
    bench.run(bench.store.close())
    bench.reopen()
    assert len(bench.find()) == 1


async def test_a_caller_that_gives_up_does_not_undo_what_it_handed_over(bench: StoreBench) -> None:
    given_up = asyncio.create_task(bench.store.accept([draft(EMAIL)]))
    await asyncio.sleep(0)  # on its way to the writer
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await bench.store.accept([draft(EMAIL)])  # by when the first is written too
    assert len(bench.claim(EMAIL)) == 2


def test_a_draft_is_taken_as_it_is_and_left_as_it_was(bench: StoreBench) -> None:
    wanted: NotificationDraft = draft(EMAIL, metadata={"order_id": "ABC123"}, key="order-1")
    copy = draft(EMAIL, recipient=wanted.recipient, metadata={"order_id": "ABC123"}, key="order-1")
    bench.accept(wanted)
    assert wanted == copy
