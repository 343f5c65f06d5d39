"""Idempotency: once per key."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import (
    EMAIL,
    SENT,
    dice,
    draft,
    user,
)
from helpers.store import (
    StoreBench,
    in_loops,
)
from tocsin_server.domain.errors import (
    IdempotencyKeyReused,
    NoRoute,
)
from tocsin_server.domain.model import (
    Accepted,
)


def test_a_repeated_key_finds_the_first_notification_as_it_is_now(bench: StoreBench) -> None:
    wanted = draft(EMAIL, key="order-1")
    stored = bench.accept_one(wanted)
    bench.record(bench.claim_one(EMAIL), SENT)
    [answer] = bench.answers(wanted)
    assert answer == Accepted(bench.get(stored), duplicate=True)
    assert bench.get(stored).status == SENT
    assert bench.find() == [stored.id]


def test_a_key_with_other_content_is_refused_and_stores_nothing(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(key="order-1"))
    [answer] = bench.answers(draft(key="order-1", title="Another"))
    assert isinstance(answer, IdempotencyKeyReused)
    assert answer.metadata == {"idempotency_key": "order-1", "id": stored.id}
    assert bench.find() == [stored.id]


def test_a_key_within_one_call_counts_once_in_the_order_of_the_call(bench: StoreBench) -> None:
    recipient = user()
    first, second, third, fourth = bench.answers(
        draft(recipient=recipient, key="z"),
        draft(recipient=recipient, key="z", title="Another"),
        draft(recipient=recipient, key="a"),
        draft(recipient=recipient, key="z"),
    )
    assert isinstance(first, Accepted)
    assert isinstance(second, IdempotencyKeyReused)
    assert isinstance(third, Accepted)
    assert fourth == Accepted(bench.get(first.notification), duplicate=True)
    assert (first.duplicate, third.duplicate) == (False, False)
    assert (first.notification.sequence, third.notification.sequence) == (1, 2)
    assert bench.state(recipient)[1:] == (2, 0, 2)


def test_without_a_key_every_draft_is_new(bench: StoreBench) -> None:
    wanted = draft()
    bench.accept(wanted, wanted)
    bench.accept(wanted)
    assert len(bench.find()) == 3


def test_keys_of_different_callers_are_apart(bench: StoreBench) -> None:
    bench.accept(*(draft(key="order-1", caller=caller) for caller in ("", "shop", "billing")))
    assert len(bench.find()) == 3


def test_a_refused_draft_stores_nothing_and_does_not_use_up_its_key(bench: StoreBench) -> None:
    refusal = NoRoute("guest")
    answers = bench.answers(draft(key="order-1", refusal=refusal), draft(refusal=refusal))
    assert list(answers) == [refusal, refusal]
    assert bench.find() == []
    bench.accept_one(draft(key="order-1"))


def test_a_refused_draft_finds_what_an_earlier_call_of_its_key_stored(bench: StoreBench) -> None:
    refusal = NoRoute("guest")
    stored = bench.accept_one(draft(key="order-1"))
    same, other = bench.answers(
        draft(key="order-1", refusal=refusal), draft(key="order-1", title="Another", refusal=refusal)
    )
    assert same == Accepted(stored, duplicate=True)
    assert isinstance(other, IdempotencyKeyReused)


class Attempt(NamedTuple):
    """A draft of the idempotency property: keys and contents are few, so that they meet."""

    key: str
    content: str
    refused: bool


ATTEMPTS = st.builds(Attempt, st.sampled_from(["a", "b", ""]), st.sampled_from(["x", "y"]), st.booleans())


@settings(deadline=None, max_examples=60)
@given(calls=st.lists(st.lists(ATTEMPTS, max_size=4), max_size=5))
def test_any_calls_answer_as_if_each_key_had_been_looked_up_in_turn(
    shared: StoreBench, calls: list[list[Attempt]]
) -> None:
    caller, recipient, refusal = str(uuid.uuid4()), user(), NoRoute("user")
    kept: dict[str, tuple[str, str]] = {}
    count = 0
    for call in calls:
        answers = shared.answers(
            *(
                draft(
                    recipient=recipient,
                    caller=caller,
                    key=attempt.key,
                    title=attempt.content,
                    refusal=refusal if attempt.refused else None,
                )
                for attempt in call
            )
        )
        for attempt, answer in zip(call, answers, strict=True):
            if attempt.key in kept:
                content, stored_id = kept[attempt.key]
                if content == attempt.content:
                    assert isinstance(answer, Accepted)
                    assert (answer.notification.id, answer.duplicate) == (stored_id, True)
                else:
                    assert isinstance(answer, IdempotencyKeyReused)
            elif attempt.refused:
                assert answer is refusal
            else:
                assert isinstance(answer, Accepted)
                assert not answer.duplicate
                count += 1
                assert answer.notification.sequence == count
                if attempt.key:
                    kept[attempt.key] = (attempt.content, answer.notification.id)
    assert shared.state(recipient)[1:] == (count, 0, count)


def test_a_key_is_stored_once_however_many_loops_use_it_at_the_same_time(bench: StoreBench) -> None:
    recipient = user()
    drafts = [draft(recipient=recipient, key=f"key-{number}") for number in range(30)]

    async def repeat(seed: int) -> list[Accepted]:
        mine = dice(seed).sample(drafts, len(drafts))
        calls = [mine[:10], *([wanted] for wanted in mine[10:])]
        answers = await asyncio.gather(*(bench.store.accept(call) for call in calls))
        flat = [answer for call in answers for answer in call]
        return [answer for answer in flat if isinstance(answer, Accepted)]

    answers = [answer for loop in in_loops(repeat, range(4)) for answer in loop]
    assert len(answers) == 4 * 30
    assert Counter(answer.duplicate for answer in answers) == {False: 30, True: 90}
    assert len({answer.notification.id for answer in answers}) == len(bench.find()) == 30
    assert bench.state(recipient)[1:] == (30, 0, 30)
