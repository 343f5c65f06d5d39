"""One channel's delivery, on a sender thread with its own event loop.

A lane claims what is due (`places` says how much of it), holds it (`leases`), has it sent (`attempts`) and has what
came of it written (`recorder`); each of these has a module of its own. Nothing is shared between lanes: a provider that
hangs fills its own lane.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import uvloop

from tocsin_server.channels.bounds import LONGEST_WAIT
from tocsin_server.channels.sender import Paced, Sender, SenderFactory, TakeTurn
from tocsin_server.delivery.attempts import Attempts
from tocsin_server.delivery.leases import Leases
from tocsin_server.delivery.outcomes import by_policy, decide, refuse
from tocsin_server.delivery.places import Places
from tocsin_server.delivery.recorder import Recorder
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.clock import Clock, micros
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import MICROS_PER_SECOND, ChannelResult, ChannelType, ClaimedChannel, Denial, Micros
from tocsin_server.domain.ports import QueueStore, SendingPolicies
from tocsin_server.telemetry.observer import UNOBSERVED, ClockSet, Observer, TakenOver
from tocsin_server.telemetry.outage import Trouble
from tocsin_server.timing.jumps import TOLERANCE, Jumps
from tocsin_server.timing.repeating import Repeating

log = logging.getLogger(__name__)

PLACES_PER_SENDER = 16
"""Rows held per concurrent attempt: enough that an attempt need not wait for a commit, few enough to send in time.

A row keeps its place until its result is written, and the next is claimed by a transaction after that. With 8, senders
of an empty queue waited for those two for a third of the time (measured, e-mail to a relay that answers at once)."""

POLL_INTERVAL = 1.0
"""Seconds between looks at the queue when nothing is known to be due earlier."""

CONTENDED = 0.05
"""Seconds before the next look when all that was due was somebody else's to send."""

TO_BREAK_OFF = 1.0
"""Seconds that attempts which a stop breaks off, and then the writing of the last results, may take at most."""

HASTEN_AT_ONCE = 1_000
"""Rows brought forward in one transaction after the clock was set."""

FOR_EVER = micros(100 * 365 * 86_400)
"""Longer than any row has to wait."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane works; durations in seconds."""

    concurrency: int = 16
    lease: float = 60.0
    send_timeout: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Lane:
    """Delivers the rows of one channel.

    Args:
        channel: Whose rows.
        factories: Makes the providers, in order of preference.
        store: The queue; may be called from the lane's own event loop.
        settings: See `LaneSettings`.
        clock: The present time.
        observer: Is told what happens.
        policies: Asked about each row just before it is sent.
        take_turn: Gives turns at providers that other processes ask, too; None if there are no others.
    """

    def __init__(
        self,
        channel: ChannelType,
        factories: Sequence[SenderFactory],
        store: QueueStore,
        settings: LaneSettings,
        clock: Clock,
        observer: Observer = UNOBSERVED,
        policies: SendingPolicies | None = None,
        take_turn: TakeTurn | None = None,
    ) -> None:
        self.channel = channel
        self.places = Places(settings.concurrency * PLACES_PER_SENDER)
        self.ended: Future[None] = Future()
        """Done once the thread has ended; an exception if nobody had asked for it."""
        self._factories = factories
        self._store = store
        self._settings = settings
        self._clock = clock
        self._observer = observer
        self._policies = policies
        self._take_turn = take_turn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._paused = False
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name=f"tocsin-{channel}", daemon=True)

    # -- called from other threads ---------------------------------------------------------------

    def start(self) -> None:
        """Start the sender thread; returns when it takes rows, and raises what kept a provider from being made."""
        self._thread.start()
        self._started.result()

    def hand_over(self, claims: Sequence[ClaimedChannel]) -> None:
        """Take rows that were leased for places reserved before."""
        assert self._loop is not None  # noqa: S101 - places are open only once the lane has started
        try:
            self._loop.call_soon_threadsafe(self._begin, claims)
        except RuntimeError:  # the lane ended between reservation and commit; their leases will run out
            log.warning("rows were leased to a stopped lane", extra={"event": "lease_orphaned"})

    def cancel(self, notification_ids: Sequence[str]) -> None:
        """Keep rows of these notifications that wait for their turn from being sent."""
        assert self._loop is not None  # noqa: S101 - there is nothing to cancel before the start
        ids = frozenset(notification_ids)
        with contextlib.suppress(RuntimeError):  # the lane ended; what it held is given back
            self._loop.call_soon_threadsafe(lambda: self._leases.cancel(ids))

    def pause(self, *, paused: bool) -> None:
        """Send nothing that is not being sent, and give back what is held, or go on. Idempotent."""
        if paused == self._paused:
            return
        self._paused = paused
        if paused:
            self.places.hold()
        else:
            self.places.go_on()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the lane ended; what it held is given back
                self._loop.call_soon_threadsafe(self._pause_changed)

    def look_after_leases(self) -> None:
        """Find out now what is not held any more, and does not have to be sent. May be called from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the lane ended
                self._loop.call_soon_threadsafe(self._renewing.wake)

    @property
    def providers(self) -> list[str]:
        """The names of its providers, in order of preference; known once it has started."""
        return self._attempts.names

    def stop(self, grace: float) -> None:
        """Finish what is being sent, within ``grace`` seconds, and give back the rest. Blocks; idempotent."""
        self.places.close()
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ends at this moment
                loop.call_soon_threadsafe(self._stop_soon, grace)
            # A sender that blocks its thread cannot be waited for; the thread is a daemon and ends with the process.
            self._thread.join(grace + 2 * TO_BREAK_OFF)
            if self._thread.is_alive():
                log.error("a sender blocks its thread", extra={"event": "lane_stuck", "channel": self.channel})

    # -- the lane's own loop ---------------------------------------------------------------------

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        except BaseException as error:
            self.places.close()
            if self._started.done():
                log.exception("a lane failed", extra={"event": "lane_failed", "channel": self.channel})
                self.ended.set_exception(error)
            else:
                self._started.set_exception(error)
        else:
            self.ended.set_result(None)

    async def _run(self) -> None:
        """Work until told to stop. Should any part end before, the lane ends with its error."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[ClaimedChannel | None] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._grace = 0.0
        self._jumps: Jumps | None = None
        self._leases = Leases(self._store, self._settings.lease, self._clock)
        self._recorder = Recorder(self.channel, self._store, self._let_go, self._clock, self._observer)
        self._attempts = Attempts(
            self.channel,
            [self._made(factory) for factory in self._factories],
            self._settings.send_timeout,
            self._clock,
            self._observer,
        )
        self._claiming = Repeating(self._claim, Trouble("claim", "looking for due rows", channel=self.channel))
        self._renewing = Repeating(
            self._leases.renew_in_time, Trouble("renew", "renewing leases", channel=self.channel)
        )
        senders = [asyncio.create_task(self._send_in_turn()) for _ in range(self._settings.concurrency)]
        recorder = asyncio.create_task(self._recorder.run())
        claiming, renewal = asyncio.create_task(self._claiming.run()), asyncio.create_task(self._renewing.run())
        told = asyncio.create_task(self._stopping.wait())
        self.places.open()
        self._started.set_result(None)
        try:
            ended, _ = await asyncio.wait(
                [told, recorder, claiming, renewal, *senders], return_when=asyncio.FIRST_COMPLETED
            )
            if told not in ended:
                for task in ended:
                    task.result()
            await _cancelled(claiming)
            await self._drain(senders, recorder)
            await _cancelled(renewal)
        finally:
            await self._attempts.close()

    def _made(self, factory: SenderFactory) -> Sender:
        sender = factory()
        if self._take_turn is not None and isinstance(sender, Paced):
            sender.keep_pace_with(self._take_turn)
        return sender

    def _stop_soon(self, grace: float) -> None:
        self._grace = grace
        self._stopping.set()

    async def _drain(self, senders: Sequence[asyncio.Task[None]], recorder: asyncio.Task[None]) -> None:
        """Give back what has not begun, let running attempts end, and write what came of them."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._grace
        self._recorder.patient = False
        self._attempts.stopping = True
        self._give_back_all()
        for _ in senders:
            self._queue.put_nowait(None)
        _, late = await asyncio.wait(senders, timeout=self._grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=TO_BREAK_OFF)
        self._recorder.finish()
        _, late = await asyncio.wait([recorder], timeout=max(TO_BREAK_OFF, until - loop.time()))
        for task in late:
            task.cancel()

    def _give_back_all(self) -> None:
        """Give back what waits for its turn."""
        while not self._queue.empty():
            claim = self._queue.get_nowait()
            if claim is not None:
                self._recorder.give_back(claim)

    def _pause_changed(self) -> None:
        if self._paused and not self._stopping.is_set():  # else the senders are being told to end
            self._give_back_all()
        self._claiming.wake()

    # -- claiming --------------------------------------------------------------------------------

    async def _claim(self) -> float:
        """Claim what is due and places are free for; returns the seconds until the next look."""
        await self._follow_the_clock()
        if self._paused:
            return POLL_INTERVAL  # or until it goes on
        probing = self._attempts.exhausted
        if probing:
            # What no provider would be given stays in the queue: claimed, it would only be put off, all of it at once
            # and in transactions that everybody else waits for. A single row is to find out what has changed.
            self.places.queue_behind()
            kept_out = self._attempts.kept_out()
            if kept_out > 0 or self._leases:
                return min(kept_out or POLL_INTERVAL, POLL_INTERVAL)
        if probing or not self.places.backlog:
            wait = await self._time_to_next()
            if wait > 0:
                return wait
            self.places.queue_behind()
        places = self.places.take(1 if probing else None)
        if not places:
            return POLL_INTERVAL  # or until enough places are given back, see _let_go
        claims: list[ClaimedChannel] = []
        try:
            claims = await self._store.claim(self.channel, places, micros(self._settings.lease), held=self._leases.ids)
        finally:
            self.places.give_back(places - len(claims))
        self._begin(claims)
        if len(claims) < places:
            self.places.caught_up()
        return 0.0 if claims else CONTENDED

    async def _time_to_next(self) -> float:
        """Return the seconds until a row is due, or the next look."""
        due_at = await self._store.next_due(self.channel)
        return POLL_INTERVAL if due_at is None else min((due_at - self._clock()) / MICROS_PER_SECOND, POLL_INTERVAL)

    async def _follow_the_clock(self) -> None:
        """Put right what a clock that was set has made wrong: leases, and times that were reckoned by it."""
        if self._jumps is None:
            # The clock may have been set while nobody looked. A first look at the queue sets ours right.
            await self._store.next_due(self.channel)
            longest = max(self._settings.retry.cap, LONGEST_WAIT) + TOLERANCE
            await self._hasten(self._clock() + micros(longest), FOR_EVER)
            self._jumps = Jumps(self._clock)
        elif seconds := self._jumps.since_last():
            self._observer.report(ClockSet(self.channel, seconds))
            await self._leases.renew()
            if seconds < 0:
                await self._hasten(self._clock(), micros(-seconds))

    async def _hasten(self, later_than: Micros, by: Micros) -> None:
        """Bring forward what waits for a time that was reckoned by the clock, a part at a time."""
        after: Micros | None = later_than
        while after is not None:
            after = await self._store.hasten(self.channel, after, by, HASTEN_AT_ONCE)

    def _begin(self, claims: Sequence[ClaimedChannel]) -> None:
        self._leases.begin(claims)
        for claim in claims:
            if claim.taken_over:
                self._observer.report(TakenOver(self.channel, claim.id))
            if self._stopping.is_set() or self._paused:
                self._recorder.give_back(claim)
            else:
                self._queue.put_nowait(claim)

    def _let_go(self, row_id: str, retried: bool) -> None:
        """Give the place of a row back, and look at the queue again where that may find something."""
        self._leases.end(row_id)
        enough = self.places.give_back()
        if enough or retried:
            self._claiming.wake()

    # -- sending ---------------------------------------------------------------------------------

    async def _send_in_turn(self) -> None:
        """Be one of the senders: take one row after another to its result, until there is None instead of a row."""
        while (claim := await self._queue.get()) is not None:
            try:
                result = await self._result(claim)
            except Exception:
                # The lease will run out and the row is claimed again, counting this attempt as unknown.
                log.exception("a row was left", extra={"event": "row_left", "channel_id": claim.id})
                self._let_go(claim.id, retried=False)
            else:
                if result is None:
                    self._recorder.give_back(claim)
                else:
                    self._recorder.add(result)

    async def _result(self, claim: ClaimedChannel) -> ChannelResult | None:
        """Make one attempt, unless it is too late for that; None if the row is to be given back unsent."""
        held = self._leases.held(claim)
        if held is None or self._paused:
            return None
        is_read = claim.unless_read and await self._is_read(claim)
        if is_read is None:
            return None
        refused = refuse(claim, now=self._clock(), cancelled=held.cancelled, is_read=is_read)
        if refused is not None:
            return refused
        if self._policies is not None and self._policies.any and (kept := await self._kept(claim)) is not None:
            return kept
        if not self._may_send(claim):
            return None  # the release is fenced: it does nothing if somebody else holds the row by now
        answer = await self._attempts.make(claim, self._may_send)
        if self._attempts.exhausted:
            self.places.queue_behind()
        return decide(
            claim,
            answer,
            now=self._clock(),
            policy=self._settings.retry,
            spread=random.random(),  # noqa: S311 - jitter
        )

    def _may_send(self, claim: ClaimedChannel) -> bool:
        return not self._paused and self._leases.may_send(claim)

    async def _kept(self, claim: ClaimedChannel) -> ChannelResult | None:
        """Ask the policies of this moment about a row; None if it may be sent."""
        assert self._policies is not None  # noqa: S101 - asked only if there are any
        now = self._clock()
        ruling: Denial | Micros | None
        try:
            ruling = await self._policies.ruling(claim, now)
        except TocsinError as error:  # what they need to know cannot be read, and nothing is sent unasked
            log.debug("a row waits for its policies", extra={"event": "ruling_failed", "reason": error.reason})
            ruling = now + micros(POLL_INTERVAL)
        return None if ruling is None else by_policy(claim, ruling, now=now)

    async def _is_read(self, claim: ClaimedChannel) -> bool | None:
        """Look whether a notification is read, wherever that was told; None if nobody can say now."""
        try:
            return await self._store.is_read(claim.notification_id)
        except TocsinError:
            return None


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
