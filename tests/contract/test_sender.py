"""What every sender promises the delivery engine, whichever provider it talks to."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from helpers.benches import (
    BODY,
    PATIENCE,
    TITLE,
    Bench,
    EmailBench,
    OutboxBench,
    RemoteBench,
    SmsBench,
    TelegramBench,
    open_remote,
)
from tocsin_server.channels.sender import DETAIL_LIMIT, Attempt, Outcome, OutcomeKind, Sender
from tocsin_server.domain.attempt_log import attempted
from tocsin_server.domain.model import ClaimedChannel

STEPS = [(bench.channel.value, step) for bench in (EmailBench, SmsBench, TelegramBench) for step in bench.steps]


@pytest.fixture(params=["email", "sms", "telegram"])
def remote(request: pytest.FixtureRequest) -> Iterator[RemoteBench]:
    with open_remote(request.param) as opened:
        yield opened


@pytest.fixture(params=["email", "sms", "telegram", "outbox"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "outbox":
        yield OutboxBench(tmp_path)
        return
    with open_remote(request.param) as opened:
        yield opened


@asynccontextmanager
async def sending(bench: Bench, *, timeout: float = PATIENCE) -> AsyncIterator[Sender]:  # noqa: ASYNC109 - the sender's
    """Make a sender and close it in the end."""
    sender = bench.sender(timeout=timeout)
    try:
        yield sender
    finally:
        await sender.close()


async def send(bench: Bench, *messages: ClaimedChannel, timeout: float = PATIENCE) -> list[Outcome]:  # noqa: ASYNC109
    """Send one message after the other with the same sender."""
    async with sending(bench, timeout=timeout) as sender:
        return [await sender.send(Attempt(message)) for message in messages]


async def test_an_accepted_message_arrives_and_its_outcome_carries_the_provider_s_id(bench: Bench) -> None:
    [outcome] = await send(bench, bench.message())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.data[bench.id_key]
    assert not outcome.provider_fault
    assert bench.received() == [BODY]


async def test_the_name_tells_providers_apart_and_holds_no_secret(bench: Bench) -> None:
    async with sending(bench) as sender:
        name = sender.name
    assert name
    assert not any(secret in name for secret in bench.secrets)


async def test_concurrent_attempts_do_not_disturb_one_another(bench: Bench) -> None:
    messages = [bench.message(number, message=f"{BODY} {number}") for number in range(1, 13)]
    async with sending(bench) as sender:
        outcomes = await asyncio.gather(*map(sender.send, map(Attempt, messages)))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert len({str(outcome.data[bench.id_key]) for outcome in outcomes}) == len(messages)
    assert sorted(bench.received()) == sorted(message.message for message in messages)


async def test_closing_twice_is_closing_once(bench: Bench) -> None:
    async with sending(bench) as sender:
        await sender.send(Attempt(bench.message()))
        await sender.close()


async def test_a_sender_that_never_sent_can_be_closed(bench: Bench) -> None:
    async with sending(bench):
        pass


async def test_a_refused_connection_is_known_not_accepted_and_the_provider_s_fault(remote: RemoteBench) -> None:
    remote.stop()
    [outcome] = await send(remote, remote.message())
    assert outcome.kind is OutcomeKind.TRANSIENT
    assert outcome.provider_fault
    assert outcome.code


async def test_a_refused_address_is_permanent_and_not_the_provider_s_fault(remote: RemoteBench) -> None:
    remote.refuse_address("no such recipient")
    refused, accepted = await send(remote, remote.message(1), remote.message(2))
    assert refused.kind is OutcomeKind.PERMANENT
    assert not refused.provider_fault
    assert "no such recipient" in refused.detail
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_throttling_is_told_with_the_time_to_wait(remote: RemoteBench) -> None:
    remote.throttle()
    [outcome] = await send(remote, remote.message())
    assert outcome.kind is OutcomeKind.THROTTLED
    assert outcome.retry_after is not None
    assert outcome.retry_after > 0
    assert not outcome.provider_fault


async def test_a_provider_out_of_order_is_known_not_to_have_accepted(remote: RemoteBench) -> None:
    remote.fail("come back later")
    failed, accepted = await send(remote, remote.message(1), remote.message(2))
    assert failed.kind is OutcomeKind.TRANSIENT
    assert failed.provider_fault
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_an_unreadable_answer_to_the_content_leaves_the_outcome_unknown(remote: RemoteBench) -> None:
    remote.garble()
    garbled, accepted = await send(remote, remote.message(1), remote.message(2))
    assert garbled.kind is OutcomeKind.UNKNOWN
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_line_broken_before_the_content_is_not_accepted_where_that_can_be_known(remote: RemoteBench) -> None:
    remote.drop(unread=True)
    broken, accepted = await send(remote, remote.message(1), remote.message(2))
    assert broken.kind is (OutcomeKind.TRANSIENT if remote.knows_what_was_read else OutcomeKind.UNKNOWN)
    assert broken.provider_fault
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_line_broken_after_the_content_leaves_the_outcome_unknown(remote: RemoteBench) -> None:
    remote.drop(unread=False)
    broken, accepted = await send(remote, remote.message(1), remote.message(2))
    assert broken.kind is OutcomeKind.UNKNOWN
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_provider_that_hangs_after_the_content_is_given_up_with_an_unknown_outcome(remote: RemoteBench) -> None:
    remote.hang()
    [outcome] = await send(remote, remote.message(), timeout=0.2)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.provider_fault


@pytest.mark.parametrize(("channel", "step"), STEPS)
async def test_a_provider_that_hangs_before_the_content_is_known_not_to_have_accepted(channel: str, step: str) -> None:
    with open_remote(channel) as remote:
        remote.hang_at(step)
        [outcome] = await send(remote, remote.message(), timeout=0.2)
        assert outcome.kind is OutcomeKind.TRANSIENT
        assert outcome.provider_fault
        assert not remote.received()


@pytest.mark.parametrize(("channel", "step"), STEPS)
async def test_an_attempt_cut_off_before_the_content_says_that_nothing_was_handed_over(channel: str, step: str) -> None:
    with open_remote(channel) as remote:
        remote.hang_at(step)
        async with sending(remote) as sender:
            attempt = Attempt(remote.message())
            await cut_off(remote, sender, attempt)
        assert not attempt.handed_over
        assert not remote.received()


async def test_an_attempt_cut_off_after_the_content_says_that_it_was_handed_over(remote: RemoteBench) -> None:
    remote.hang()
    async with sending(remote) as sender:
        attempt = Attempt(remote.message())
        await cut_off(remote, sender, attempt)
    assert attempt.handed_over


async def test_an_accepted_attempt_was_handed_over(bench: Bench) -> None:
    async with sending(bench) as sender:
        attempt = Attempt(bench.message())
        await sender.send(attempt)
    assert attempt.handed_over


async def test_an_attempt_cut_off_by_its_deadline_does_not_spoil_the_next(remote: RemoteBench) -> None:
    remote.hang()
    async with sending(remote) as sender:
        await cut_off(remote, sender, Attempt(remote.message(1)))
        outcome = await sender.send(Attempt(remote.message(2)))
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_a_slow_answer_is_waited_for(remote: RemoteBench) -> None:
    remote.hang()
    async with sending(remote) as sender:
        attempt = asyncio.create_task(sender.send(Attempt(remote.message())))
        await remote.wait_hanging()
        remote.release()
        outcome = await attempt
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_details_are_bounded_and_of_one_line(remote: RemoteBench) -> None:
    remote.refuse_address("sorry, no\t" * 60)
    [outcome] = await send(remote, remote.message())
    assert outcome.kind is OutcomeKind.PERMANENT
    assert DETAIL_LIMIT - 20 < len(outcome.detail) <= DETAIL_LIMIT
    assert outcome.detail.isprintable()


async def test_neither_secrets_nor_content_reach_outcomes_or_logs(
    remote: RemoteBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    quoting = f"your message {BODY.splitlines()[0]} / {TITLE} / with {' '.join(remote.secrets)} is not wanted"
    steps: list[Callable[[], None]] = [
        lambda: None,
        lambda: remote.refuse_address(quoting),
        lambda: remote.fail(quoting),
        remote.throttle,
        remote.garble,
        lambda: remote.drop(unread=True),
        lambda: remote.drop(unread=False),
        remote.stop,
    ]
    outcomes = []
    for number, step in enumerate(steps, start=1):
        step()
        outcomes += await send(remote, remote.message(number))
    forbidden = (*remote.secrets, *BODY.splitlines(), TITLE)
    for outcome in outcomes:
        assert not [text for text in forbidden if text in repr(outcome)]
    assert "is not wanted" in outcomes[1].detail
    formatter = logging.Formatter()
    for record in caplog.records:
        assert not [text for text in (*forbidden, remote.address(1)) if text in formatter.format(record)]


async def test_numbers_and_texts_that_nobody_could_mean_can_be_waited_for_and_stored(remote: RemoteBench) -> None:
    count = remote.exaggerate()
    outcomes = await send(remote, *(remote.message(number) for number in range(1, count + 1)))
    assert len(outcomes) == count
    for outcome in outcomes:
        assert 0 <= (outcome.retry_after or 0) <= 3600
        response = attempted(
            None,
            outcome=outcome.kind,
            code=outcome.code,
            detail=outcome.detail,
            provider="test://",
            at=1_760_000_000_000_000,
            data=outcome.data,
        )
        stored = json.dumps(response, allow_nan=False)
        assert len(stored) < 8_000
        assert not any("\0" in str(value) for value in (*response.values(), *outcome.data.values()))
        assert json.dumps(response, ensure_ascii=False).encode(), "no lone surrogates, which PostgreSQL refuses"
        assert all(abs(value) <= 2**53 for value in outcome.data.values() if isinstance(value, int | float))
    [accepted] = await send(remote, remote.message(count + 1))
    assert accepted.kind is OutcomeKind.ACCEPTED


async def cut_off(remote: RemoteBench, sender: Sender, attempt: Attempt) -> None:
    """Begin an attempt, and end it when the provider hangs."""
    sent = asyncio.create_task(sender.send(attempt))
    await remote.wait_hanging()
    sent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sent
