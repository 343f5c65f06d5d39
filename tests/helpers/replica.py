"""Buses on the bench: replicas that each have an event loop of their own, and the servers between them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar

import psycopg2
import uvloop

from helpers.nats_server import NatsServer
from helpers.postgresql import PostgresqlServer
from helpers.waiting import eventually
from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus.choice import make_bus
from tocsin_server.feed.bus.hints import Bus, Hint

T = TypeVar("T")

EPOCH = 2**62 + 1
"""As long as an epoch gets."""

PATIENCE = 60.0
"""Seconds after which a call has failed."""


def user() -> Recipient:
    """Return a recipient whom no other test knows."""
    return Recipient(RecipientType.USER, str(uuid.uuid4()))


def hint(recipient: Recipient, sequence: int) -> Hint:
    """Return a hint in the one epoch that these tests know."""
    return Hint(recipient, FeedPosition(EPOCH, sequence))


class Replica:
    """A process as the bus sees it: it receives hints on an event loop and publishes from any other thread.

    Args:
        url: Of the bus.
        early: Published before the bus is started.
    """

    def __init__(self, url: str, *early: Hint) -> None:
        self.bus: Bus = make_bus(url)
        self.bus.publish(early)
        self.hints: dict[Recipient, list[int]] = defaultdict(list)
        """The sequences that arrived."""
        self.resets = 0
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replica", daemon=True)
        self._thread.start()
        self.run(self._start())

    async def _start(self) -> None:
        self.bus.start(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the replica's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    # -- what a hub does -------------------------------------------------------------------------

    def hint(self, recipient: Recipient, position: FeedPosition) -> None:
        """See `HintReceiver.hint`."""
        assert asyncio.get_running_loop() is self._loop
        assert position.epoch == EPOCH
        self.hints[recipient].append(position.sequence)

    def reset(self) -> None:
        """See `HintReceiver.reset`."""
        assert asyncio.get_running_loop() is self._loop
        self.resets += 1

    # -- calls -----------------------------------------------------------------------------------

    def join(self, *recipients: Recipient) -> None:
        """Return when hints for all of them arrive."""

        async def join() -> None:
            await asyncio.gather(*(self.bus.join(recipient) for recipient in recipients))

        self.run(join())

    def leave(self, *recipients: Recipient) -> None:
        """Take no more hints for them."""

        async def leave() -> None:
            for recipient in recipients:
                self.bus.leave(recipient)

        self.run(leave())

    def publish(self, recipient: Recipient, *sequences: int) -> None:
        """Publish hints in one call, on the test's thread."""
        self.bus.publish(hint(recipient, sequence) for sequence in sequences)

    def close(self) -> None:
        """Close the bus."""
        self.run(self.bus.close())

    def newest(self, recipient: Recipient) -> int:
        """Return the highest sequence that arrived, 0 if none did."""
        return max(self.hints.get(recipient, ()), default=0)

    def wait_for(self, recipient: Recipient, sequence: int) -> None:
        """Return when a hint of this sequence, or a higher one, has arrived."""
        eventually(lambda: self.newest(recipient) >= sequence)

    def wait_for_reset(self, count: int = 1) -> None:
        """Return when the bus was connected at least ``count`` times."""
        eventually(lambda: self.resets >= count)


@contextlib.contextmanager
def replicas(url: str, count: int = 2) -> Iterator[list[Replica]]:
    """Give connected replicas."""
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(Replica(url)) for _ in range(count)]
        for replica in several:
            replica.wait_for_reset()
        yield several


def exchange(sender: Replica, receiver: Replica, recipients: Iterable[Recipient] = ()) -> None:
    """Assert that hints go from one to the other now, for recipients that the receiver has joined, or for a new one."""
    several = list(recipients)
    if not several:
        several = [user()]
        receiver.join(*several)
    for recipient in several:
        sequence = receiver.newest(recipient) + 1
        sender.publish(recipient, sequence)
        receiver.wait_for(recipient, sequence)


class BusServer(Protocol):
    """A server of one's own between replicas."""

    @property
    def url(self) -> str:
        """Where it is."""

    def start(self) -> None:
        """Start, and wait until it answers."""

    def stop(self) -> None:
        """Stop it, and with it all connections."""

    def remove(self) -> None:
        """Stop it for good."""


def make_server(kind: str) -> BusServer:
    """Start a server of one's own."""
    return NatsServer() if kind == "nats" else PostgresqlServer()


def terminate_connections(database_url: str) -> int:
    """End the sessions of all buses on a database, as an administrator can; returns how many there were."""
    with contextlib.closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'tocsin-bus'"
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])
