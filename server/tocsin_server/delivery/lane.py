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
from tocsin_server.delivery.breaker import Breaker
from tocsin_server.delivery.outcomes import BREAKER_OPEN, INTERRUPTED, Answer, bound_provider, decide, refuse
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.errors import LimitExceeded, ShuttingDown, TocsinError, Unavailable
from tocsin_server.model import MICROS_PER_SECOND, ChannelResult, ChannelType, ClaimedChannel, Micros, Status

log = logging.getLogger(__name__)

PLACES_PER_SENDER = 4
"""Rows held per concurrent attempt: enough that an attempt need not wait for a commit, few enough to send in time."""

RECORD_AGAIN = 0.2
"""Seconds before a result that could not be written is tried again."""

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

    async def record(self, result: ChannelResult) -> bool:
        """Write a result."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane works; durations in seconds."""

    concurrency: int = 16
    lease: float = 60.0
    send_timeout: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class _NotBegun(Exception):
    """The lane stops before an attempt began."""


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
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()

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
        self._slots = asyncio.Semaphore(self._settings.concurrency)
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._grace = 0.0
        self._providers = [_Provider(factory(), Breaker()) for factory in self._factories]
        background = [asyncio.create_task(self._claim_due()), asyncio.create_task(self._renew_leases())]
        with self._lock:
            self._accepting = True
        self._started.set()
        await self._stopping.wait()
        background[0].cancel()
        await asyncio.gather(background[0], return_exceptions=True)
        await self._drain()
        background[1].cancel()
        await asyncio.gather(background[1], return_exceptions=True)
        for provider in self._providers:
            await provider.sender.close()

    def _stop_soon(self, grace: float) -> None:
        self._grace = grace
        self._stopping.set()

    async def _drain(self) -> None:
        """Give back what has not begun, and let running attempts end."""
        for task in list(self._waiting):
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=2.0)

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
        due_at = await self._store.next_due(self.channel)
        wait = POLL_INTERVAL if due_at is None else (due_at - self._clock()) / MICROS_PER_SECOND
        with self._lock:
            self._backlog = wait <= 0
            if wait > 0:
                return min(wait, POLL_INTERVAL)
            places, self._free = self._free, 0
        if not places:
            return POLL_INTERVAL  # or until enough places are given back, see _finished
        claims: list[ClaimedChannel] = []
        try:
            claims = await self._store.claim(self.channel, places, micros(self._settings.lease))
        finally:
            self.give_back(places - len(claims))
        self._begin(claims)
        return 0.0

    def _begin(self, claims: Sequence[ClaimedChannel]) -> None:
        now, monotonic = self._clock(), time.monotonic()
        for claim in claims:
            self.counts[TAKEN_OVER] += claim.taken_over
            deadline = monotonic + (claim.lease_until - now) / MICROS_PER_SECOND
            self._held[claim.id] = _Held(claim, deadline, claim.cancelled)
            task = asyncio.create_task(self._deliver(claim))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

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

    async def _deliver(self, claim: ClaimedChannel) -> None:
        """Take one leased row to its result."""
        result: ChannelResult | None = None
        try:
            with contextlib.suppress(_NotBegun):
                result = await self._attempt_in_turn(claim)
            if result is None:
                await self._store.release([claim])
            elif not await self._record(result):
                self.counts[LEASE_LOST] += 1
                log.warning(
                    "a result came after its lease was lost and was dropped",
                    extra={"event": "lease_lost", "channel": self.channel, "channel_id": claim.id},
                )
        except TocsinError as error:
            # Not written: the lease will run out and the row is claimed again, counting this attempt as unknown.
            log.warning(
                "a result could not be written",
                extra={"event": "record_failed", "channel_id": claim.id, "reason": error.reason},
            )
        finally:
            if self._still_held(claim) is not None:
                del self._held[claim.id]
            self._finished(retried=result is not None and result.status == Status.PENDING)

    def _still_held(self, claim: ClaimedChannel) -> _Held | None:
        """Return how a row is held if it is under this claim, None if it was claimed again."""
        held = self._held.get(claim.id)
        return held if held is not None and held.claim.token == claim.token else None

    async def _record(self, result: ChannelResult) -> bool:
        """Write a result, however long the database takes to accept it; the row stays held, and its lease renewed.

        Giving up would have an accepted message sent again. While the database is away nobody else can claim the row,
        and once it is back the token decides.
        """
        while True:
            try:
                return await self._store.record(result)
            except ShuttingDown:
                raise
            except (Unavailable, LimitExceeded):
                if self._stopping.is_set():
                    raise
                await asyncio.sleep(RECORD_AGAIN)

    def _finished(self, *, retried: bool) -> None:
        """Give the place back, and look at the queue again where that may find something."""
        with self._lock:
            self._free += 1
            # Claiming a row at a time would cost a transaction each; half the places are a good batch, and the
            # other half keeps every sender busy meanwhile.
            enough = self._backlog and self._free * 2 >= self._places
        if enough or retried:
            self._wake.set()

    async def _attempt_in_turn(self, claim: ClaimedChannel) -> ChannelResult | None:
        """Wait for a sender and make one attempt; None if the row is to be given back unsent."""
        await self._take_slot()
        try:
            held = self._still_held(claim)
            if held is None:
                return None
            refused = refuse(claim, now=self._clock(), cancelled=held.cancelled)
            if refused is not None:
                return refused
            if time.monotonic() >= held.deadline:
                return None  # the release is fenced: it does nothing if somebody else holds the row by now
            answer = await self._attempt(claim)
        finally:
            self._slots.release()
        return decide(
            claim,
            answer,
            now=self._clock(),
            policy=self._settings.retry,
            spread=random.random(),  # noqa: S311 - jitter
        )

    async def _take_slot(self) -> None:
        """Wait for a free sender; raise `_NotBegun` when the lane stops first."""
        if self._stopping.is_set():
            raise _NotBegun
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - runs as one
        self._waiting.add(task)
        try:
            await self._slots.acquire()
        except asyncio.CancelledError:
            task.uncancel()
            raise _NotBegun from None
        finally:
            self._waiting.discard(task)

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
        try:
            async with asyncio.timeout(self._settings.send_timeout):
                outcome = await provider.sender.send(message)
        except TimeoutError:
            detail = f"no answer within {self._settings.send_timeout:g} s"
            outcome = Outcome(OutcomeKind.UNKNOWN, "DEADLINE", detail, provider_fault=True)
        except asyncio.CancelledError:
            provider.breaker.abandoned()
            if not self._stopping.is_set():
                raise
            # The grace of a stop is over. The content may have been handed over, so the outcome is unknown.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            return Outcome(OutcomeKind.UNKNOWN, INTERRUPTED, "the server stopped during the attempt")
        except Exception as error:
            # A fault of ours or of a library: the row must not be lost over it, nor take the lane down.
            log.exception("sender raised", extra={"event": "sender_raised", "channel": self.channel})
            outcome = Outcome(OutcomeKind.UNKNOWN, type(error).__name__, "the sender failed unexpectedly")
        if outcome.provider_fault:
            provider.breaker.failed(time.monotonic())
        else:
            provider.breaker.succeeded()
        return outcome
