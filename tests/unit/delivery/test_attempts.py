"""Asking providers in order, and what is reported of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from helpers.drafts import EMAIL, NOON, claim
from helpers.senders import ACCEPTED, BROKEN, PERMANENT, THROTTLED, TRANSIENT, UNKNOWN, Provider
from helpers.waiting import eventually_async
from tocsin_server.channels.sender import Outcome, OutcomeKind
from tocsin_server.delivery import breaker
from tocsin_server.delivery.attempts import Attempts
from tocsin_server.delivery.breaker import FAILURES_TO_OPEN
from tocsin_server.delivery.outcomes import BREAKER_OPEN, DEADLINE, INTERRUPTED
from tocsin_server.domain.model import ClaimedChannel
from tocsin_server.telemetry.observer import (
    AttemptEnded,
    BreakerClosed,
    BreakerOpened,
    CredentialsRefused,
    KeptOut,
    Observer,
    SenderRaised,
)
from tocsin_server.timing.backoff import Backoff


class Watched:
    """Attempts at some providers, and every report of them."""

    def __init__(self, *providers: Provider, timeout: float = 10.0) -> None:
        self.reports: list[Any] = []
        observer = Observer()
        for kind in (AttemptEnded, BreakerOpened, BreakerClosed, CredentialsRefused, KeptOut, SenderRaised):
            observer.listen(kind, self.reports.append)
        self.attempts = Attempts(EMAIL, [make() for make in providers], timeout, lambda: NOON, observer)

    async def make(
        self, row: ClaimedChannel, may_send: Callable[[ClaimedChannel], bool] = lambda _: True
    ) -> tuple[str, str, str]:
        outcome, provider = await self.attempts.make(row, may_send)
        return outcome.kind, outcome.code, provider

    def of(self, kind: type[Any]) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]


def answering(*answers: Outcome, name: str = "test://provider") -> Provider:
    left = iter(answers)
    return Provider(lambda _: next(left), name)


@pytest.mark.parametrize("first", [TRANSIENT, THROTTLED], ids=["transient", "throttled"])
async def test_the_next_provider_is_asked_when_the_first_is_known_not_to_have_accepted(first: Outcome) -> None:
    one, two = answering(first, name="one"), answering(ACCEPTED, name="two")
    watched = Watched(one, two)
    assert await watched.make(claim()) == ("accepted", "250", "two")
    assert [(ended.provider, ended.outcome, ended.attempt) for ended in watched.of(AttemptEnded)] == [
        ("one", first.kind, 1),
        ("two", "accepted", 1),
    ]


@pytest.mark.parametrize("first", [UNKNOWN, PERMANENT], ids=["unknown", "permanent"])
async def test_no_other_provider_is_asked_after_any_other_outcome(first: Outcome) -> None:
    two = answering(name="two")
    assert (await Watched(answering(first, name="one"), two).make(claim()))[2] == "one"
    assert two.log == []


async def test_the_next_provider_is_not_asked_for_a_row_that_was_lost_or_cancelled_meanwhile() -> None:
    two = answering(name="two")
    watched = Watched(answering(TRANSIENT, name="one"), two)
    assert await watched.make(claim(), lambda _: False) == ("transient", "451", "one")
    assert two.log == []
    limited = Watched(answering(Outcome(OutcomeKind.PERMANENT, "552", elsewhere=True), name="one"), two)
    assert await limited.make(claim(), lambda _: False) == ("transient", "552", "one")


async def test_only_the_provider_that_may_have_accepted_a_row_is_asked_again() -> None:
    one, two = answering(name="one"), answering(TRANSIENT, name="two")
    row = claim(attempts=1, response={"outcome": "unknown", "provider": "two"})
    assert (await Watched(one, two).make(row))[2] == "two"
    assert one.log == []


async def test_a_provider_that_fails_repeatedly_is_left_alone_and_both_ends_of_that_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker, "PAUSES", Backoff(first=0.0, longest=0.0, healthy=0.0))
    provider = answering(*[BROKEN] * (FAILURES_TO_OPEN + 1), PERMANENT)
    watched = Watched(provider)
    for _ in range(FAILURES_TO_OPEN):
        assert not watched.attempts.exhausted
        await watched.make(claim())
    assert watched.attempts.exhausted
    await watched.make(claim())
    assert [(opened.provider, opened.code) for opened in watched.of(BreakerOpened)] == [(provider.name, BROKEN.code)]
    assert watched.of(BreakerClosed) == []
    await watched.make(claim())
    assert watched.of(BreakerClosed) == [BreakerClosed(EMAIL, provider.name)]
    assert not watched.attempts.exhausted


async def test_credentials_that_a_provider_refuses_are_told_each_time() -> None:
    refused = Outcome(OutcomeKind.TRANSIENT, "535", provider_fault=True)
    watched = Watched(answering(refused, BROKEN, refused))
    for _ in range(3):
        await watched.make(claim())
    assert watched.of(CredentialsRefused) == [CredentialsRefused(EMAIL, "test://provider", "535")] * 2


async def test_a_row_that_no_provider_may_be_asked_for_is_put_off_by_the_shortest_pause() -> None:
    provider = Provider(lambda _: BROKEN)
    watched = Watched(provider)
    for _ in range(FAILURES_TO_OPEN):
        await watched.make(claim())
    outcome, name = await watched.attempts.make(claim(), lambda _: True)
    assert (outcome.code, name) == (BREAKER_OPEN, "")
    assert 0 < (outcome.retry_after or 0) <= breaker.PAUSES.first
    assert 0 < watched.attempts.kept_out() <= breaker.PAUSES.first
    assert watched.of(KeptOut) == [KeptOut(EMAIL, claim().id)]
    assert len(provider.log) == FAILURES_TO_OPEN


@pytest.mark.parametrize(("handed_over", "expected"), [(True, "unknown"), (False, "transient")])
async def test_an_attempt_is_cut_off_at_its_deadline_and_asked_how_far_it_came(
    handed_over: bool, expected: str
) -> None:
    watched = Watched(Provider(lambda _: None, hands_over=handed_over), timeout=0.01)
    assert (await watched.make(claim()))[:2] == (expected, DEADLINE)


async def test_each_provider_has_its_own_time() -> None:
    slow, other = Provider(lambda _: None, "slow", hands_over=False), answering(ACCEPTED, name="other")
    assert await Watched(slow, other, timeout=0.01).make(claim()) == ("accepted", "250", "other")


@pytest.mark.parametrize(("handed_over", "expected"), [(True, "unknown"), (False, "transient")])
async def test_a_stop_breaks_an_attempt_off_without_asking_the_next_provider(handed_over: bool, expected: str) -> None:
    hanging, two = Provider(lambda _: None, "one", hands_over=handed_over), answering(name="two")
    watched = Watched(hanging, two)
    attempt = asyncio.create_task(watched.make(claim()))
    await eventually_async(lambda: _hangs(hanging))
    watched.attempts.stopping = True
    attempt.cancel()
    assert await attempt == (expected, INTERRUPTED, "one")
    assert two.log == []


async def _hangs(provider: Provider) -> bool:
    return bool(provider.log)


async def test_a_cancellation_that_is_neither_a_deadline_nor_a_stop_goes_through() -> None:
    hanging = Provider(lambda _: None)
    attempt = asyncio.create_task(Watched(hanging).make(claim()))
    await eventually_async(lambda: _hangs(hanging))
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


async def test_a_sender_that_raises_is_told_of_and_its_row_kept() -> None:
    fault = RuntimeError("a fault of ours")

    def raises(_: ClaimedChannel) -> Outcome:
        raise fault

    watched = Watched(Provider(raises))
    assert (await watched.make(claim()))[:2] == ("unknown", "RuntimeError")
    assert [raised.error for raised in watched.of(SenderRaised)] == [fault]


async def test_closing_gives_up_the_providers_connections() -> None:
    providers: Sequence[Provider] = [Provider(), Provider()]
    await Watched(*providers).attempts.close()
    assert [provider.closed for provider in providers] == [1, 1]
