"""Limits of policies, counted in the transaction that stores: exactly, whoever counts at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import EMAIL, SMS, TELEGRAM, WEBSOCKET, draft, user
from helpers.store import PostgresqlBackend, RecordingListener, SqliteBackend, StoreBench, in_loops
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import IdempotencyKeyReused, NoRoute, PolicyLimit, TocsinError
from tocsin_server.domain.limiting import count_key
from tocsin_server.domain.model import (
    Accepted,
    ChannelType,
    DecidedBy,
    Decision,
    LimitUse,
    Micros,
    NotificationDraft,
)

DAY = micros(86_400)


def window_of(bench: StoreBench) -> Micros:
    """Return the beginning of a window that ends in an hour at the earliest."""
    now = bench.clock()
    return now - now % micros(60) - DAY + micros(3_660)


def use(
    bench: StoreBench, kind: ChannelType = SMS, limit: int = 3, *, policy: str = "few texts", key: str = "ann"
) -> LimitUse:
    """Return a use of a limit in the present window."""
    window = window_of(bench)
    return LimitUse(policy, key, kind, limit, window, window + DAY)


def by_caller(wanted: NotificationDraft, *uses: LimitUse) -> NotificationDraft:
    """Return a draft of which the caller named the channels."""
    return wanted._replace(limits=uses)


def by_rule(wanted: NotificationDraft, *uses: LimitUse) -> NotificationDraft:
    """Return a draft of which a rule chose the channels."""
    return wanted._replace(limits=uses, decision=Decision(DecidedBy.RULE, "texts", wanted.channels))


def counted(bench: StoreBench) -> dict[tuple[str, str], int]:
    """Return the counts by policy and key."""
    return {
        (policy, key): count
        for policy, key, count in bench.backend.database.rows("SELECT policy, key, count FROM policy_counts")
    }


def kinds_of(answer: Accepted | TocsinError) -> list[ChannelType]:
    """Return the channels that a draft was stored with."""
    assert isinstance(answer, Accepted), answer
    return [row.channel for row in answer.notification.channels]


def test_what_is_over_a_limit_is_refused_until_the_window_ends_and_leaves_nothing(bench: StoreBench) -> None:
    mine = use(bench, limit=2)
    for key in ("a", "b"):
        bench.accept_one(by_caller(draft(SMS, key=key), mine))
    before = bench.backend.database.counts()
    [refusal] = bench.answers(by_caller(draft(WEBSOCKET, SMS, key="c"), mine))
    assert isinstance(refusal, PolicyLimit)
    assert refusal.metadata == {"channel": "sms", "policy": "few texts", "limit": "2"}
    assert refusal.retry_after == pytest.approx((mine.ends - bench.clock()) / micros(1), abs=30)
    assert bench.backend.database.counts() == before
    assert counted(bench) == {("few texts", "ann"): 2}
    bench.accept_one(draft(EMAIL, key="c", title="Another"))  # the key is free


def test_a_window_that_is_over_by_the_databases_time_leaves_a_wait_above_nothing(bench: StoreBench) -> None:
    bench.clock.advance(2 * 86_400)
    late = use(bench, limit=0)._replace(ends=bench.clock() - 1)
    [refusal] = bench.answers(by_caller(draft(SMS), late))
    assert isinstance(refusal, PolicyLimit)
    assert refusal.retry_after is not None
    assert refusal.retry_after > 0


def test_each_key_policy_and_window_has_a_count_of_its_own(bench: StoreBench) -> None:
    one = use(bench, limit=1)
    others = [
        one._replace(key="ben"),
        one._replace(policy="fewer texts"),
        one._replace(window=one.window + DAY, ends=one.ends + DAY),
        one._replace(ends=one.ends + DAY),  # the same policy with longer windows
    ]
    for each in (one, *others):
        bench.accept_one(by_caller(draft(SMS), each))
        [refusal] = bench.answers(by_caller(draft(SMS), each))
        assert isinstance(refusal, PolicyLimit)


def test_many_drafts_of_one_call_fill_a_limit_exactly_in_their_order(bench: StoreBench) -> None:
    mine = use(bench, limit=50)
    bench.accept_one(by_caller(draft(SMS), mine))
    answers = bench.answers(*(by_caller(draft(SMS, key=f"key-{number}"), mine) for number in range(200)))
    assert [isinstance(answer, Accepted) for answer in answers] == [True] * 49 + [False] * 151
    assert all(isinstance(answer, PolicyLimit) for answer in answers[49:])
    assert len(bench.find()) == counted(bench)["few texts", "ann"] == 50
    assert bench.backend.database.counts()["idempotency_keys"] == 49


def test_a_repetition_counts_nothing_and_is_answered_also_at_the_limit(bench: StoreBench) -> None:
    mine = use(bench, limit=1)
    wanted = by_caller(draft(SMS, key="order-1"), mine)
    first, again = bench.answers(wanted, wanted)
    [later, other] = bench.answers(wanted, by_caller(draft(SMS, key="order-1", title="Another"), mine))
    assert [isinstance(answer, Accepted) and answer.duplicate for answer in (first, again, later)] == [
        False,
        True,
        True,
    ]
    assert isinstance(other, IdempotencyKeyReused)
    assert counted(bench) == {("few texts", "ann"): 1}


def test_a_key_whose_draft_is_refused_goes_to_the_next_of_that_key_which_is_not(bench: StoreBench) -> None:
    full = use(bench, limit=0)
    answers = bench.answers(
        by_caller(draft(SMS, key="order-1"), full),
        by_caller(draft(SMS, key="order-1"), full),
        draft(EMAIL, key="order-1", title="Another"),
        by_caller(draft(SMS, key="order-1"), full),
        draft(EMAIL, key="order-1", title="Another"),
    )
    refused, as_well, stored, reused, repeated = answers
    assert isinstance(refused, PolicyLimit)
    assert isinstance(as_well, PolicyLimit)
    assert isinstance(stored, Accepted)
    assert not stored.duplicate
    assert isinstance(reused, IdempotencyKeyReused)
    assert repeated == Accepted(stored.notification, duplicate=True)
    assert bench.answers(draft(EMAIL, key="order-1", title="Another")) == [repeated]


def test_a_caller_who_named_several_channels_gets_all_or_none_and_none_is_counted(bench: StoreBench) -> None:
    texts, chats = use(bench, SMS, 5), use(bench, TELEGRAM, 0, policy="no chats")
    [refusal] = bench.answers(by_caller(draft(SMS, TELEGRAM), texts, chats))
    assert isinstance(refusal, PolicyLimit)
    assert refusal.metadata["policy"] == "no chats"
    assert counted(bench) == {("few texts", "ann"): 0, ("no chats", "ann"): 0}


def test_what_a_rule_chose_goes_without_the_channels_at_a_limit(bench: StoreBench) -> None:
    texts, chats = use(bench, SMS, 1), use(bench, TELEGRAM, 2, policy="two chats")
    answers = bench.answers(*(by_rule(draft(SMS, TELEGRAM), texts, chats) for _ in range(3)))
    assert [kinds_of(answer) for answer in answers[:2]] == [[SMS, TELEGRAM], [TELEGRAM]]
    assert isinstance(answers[2], NoRoute)
    assert counted(bench) == {("few texts", "ann"): 1, ("two chats", "ann"): 2}
    assert len(bench.find()) == 2


def test_a_channel_counts_towards_all_its_limits_or_none(bench: StoreBench) -> None:
    wide, narrow = use(bench, limit=5), use(bench, limit=1, policy="one text", key="")
    for _ in range(3):
        bench.answers(by_rule(draft(SMS, EMAIL), wide, narrow))
    assert counted(bench) == {("few texts", "ann"): 1, ("one text", ""): 1}


def test_a_limit_that_was_lowered_binds_what_comes_under_the_lower_one(bench: StoreBench) -> None:
    wide, narrow = use(bench, limit=5), use(bench, limit=2)
    answers = bench.answers(*(by_caller(draft(SMS), mine) for mine in (wide, narrow, narrow, wide)))
    assert [isinstance(answer, Accepted) for answer in answers] == [True, True, False, True]
    [refused] = bench.answers(by_caller(draft(SMS), narrow))
    assert isinstance(refused, PolicyLimit)
    assert counted(bench) == {("few texts", "ann"): 3}


def test_what_carries_no_limits_asks_nothing_of_their_table(bench: StoreBench) -> None:
    bench.accept_one(draft(SMS))
    if isinstance(bench.backend, SqliteBackend):
        with contextlib.closing(sqlite3.connect(bench.backend.path)) as connection:
            connection.execute("DROP TABLE policy_counts")
    elif isinstance(bench.backend, PostgresqlBackend):
        bench.backend.database.run("DROP TABLE policy_counts")
    bench.accept_one(draft(SMS, key="order-1"))


def test_counts_are_read_as_they_stand_and_reading_counts_nothing(bench: StoreBench) -> None:
    mine = use(bench)
    other, later = mine._replace(key="ben"), mine._replace(window=mine.window + DAY, ends=mine.ends + DAY)
    bench.accept(*(by_caller(draft(SMS), mine) for _ in range(2)))
    bench.accept_one(by_caller(draft(SMS), other))
    before = counted(bench)
    for _ in range(2):
        used = bench.run(bench.store.limits_used([mine, mine, other, later]))
        assert used == {count_key(mine): 2, count_key(other): 1, count_key(later): 0}
    assert counted(bench) == before
    assert bench.run(bench.store.limits_used([])) == {}


def test_counts_leave_an_hour_after_their_windows_a_batch_at_a_time(bench: StoreBench) -> None:
    mine = use(bench)
    for day in range(3):
        ahead = mine._replace(window=mine.window + day * DAY, ends=mine.ends + day * DAY)
        bench.accept(*(by_caller(draft(SMS), ahead._replace(key=key)) for key in ("ann", "ben")))
    assert bench.run(bench.store.drop_ended_counts(10)) == 0
    bench.clock.advance((mine.ends - bench.clock()) / micros(1) + 3_500)
    assert bench.run(bench.store.drop_ended_counts(10)) == 0
    bench.clock.advance(86_400 + 200)
    assert [bench.run(bench.store.drop_ended_counts(3)) for _ in range(3)] == [3, 1, 0]
    left = bench.backend.database.rows("SELECT window_end FROM policy_counts")
    assert left == [(mine.ends + 2 * DAY,)] * 2


def test_a_limit_is_exact_however_many_loops_and_replicas_count_at_the_same_time(bench: StoreBench) -> None:
    """On SQLite, which serves one process, several loops share the one store."""
    replicas = [bench.store]
    if isinstance(bench.backend, PostgresqlBackend):
        replicas += [bench.backend.open(RecordingListener(), bench.clock) for _ in range(2)]
    uses = [use(bench, limit=20, key=key) for key in ("ann", "ben", "cid")]

    async def send(number: int) -> Sequence[Accepted | TocsinError]:
        store = replicas[number % len(replicas)]
        calls = [
            store.accept(
                [
                    by_caller(draft(SMS, key=f"{number}-{call}-{item}"), uses[(number + item) % 3])
                    for item in range(1 + call % 3)
                ]
            )
            for call in range(12)
        ]
        return [answer for answers in await asyncio.gather(*calls) for answer in answers]

    answers = [answer for loop in in_loops(send, range(6)) for answer in loop]
    for replica in replicas[1:]:
        bench.run(replica.close())
    assert len(answers) == 6 * 24
    assert Counter(map(type, answers)) == {Accepted: 60, PolicyLimit: 84}
    assert counted(bench) == {("few texts", key): 20 for key in ("ann", "ben", "cid")}
    assert len(bench.find()) == bench.backend.database.counts()["idempotency_keys"] == 60


class Attempt(NamedTuple):
    """A draft of the property: few keys, contents and limits, so that they meet."""

    key: str
    content: str
    channels: Sequence[ChannelType]
    uses: Sequence[int]
    rule: bool
    refused: bool


LIMITS = [
    LimitUse("texts", "ann", SMS, 2, 0, 0),
    LimitUse("texts", "ben", SMS, 1, 0, 0),
    LimitUse("chats", "", TELEGRAM, 3, 0, 0),
    LimitUse("both", "", SMS, 4, 0, 0),
    LimitUse("both", "", TELEGRAM, 4, 0, 0),
]

CHANNELS = st.lists(st.sampled_from([SMS, TELEGRAM, EMAIL]), min_size=1, max_size=3, unique=True)
ATTEMPTS = st.builds(
    Attempt,
    st.sampled_from(["a", "b", "", ""]),
    st.sampled_from(["x", "y"]),
    CHANNELS,
    st.lists(st.sampled_from(range(len(LIMITS))), max_size=4, unique=True),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)


class Model:
    """Each attempt by itself, in turn."""

    def __init__(self) -> None:
        self.used: Counter[tuple[str, str]] = Counter()
        self.kept: dict[str, str] = {}

    def expect(self, attempt: Attempt) -> str | list[ChannelType]:
        """Return the channels that are stored, or why nothing is."""
        if attempt.key in self.kept:
            return "duplicate" if self.kept[attempt.key] == attempt.content else "reused"
        if attempt.refused:
            return "refused"
        before, left = Counter(self.used), []
        for kind in attempt.channels:
            uses = [LIMITS[place] for place in attempt.uses if LIMITS[place].channel == kind]
            if all(self.used[limit.policy, limit.key] < limit.limit for limit in uses):
                left.append(kind)
                self.used.update((limit.policy, limit.key) for limit in uses)
        if not left or (len(left) < len(attempt.channels) and not attempt.rule):
            self.used = before
            return "no route" if attempt.rule else "limit"
        if attempt.key:
            self.kept[attempt.key] = attempt.content
        return left


@settings(deadline=None, max_examples=80)
@given(calls=st.lists(st.lists(ATTEMPTS, max_size=6), max_size=5))
def test_any_calls_answer_as_if_each_draft_had_been_counted_in_turn(
    shared: StoreBench, calls: list[list[Attempt]]
) -> None:
    caller, model, window = str(uuid.uuid4()), Model(), window_of(shared)
    refusal = TocsinError("refused")

    def made(attempt: Attempt) -> NotificationDraft:
        uses = [
            LIMITS[place]._replace(key=f"{caller} {LIMITS[place].key}", window=window, ends=window + DAY)
            for place in attempt.uses
        ]
        wanted = draft(
            *attempt.channels,
            recipient=user(),
            caller=caller,
            key=attempt.key,
            digest=attempt.content if attempt.key else "",
            refusal=refusal if attempt.refused else None,
        )
        return (by_rule if attempt.rule else by_caller)(wanted, *uses)

    def seen(answer: Accepted | TocsinError) -> str | list[ChannelType]:
        if isinstance(answer, Accepted):
            return "duplicate" if answer.duplicate else kinds_of(answer)
        names = {IdempotencyKeyReused: "reused", PolicyLimit: "limit", NoRoute: "no route", TocsinError: "refused"}
        return names[type(answer)]

    for call in calls:
        answers = shared.answers(*map(made, call))
        assert [seen(answer) for answer in answers] == [model.expect(attempt) for attempt in call]
    mine = {
        (policy, key.removeprefix(f"{caller} ")): count
        for (policy, key), count in counted(shared).items()
        if key.startswith(caller) and count
    }
    assert mine == {key: count for key, count in model.used.items() if count}
