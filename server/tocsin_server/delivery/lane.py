"""One channel's delivery: a sender thread with its own event loop, its own bounded queue, its own breakers.

A lane has a fixed number of places. A row takes one before it is leased, at insert or at a claim, and gives it back
when its result is written; so a lane never leases more than it can soon send, and what it cannot take waits in the
database, where any other lane may find it. Nothing is shared between lanes: a provider that hangs fills its own lane.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import uvloop

from tocsin_server.channels.sender import Message, Outcome, OutcomeKind, Sender, SenderFactory
from tocsin_server.clock import Clock, micros
from tocsin_server.deadlines import Deadlines
from tocsin_server.delivery.breaker import Breaker
from tocsin_server.delivery.outcomes import BREAKER_OPEN, INTERRUPTED, Answer, bound_provider, decide, refuse
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.errors import LimitExceeded, ShuttingDown, TocsinError, Unavailable
from tocsin_server.model import MICROS_PER_SECOND, ChannelResult, ChannelType, ClaimedChannel, Micros, Status

log = logging.getLogger(__name__)

PLACES_PER_SENDER = 8
"""Rows held per concurrent attempt: enough that an attempt need not wait for a commit, few enough to send in time."""

RECORD_AGAIN = 0.2
"""Seconds before a result that could not be written is tried again."""

TO_BREAK_OFF = 1.0
"""Seconds that attempts which a stop breaks off, and then the writing of the last results, may take at most."""

TAKEN_OVER = "taken_over"
LEASE_LOST = "lease_lost"

POLL_INTERVAL = 1.0
"""Seconds between looks at the queue when nothing is known to be due earlier."""


class QueueStore(Protocol):
    """The part of the store that a lane needs; see `tocsin_server.storage.store.Store`."""

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """When the next pending row is due."""

    async def claim(self, channel: ChannelType, limit: int, lease: Micros) -> list[ClaimedChannel]:
        """Lease due rows."""

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        """Extend leases."""

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        """Give rows back unsent."""

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool]:
        """Write results."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane works; durations in seconds."""

    concurrency: int = 16
    lease: float = 60.0
    send_timeout: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class _Provider(NamedTuple):
    sender: Sender
    breaker: Breaker


class _Held(NamedTuple):
    """A leased row, and until when (monotonic seconds) this process may hand it to a provider."""

    claim: ClaimedChannel
    deadline: float
    cancelled: bool


class Lane:
    """Delivers the rows of one channel.

    Args:
        channel: Whose rows.
        factories: Makes the providers, in order of preference.
        store: The queue; may be called from the lane's own event loop.
        settings: See `LaneSettings`.
        clock: The present time.
    """

    def __init__(
        self,
        channel: ChannelType,
        factories: Sequence[SenderFactory],
        store: QueueStore,
        settings: LaneSettings,
        clock: Clock,
    ) -> None:
        self.channel = channel
        self.counts: Counter[str] = Counter()
        """How often each outcome came (`OutcomeKind`), rows were taken over (`TAKEN_OVER`) and results dropped since
        their lease was lost (`LEASE_LOST`). What may have reached the recipient twice is among the last two and
        ``unknown``."""
        self._factories = factories
        self._store = store
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._free = self._places = settings.concurrency * PLACES_PER_SENDER
        self._accepting = False
        # More is due than there were places for. Until that is worked off, new rows queue behind it.
        self._backlog = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._main, name=f"tocsin-{channel}", daemon=True)
        # The rest belongs to the lane's loop.
        self._providers: list[_Provider] = []
        self._held: dict[str, _Held] = {}
        """By row. Of a row that was claimed again after its lease had run out, under the newer lease: what still waits
        or works under the older one has lost it, to this lane as it might have to another process."""
        self._results: list[ChannelResult] = []
        self._unsent: list[ClaimedChannel] = []
        self._overdue: set[asyncio.Task[Any]] = set()
        """Senders whose attempt is being cut off."""
        self._drained = False
        """Nothing more will be added to the two before."""

    # -- called from other threads ---------------------------------------------------------------

    def start(self) -> None:
        """Start the sender thread; returns when it takes rows, and raises what kept a provider from being made."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def reserve(self) -> bool:
        """Take a place for a new row, if one is free and nothing that was due before waits for it."""
        with self._lock:
            if self._accepting and self._free > 0 and not self._backlog:
                self._free -= 1
                return True
            return False

    def give_back(self, places: int = 1) -> None:
        """Free places that were taken."""
        with self._lock:
            self._free += places

    def hand_over(self, claims: Sequence[ClaimedChannel]) -> None:
        """Take rows that were leased for places reserved before."""
        assert self._loop is not None  # noqa: S101 - places exist only once the lane has started
        try:
            self._loop.call_soon_threadsafe(self._begin, claims)
        except RuntimeError:  # the lane stopped between reservation and commit; their leases will run out
            log.warning("rows were leased to a stopped lane", extra={"event": "lease_orphaned"})

    def cancel(self, notification_ids: Sequence[str]) -> None:
        """Keep rows of these notifications that wait for their turn from being sent."""
        assert self._loop is not None  # noqa: S101 - there is nothing to cancel before the start
        with contextlib.suppress(RuntimeError):  # the lane ended; what it held is given back
            self._loop.call_soon_threadsafe(self._cancel_held, frozenset(notification_ids))

    def stop(self, grace: float) -> None:
        """Finish what is being sent, within ``grace`` seconds, and give back the rest. Blocks; idempotent."""
        with self._lock:
            self._accepting = False
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop ended in between
                loop.call_soon_threadsafe(self._stop_soon, grace)
            # A sender that blocks its thread cannot be waited for; the thread is a daemon and ends with the process.
            self._thread.join(grace + 2.0)
            if self._thread.is_alive():
                log.error("a sender blocks its thread", extra={"event": "lane_stuck", "channel": self.channel})

    # -- the lane's own loop ---------------------------------------------------------------------

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        except Exception as error:
            if self._started.is_set():
                log.exception("a lane failed", extra={"event": "lane_failed", "channel": self.channel})
                raise
            self._failure = error
            self._started.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[ClaimedChannel | None] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._grace = 0.0
        self._news = asyncio.Event()
        self._deadlines: Deadlines[asyncio.Task[Any]] = Deadlines(self._settings.send_timeout, self._cut_off)
        self._providers = [_Provider(factory(), Breaker()) for factory in self._factories]
        senders = [asyncio.create_task(self._send_in_turn()) for _ in range(self._settings.concurrency)]
        recorder = asyncio.create_task(self._record_ends())
        background = [asyncio.create_task(self._claim_due()), asyncio.create_task(self._renew_leases())]
        with self._lock:
            self._accepting = True
        self._started.set()
        await self._stopping.wait()
        background[0].cancel()
        await asyncio.gather(background[0], return_exceptions=True)
        await self._drain(senders, recorder)
        background[1].cancel()
        await asyncio.gather(background[1], return_exceptions=True)
        self._deadlines.close()
        for provider in self._providers:
            await provider.sender.close()

    def _stop_soon(self, grace: float) -> None:
        self._grace = grace
        self._stopping.set()

    async def _drain(self, senders: Sequence[asyncio.Task[None]], recorder: asyncio.Task[None]) -> None:
        """Give back what has not begun, let running attempts end, and write what came of them."""
        assert self._loop is not None  # noqa: S101 - this is its coroutine
        until = self._loop.time() + self._grace
        while not self._queue.empty():
            claim = self._queue.get_nowait()
            if claim is not None:
                self._end(claim, None)
        for _ in senders:
            self._queue.put_nowait(None)
        _, late = await asyncio.wait(senders, timeout=self._grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=TO_BREAK_OFF)
        self._drained = True
        self._news.set()
        _, late = await asyncio.wait([recorder], timeout=max(TO_BREAK_OFF, until - self._loop.time()))
        for task in late:
            task.cancel()

    async def _claim_due(self) -> None:
        """Claim what is due whenever places are free."""
        while True:
            pause = POLL_INTERVAL
            try:
                pause = await self._claim_once()
            except TocsinError as error:
                log.warning(
                    "looking for due rows failed",
                    extra={"event": "claim_failed", "channel": self.channel, "reason": error.reason},
                )
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
            self._wake.clear()

    async def _claim_once(self) -> float:
        """Claim once and return the seconds until the next look."""
        probing = all(provider.breaker.tripped for provider in self._providers)
        if probing:
            # What no provider would be given stays in the queue: claimed, it would only be put off, all of it at once
            # and in transactions that everybody else waits for. A single row is to find out what has changed.
            self._queue_behind()
            now = time.monotonic()
            kept_out = min(provider.breaker.kept_out(now) for provider in self._providers)
            if kept_out > 0 or self._held:
                return min(kept_out or POLL_INTERVAL, POLL_INTERVAL)
        if probing or not self._backlog:
            due_at = await self._store.next_due(self.channel)
            wait = POLL_INTERVAL if due_at is None else (due_at - self._clock()) / MICROS_PER_SECOND
            if wait > 0:
                return min(wait, POLL_INTERVAL)
            self._queue_behind()
        with self._lock:
            places = min(self._free, 1) if probing else self._free
            self._free -= places
        if not places:
            return POLL_INTERVAL  # or until enough places are given back, see _let_go
        claims: list[ClaimedChannel] = []
        try:
            claims = await self._store.claim(self.channel, places, micros(self._settings.lease))
        finally:
            self.give_back(places - len(claims))
        self._begin(claims)
        if len(claims) < places:
            with self._lock:
                self._backlog = False
        return 0.0

    def _queue_behind(self) -> None:
        """Let new rows wait behind those that are due already."""
        with self._lock:
            self._backlog = True

    def _begin(self, claims: Sequence[ClaimedChannel]) -> None:
        now, monotonic = self._clock(), time.monotonic()
        for claim in claims:
            self.counts[TAKEN_OVER] += claim.taken_over
            deadline = monotonic + (claim.lease_until - now) / MICROS_PER_SECOND
            self._held[claim.id] = _Held(claim, deadline, claim.cancelled)
            if self._stopping.is_set():
                self._end(claim, None)
            else:
                self._queue.put_nowait(claim)

    def _cancel_held(self, notification_ids: frozenset[str]) -> None:
        for row_id, held in self._held.items():
            if held.claim.notification_id in notification_ids:
                self._held[row_id] = held._replace(cancelled=True)

    async def _renew_leases(self) -> None:
        """Extend the leases of what is held, at half their time."""
        lease = self._settings.lease
        while True:
            await asyncio.sleep(lease / 2)
            held = [row.claim for row in self._held.values()]
            if not held:
                continue
            try:
                asked = time.monotonic()
                kept = await self._store.renew(held, micros(lease))
            except TocsinError as error:
                log.warning(
                    "renewing leases failed",
                    extra={"event": "renew_failed", "channel": self.channel, "reason": error.reason},
                )
                continue
            for claim in held:
                if claim.id in self._held and claim.id in kept:
                    self._held[claim.id] = self._held[claim.id]._replace(deadline=asked + lease)

    async def _send_in_turn(self) -> None:
        """Be one of the senders: take one row after another to its result, until there is None instead of a row."""
        while (claim := await self._queue.get()) is not None:
            try:
                result = await self._result(claim)
            except Exception:
                # The lease will run out and the row is claimed again, counting this attempt as unknown.
                log.exception("a row was left", extra={"event": "row_left", "channel_id": claim.id})
                self._let_go(claim.id, claim.token)
            else:
                self._end(claim, result)

    async def _result(self, claim: ClaimedChannel) -> ChannelResult | None:
        """Make one attempt, unless it is too late for that; None if the row is to be given back unsent."""
        held = self._held.get(claim.id)
        if held is None or held.claim.token != claim.token:
            return None  # claimed again meanwhile
        refused = refuse(claim, now=self._clock(), cancelled=held.cancelled)
        if refused is not None:
            return refused
        if time.monotonic() >= held.deadline:
            return None  # the release is fenced: it does nothing if somebody else holds the row by now
        answer = await self._attempt(claim)
        return decide(
            claim,
            answer,
            now=self._clock(),
            policy=self._settings.retry,
            spread=random.random(),  # noqa: S311 - jitter
        )

    def _end(self, claim: ClaimedChannel, result: ChannelResult | None) -> None:
        """Have a result written, or a row given back where there is none."""
        if result is None:
            self._unsent.append(claim)
        else:
            self._results.append(result)
        self._news.set()

    def _let_go(self, row_id: str, token: str, *, retried: bool = False) -> None:
        """Give the place of a row back, and look at the queue again where that may find something."""
        held = self._held.get(row_id)
        if held is not None and held.claim.token == token:
            del self._held[row_id]
        with self._lock:
            self._free += 1
            # Claiming a row at a time would cost a transaction each; half the places are a good batch, and the
            # other half keeps every sender busy meanwhile.
            enough = self._backlog and self._free * 2 >= self._places
        if enough or retried:
            self._wake.set()

    async def _record_ends(self) -> None:
        """Write what came of rows, as much at a time as has gathered, until the lane is drained."""
        one_by_one = False
        while True:
            await self._news.wait()
            self._news.clear()
            unsent, self._unsent = self._unsent, []
            results, self._results = self._results, []
            if unsent:
                await self._give_back(unsent)
            if results:
                # What is refused together is tried again alone, so that no result holds up the others.
                refused = await self._record([[result] for result in results] if one_by_one else [results])
                one_by_one = bool(refused)
                if refused:
                    self._results = refused + self._results
                    await asyncio.sleep(RECORD_AGAIN)
            if self._results or self._unsent:
                self._news.set()
            elif self._drained:
                return

    async def _record(self, batches: Sequence[list[ChannelResult]]) -> list[ChannelResult]:
        """Write each batch as a whole, and return what the database does not take now.

        That is kept however long it takes; the rows stay held, and their leases renewed. Giving up would have accepted
        messages sent again. While the database is away nobody else can claim the rows, and once it is back the tokens
        decide.
        """
        refused: list[ChannelResult] = []
        answers = await asyncio.gather(*map(self._store.record, batches), return_exceptions=True)
        for batch, answer in zip(batches, answers, strict=True):
            if isinstance(answer, (Unavailable, LimitExceeded)) and not (
                isinstance(answer, ShuttingDown) or self._stopping.is_set()
            ):
                refused += batch
            elif isinstance(answer, BaseException):
                self._not_written(batch, answer)
            else:
                for result, written in zip(batch, answer, strict=True):
                    if not written:
                        self._lease_lost(result)
                    self._let_go(result.channel_id, result.token, retried=result.status == Status.PENDING)
        return refused

    def _not_written(self, batch: Sequence[ChannelResult], error: BaseException) -> None:
        """Leave rows: their leases will run out and they are claimed again, counting these attempts as unknown."""
        if not isinstance(error, TocsinError):
            raise error
        for result in batch:
            log.warning(
                "a result could not be written",
                extra={"event": "record_failed", "channel_id": result.channel_id, "reason": error.reason},
            )
            self._let_go(result.channel_id, result.token)

    def _lease_lost(self, result: ChannelResult) -> None:
        self.counts[LEASE_LOST] += 1
        log.warning(
            "a result came after its lease was lost and was dropped",
            extra={"event": "lease_lost", "channel": self.channel, "channel_id": result.channel_id},
        )

    async def _give_back(self, claims: Sequence[ClaimedChannel]) -> None:
        """Release rows unsent."""
        try:
            await self._store.release(claims)
        except TocsinError as error:
            log.warning(
                "rows could not be given back, and will be when their leases run out",
                extra={"event": "release_failed", "channel": self.channel, "reason": error.reason},
            )
        for claim in claims:
            self._let_go(claim.id, claim.token)

    async def _attempt(self, claim: ClaimedChannel) -> Answer:
        """Try the providers in order until one does not say that it is known not to have accepted."""
        message = Message(
            channel_id=claim.id,
            notification_id=claim.notification_id,
            address=claim.address,
            title=claim.title,
            message=claim.message,
            metadata=claim.metadata,
            created_at=claim.created_at,
            attempt=claim.attempts + 1,
        )
        bound = bound_provider(claim)
        candidates = [p for p in self._providers if p.sender.name == bound] or self._providers
        answer: Answer | None = None
        shortest_wait = float("inf")
        for provider in candidates:
            wait = provider.breaker.wait(time.monotonic())
            if wait > 0:
                shortest_wait = min(shortest_wait, wait)
                continue
            outcome = await self._send(provider, message)
            answer = Answer(outcome, provider.sender.name)
            if outcome.kind not in (OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED):
                break
        if answer is None:
            detail = "every provider of the channel failed repeatedly and is left alone for a while"
            outcome = Outcome(OutcomeKind.THROTTLED, BREAKER_OPEN, detail, retry_after=shortest_wait)
            answer = Answer(outcome, "")
        self.counts[answer.outcome.kind] += 1
        return answer

    async def _send(self, provider: _Provider, message: Message) -> Outcome:
        """Make one attempt under the total deadline and tell the breaker."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - runs as one
        self._deadlines.begin(task)
        try:
            outcome = await provider.sender.send(message)
        except asyncio.CancelledError:
            if task in self._overdue:
                detail = f"no answer within {self._settings.send_timeout:g} s"
                outcome = Outcome(OutcomeKind.UNKNOWN, "DEADLINE", detail, provider_fault=True)
            elif self._stopping.is_set():
                # The grace of a stop is over. The content may have been handed over, so the outcome is unknown.
                provider.breaker.abandoned()
                return Outcome(OutcomeKind.UNKNOWN, INTERRUPTED, "the server stopped during the attempt")
            else:
                provider.breaker.abandoned()
                raise
        except Exception as error:
            # A fault of ours or of a library: the row must not be lost over it, nor take the lane down.
            log.exception("sender raised", extra={"event": "sender_raised", "channel": self.channel})
            outcome = Outcome(OutcomeKind.UNKNOWN, type(error).__name__, "the sender failed unexpectedly")
        finally:
            self._deadlines.end(task)
            self._overdue.discard(task)
            while task.cancelling():  # the two cancellations above end the attempt, not the sender
                task.uncancel()
        if outcome.provider_fault:
            provider.breaker.failed(time.monotonic())
            if all(provider.breaker.tripped for provider in self._providers):
                self._queue_behind()
        else:
            provider.breaker.succeeded()
        return outcome

    def _cut_off(self, sender: asyncio.Task[Any]) -> None:
        """End an attempt at its total deadline."""
        self._overdue.add(sender)
        sender.cancel()
