"""A provider without a network: notes every attempt, and ends each as it is told."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.domain.model import ClaimedChannel

ACCEPTED = Outcome(OutcomeKind.ACCEPTED, "250", "accepted")
TRANSIENT = Outcome(OutcomeKind.TRANSIENT, "451", "try again later")
PERMANENT = Outcome(OutcomeKind.PERMANENT, "550", "no such mailbox")
UNKNOWN = Outcome(OutcomeKind.UNKNOWN, "EOF", "the line broke after the content", provider_fault=True)
THROTTLED = Outcome(OutcomeKind.THROTTLED, "429", "too many requests", retry_after=0.01)
BROKEN = Outcome(OutcomeKind.TRANSIENT, "ECONNREFUSED", "connection refused", provider_fault=True)

Answer = Callable[[ClaimedChannel], Outcome | None]
"""Ends an attempt; None lets it hang until `Provider.release`."""


class Provider:
    """Makes senders, one per lane, that share one log; ``log`` holds (row id, attempt number) in order."""

    def __init__(
        self, answer: Answer = lambda _: ACCEPTED, name: str = "test://provider", *, hands_over: bool = True
    ) -> None:
        self.name = name
        self.hands_over = hands_over
        """Whether an attempt that hangs has handed its content over."""
        self.log: list[tuple[str, int]] = []
        self.bodies: list[str] = []
        self.hanging = threading.Event()
        """Set once an attempt hangs."""
        self.closed = 0
        self._answer = answer
        self._released = threading.Event()
        self._lock = threading.Lock()

    def __call__(self) -> _Sender:
        return _Sender(self)

    def release(self) -> None:
        """Let what hangs be accepted."""
        self._released.set()

    def take(self, claim: ClaimedChannel) -> Outcome | None:
        with self._lock:
            self.log.append((claim.id, claim.attempts + 1))
            self.bodies.append(claim.message)
        return self._answer(claim)

    @property
    def entries(self) -> Counter[tuple[str, int]]:
        """How often each attempt of each row was made."""
        return Counter(self.log)

    @property
    def released(self) -> bool:
        return self._released.is_set()


class _Sender:
    credential_codes = ("535",)

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name = provider.name

    async def send(self, attempt: Attempt) -> Outcome:
        attempt.handed_over = self._provider.hands_over
        outcome = self._provider.take(attempt.claim)
        if outcome is not None:
            return outcome
        self._provider.hanging.set()
        while not self._provider.released:  # noqa: ASYNC110 - released from another thread, for several loops
            await asyncio.sleep(0.005)
        return ACCEPTED

    async def reach(self) -> str:
        return ""

    async def close(self) -> None:
        self._provider.closed += 1
