"""What is stored of a person is shown and erased, in all tables, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers import invariants
from helpers.drafts import EMAIL, GUEST, PENDING, SENT, SMS, WEBSOCKET, draft, fallback, undecided, user
from helpers.store import StoreBench, received, result
from tocsin_server.domain.clock import micros
from tocsin_server.domain.limiting import recipient_key
from tocsin_server.domain.model import Accepted, Contact, DecidedBy, Decision, LimitUse, Notification, Recipient
from tocsin_server.domain.operating import Erasure, Person
from tocsin_server.domain.undecided import Ruling
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.queries import persons

HOUR = micros(3600)
ANN = "+15550100"


def ids_of(bench: StoreBench, person: Person, limit: int = 100) -> list[str]:
    """Read all pages."""
    ids: list[str] = []
    after: str | None = None
    while True:
        page = bench.run(bench.store.person_page(person, after, limit))
        ids += page.ids
        if (after := page.after) is None:
            return ids


def erase(bench: StoreBench, person: Person) -> Erasure:
    """Erase as the use case does."""
    note = new_id()
    bench.run(bench.store.erase_remains(note, "ops", person))
    bench.run(bench.store.erase_notifications(note, "ops", ids_of(bench, person)))
    return bench.run(bench.store.erase_remains(note, "ops", person))


def everything_of(bench: StoreBench, recipient: Recipient) -> list[Notification]:
    """Store something in each table that may hold something of a recipient."""
    now = bench.clock()
    counted = draft(EMAIL, WEBSOCKET, recipient=recipient, caller="shop", key=new_id())._replace(
        limits=[LimitUse("p", recipient_key(recipient, None), EMAIL, 10, now, now + HOUR)]
    )
    stored = bench.accept(
        counted,
        fallback(WEBSOCKET, SMS, after=3600, recipient=recipient),
        undecided(route_by=now + HOUR, addresses={EMAIL: "ann@example.org"}, recipient=recipient),
        undecided(route_by=now + HOUR, recipient=recipient),
    )
    decision = Decision(DecidedBy.DECIDER, "agent", counted.channels, reason="why")
    bench.run(bench.store.decide(Ruling(stored[3].id, decision, digest="1:x")))
    bench.run(bench.store.put_contact(Contact(recipient, "42", {EMAIL: "ann@example.org"})))
    return stored


OF_PERSONS = (
    "notifications", "notification_channels", "recipient_feeds", "idempotency_keys", "contacts", "undecided",
    "escalations", "decisions", "policy_counts",
)  # fmt: skip


def test_all_tables_lose_what_is_of_a_registered_recipient_and_keep_all_else(bench: StoreBench) -> None:
    other = user()
    everything_of(bench, other)
    before = bench.backend.database.counts()
    assert {table for table, count in before.items() if count} == set(OF_PERSONS)
    ann = user()
    stored = everything_of(bench, ann)
    assert bench.backend.database.counts() == {table: 2 * count for table, count in before.items()}
    note = erase(bench, Person(ann))
    assert (note.by, note.notifications) == ("ops", len(stored))
    assert abs(note.at - bench.clock()) < HOUR
    assert bench.backend.database.counts() == {**before, "erasures": 1}
    assert ids_of(bench, Person(ann)) == []
    assert len(ids_of(bench, Person(other))) == len(stored)
    [[kept]] = bench.backend.database.rows("SELECT unread_count FROM recipient_feeds")
    assert kept == bench.state(other).unread_count


def test_a_feed_begins_anew_so_that_no_cursor_from_before_is_good(bench: StoreBench) -> None:
    ann = user()
    bench.accept(*(draft(recipient=ann) for _ in range(3)))
    before = bench.state(ann)
    erase(bench, Person(ann))
    assert not bench.state(ann).covers(before.head)
    bench.accept(*(draft(recipient=ann) for _ in range(3)))
    after = bench.state(ann)
    assert (after.sequence, after.unread_count) == (3, 3)
    assert not after.covers(before.head)


def test_what_enters_the_feed_while_somebody_is_erased_stays_like_what_is_sent_afterwards(bench: StoreBench) -> None:
    ann = user()
    [old] = bench.accept(draft(recipient=ann))
    cursor = bench.state(ann).head
    note = new_id()
    bench.run(bench.store.erase_notifications(note, "", [old.id]))
    [new] = bench.accept(draft(recipient=ann))
    bench.run(bench.store.erase_remains(note, "", Person(ann)))
    state = bench.state(ann)
    assert (state.sequence, state.unread_count, state.covers(cursor)) == (2, 1, True)
    assert bench.get(new).is_read is False


def test_a_result_of_what_was_erased_while_it_was_being_sent_is_dropped(bench: StoreBench) -> None:
    ann = user()
    bench.accept(draft(EMAIL, recipient=ann))
    row = bench.claim_one(EMAIL)
    erase(bench, Person(ann))
    assert bench.run(bench.store.renew([row], HOUR)) == set()
    assert not bench.record(row, SENT)
    bench.run(bench.store.release([row]))
    assert {table for table, count in bench.backend.database.counts().items() if count} == {"erasures"}


def test_a_key_of_what_was_erased_is_free_again(bench: StoreBench) -> None:
    wanted = draft(caller="shop", key="order-7")
    [stored] = bench.accept(wanted)
    erase(bench, Person(wanted.recipient))
    [answer] = bench.answers(wanted)
    assert isinstance(answer, Accepted)
    assert not answer.duplicate
    assert answer.notification.id != stored.id


def test_who_is_not_registered_is_found_by_an_address_wherever_it_stands(
    bench: StoreBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "WINDOW", 2)
    now = bench.clock()
    by_sms = LimitUse("p", recipient_key(GUEST, ANN), SMS, 10, now, now + HOUR)
    sent, waiting, stepped, decided, *others = bench.accept(
        draft(SMS, recipient=GUEST)._replace(limits=[by_sms]),
        undecided(route_by=now + HOUR, addresses={SMS: ANN}, recipient=GUEST),
        fallback(EMAIL, SMS, recipient=GUEST),
        undecided(route_by=now + HOUR, recipient=GUEST),
        draft(EMAIL, recipient=GUEST),
        undecided(route_by=now + HOUR, addresses={EMAIL: ANN}, recipient=GUEST),
        undecided(route_by=now + HOUR, addresses={SMS: ANN}),
        draft(SMS),
        fallback(SMS, EMAIL, recipient=GUEST)._replace(channels=draft(EMAIL).channels),
    )
    chosen = draft(EMAIL, SMS, recipient=GUEST).channels
    bench.run(bench.store.decide(Ruling(decided.id, Decision(DecidedBy.DECIDER, "agent", chosen), digest="1:x")))
    ann = Person(GUEST, SMS, ANN)
    assert ids_of(bench, ann) == [one.id for one in (sent, waiting, stepped, decided)]
    note = erase(bench, ann)
    assert note.notifications == 4
    assert sorted(bench.find()) == sorted(one.id for one in others)
    assert bench.backend.database.counts()["policy_counts"] == 0


def read(lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        row = json.loads(line)
        assert "\n" not in line
        tables.setdefault(row.pop("table"), []).append(row)
    return tables


def test_every_table_is_shown_with_all_columns_but_tokens(bench: StoreBench) -> None:
    ann = user()
    stored = everything_of(bench, ann)
    bench.claim(EMAIL)
    shown = read(bench.run(bench.store.person_rows(Person(ann))))
    shown |= read(bench.run(bench.store.notification_rows(ids_of(bench, Person(ann)))))
    assert set(shown) == set(OF_PERSONS)
    assert [row["id"] for row in shown["notifications"]] == sorted(one.id for one in stored)
    first = shown["notifications"][0]
    assert (first["title"], first["is_read"], first["recipient_id"]) == ("Order shipped", False, ann.id)
    assert first["created_at"].endswith("Z")
    assert shown["contacts"][0]["addresses"] == {"email": "ann@example.org"}
    assert shown["undecided"][0]["addresses"] == {"email": "ann@example.org"}
    assert not [name for rows in shown.values() for row in rows for name in row if name.endswith("_token")]
    assert {row["status"] for row in shown["notification_channels"]} == {str(PENDING)}


def test_a_page_of_ids_ends_where_it_shall(bench: StoreBench) -> None:
    ann = user()
    stored = bench.accept(*(draft(recipient=ann) for _ in range(5)))
    page = bench.run(bench.store.person_page(Person(ann), None, 2))
    assert (list(page.ids), page.after) == ([stored[0].id, stored[1].id], stored[1].id)
    assert ids_of(bench, Person(ann), limit=2) == [one.id for one in stored]


def test_an_interrupted_erasure_can_be_repeated(bench: StoreBench) -> None:
    ann = user()
    stored = bench.accept(*(draft(recipient=ann) for _ in range(4)))
    first = bench.run(bench.store.erase_notifications(new_id(), "ops", [stored[0].id, stored[1].id]))
    assert first.notifications == 2
    assert bench.state(ann).unread_count == 2
    assert erase(bench, Person(ann)).notifications == 2
    assert bench.backend.database.counts()["erasures"] == 2


def test_erasing_goes_together_with_all_that_happens_to_a_person_meanwhile(bench: StoreBench) -> None:
    ann, other = user(), user()
    store = bench.store

    async def send() -> None:
        for _ in range(25):
            drafts = [
                draft(EMAIL, WEBSOCKET, recipient=ann, caller="shop", key=new_id()),
                fallback(WEBSOCKET, SMS, after=3600, recipient=ann),
                undecided(route_by=bench.clock() + HOUR, recipient=ann),
                draft(EMAIL, WEBSOCKET, recipient=other, caller="shop", key=new_id()),
            ]
            assert all(isinstance(one, Accepted) for one in await store.accept(drafts))

    async def deliver() -> None:
        for _ in range(25):
            rows = await store.claim(EMAIL, 20, HOUR)
            await store.renew(rows, HOUR)
            assert all(isinstance(one, bool) for one in await store.record([result(row, SENT) for row in rows]))

    async def read() -> None:
        for _ in range(25):
            await store.mark_feed_read(ann, None)
            await store.settle_feeds({ann: (await store.feed_state(ann)).head}, received())

    async def gone() -> None:
        for _ in range(12):
            note = new_id()
            await store.erase_remains(note, "ops", Person(ann))
            page = await store.person_page(Person(ann), None, 1_000)
            await store.erase_notifications(note, "ops", page.ids)
            await store.erase_remains(note, "ops", Person(ann))

    bench.together(send(), send(), deliver(), deliver(), read(), gone())
    invariants.check(bench.backend.database.rows)
    assert len(ids_of(bench, Person(other))) == 50
    erase(bench, Person(ann))
    invariants.check(bench.backend.database.rows)
    assert {row[0] for row in bench.backend.database.rows("SELECT recipient_id FROM recipient_feeds")} == {other.id}
