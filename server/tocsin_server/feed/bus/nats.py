"""The bus over core NATS: a subject per recipient, and a replica subscribes to those whose streams it has.

Replicas of one deployment share a NATS account; another deployment's hints would do no harm but make streams read in
vain. nats-py's own reconnecting is not used: it gives up for good on some errors and has no backoff, and the start
needs a loop of ours anyway. A client of it therefore lives for one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, NoServersError

from tocsin_server.domain.model import FeedPosition, Recipient
from tocsin_server.feed.bus.connection import RECONNECTING, BusUnreachable, ConnectionLog
from tocsin_server.feed.bus.hints import Hint, HintReceiver, PendingHints
from tocsin_server.process.ends import end_of

CONNECT_TIMEOUT = 5
"""Seconds for each step of connecting to a server."""

ROUND_TIMEOUT = 5
"""Seconds in which a server takes what it is told; one that does not counts as lost."""

ROUND_SIZE = 1_000
"""Subscriptions made or ended in one round, so that of a mass reconnect the first need not wait for the last."""

SWEEP_INTERVAL = 5.0
"""Seconds between two looks at who has left and whether the server answers. A subscriber who reconnects at once, as
they do, finds the subscription still there."""

CLOSE_PATIENCE = 2.0
"""Seconds that `NatsBus.close` waits for the last round."""


def subject_of(recipient: Recipient) -> str:
    """Return the subject of a recipient's hints."""
    return f"tocsin.feed.{recipient.type}.{recipient.id}"


def credentials_apart(urls: Sequence[str]) -> tuple[list[str], Mapping[str, Any]]:
    """Take the credentials out of URLs of servers; returns the bare URLs, and options of nats-py.

    It would not decode them, so that a password with an ``@`` could not be written. Those of the first URL that has
    any are good for all, which are servers of one cluster. A name without a password is a token.
    """
    bare: list[str] = []
    options: dict[str, str] = {}
    for url in urls:
        parts = urlsplit(url.strip())
        bare.append(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
        if parts.username and not options:
            if parts.password is None:
                options = {"token": unquote(parts.username)}
            else:
                options = {"user": unquote(parts.username), "password": unquote(parts.password)}
    return bare, options


class _Connection(Client):
    """A client that can be closed whatever became of its line.

    The library writes what is pending before it closes, also to a line that is closed already, which on uvloop raises
    RuntimeError and leaves everything after it undone: subscriptions go on, and nobody is told (nats-py 2.16,
    `Client._close`). Here, every round waits until what it wrote has arrived; so what is still pending at the end
    belongs to a round that failed, and is published again over the next connection.
    """

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self._pending = []
        self._pending_data_size = 0
        await super()._close(status, do_cbs)


async def reach(urls: Sequence[str]) -> None:
    """Connect to one of the servers, log in, and no more; raises `BusUnreachable`."""
    servers, credentials = credentials_apart(urls)
    client, faults = Client(), list[Exception]()

    async def failed(error: Exception) -> None:
        faults.append(error)

    try:
        await client.connect(
            servers=servers,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT,
            error_cb=failed,
            **credentials,
        )
    except Exception as error:  # noqa: BLE001 - the library lets many kinds through
        cause = faults[-1] if faults else error
        raise BusUnreachable(f"{type(cause).__name__}: {cause}") from None
    await client.close()


class NatsBus:
    """A `Bus` for replicas on one NATS server or cluster.

    Args:
        urls: ``nats://`` or ``tls://`` each; servers are tried in random order. A server's certificate is checked
            against the authorities that OpenSSL knows (``SSL_CERT_FILE``).
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._servers, self._credentials = credentials_apart(urls)
        self._outgoing = PendingHints()
        self._log = ConnectionLog("nats")
        self._wanted: set[Recipient] = set()
        self._fresh: set[Recipient] = set()
        """Recipients that may still have to be subscribed to."""
        self._stale: set[Recipient] = set()
        """Recipients whose subscriptions may have to be ended."""
        self._active: dict[Recipient, Subscription] = {}
        """What the server is known to have subscribed us to."""
        self._connected = False
        self._round = asyncio.Event()
        """Set at the end of the next round, whether it succeeds or not."""
        self._limit: asyncio.Timeout | None = None
        """Of the present round."""
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, receiver: HintReceiver) -> None:
        """See `Bus.start`."""
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="feed-bus")

    async def join(self, recipient: Recipient) -> None:
        """See `Bus.join`."""
        self._wanted.add(recipient)
        while self._connected and recipient in self._wanted and recipient not in self._active:
            self._fresh.add(recipient)
            self._wake.set()
            await self._round.wait()

    def leave(self, recipient: Recipient) -> None:
        """See `Bus.leave`."""
        self._wanted.discard(recipient)

    def publish(self, hints: Iterable[Hint]) -> None:
        """See `Bus.publish`."""
        if self._outgoing.add(hints) and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """See `Bus.run`."""
        assert self._task is not None  # noqa: S101 - made by `start`
        await end_of(self._task)

    async def close(self) -> None:
        """See `Bus.close`."""
        self._closing.set()
        self._wake.set()
        if self._task is None:
            return
        if self._connected:
            await asyncio.wait([self._task], timeout=CLOSE_PATIENCE)
        self._task.cancel()
        await asyncio.wait([self._task], timeout=CLOSE_PATIENCE)

    # -- the connection --------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began = self._loop.time()
            client = _Connection()
            try:
                await self._connect(client)
                await self._exchange(client)
            except NoServersError:
                pass  # of each server it was logged why
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the bus has to come back
                self._log.lost(client.last_error or error)
            finally:
                self._connected = False
                self._active = {}
                self._end_round()
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(CLOSE_PATIENCE):
                        await client.close()
            failures = RECONNECTING.failures(failures, self._loop.time() - began)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONNECTING.pause(failures)):
                    await self._closing.wait()

    async def _connect(self, client: Client) -> None:
        async def failed(error: Exception) -> None:
            self._log.lost(error)

        async def closed() -> None:
            self._wake.set()
            if self._limit is not None:
                # Else a round would wait in vain for its answer.
                with contextlib.suppress(RuntimeError):  # its time is over already
                    self._limit.reschedule(self._loop.time())

        await client.connect(
            servers=self._servers,
            name="tocsin",
            no_echo=True,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT,
            error_cb=failed,
            closed_cb=closed,
            **self._credentials,
        )

    async def _exchange(self, client: Client) -> None:
        """Subscribe and publish, round by round, until the bus is closed; raises when the connection is lost."""
        self._fresh, self._stale = set(self._wanted), set()
        self._connected = True
        announced = False
        next_sweep = self._loop.time() + SWEEP_INTERVAL
        while True:
            closing = self._closing.is_set()
            self._wake.clear()
            hints = self._outgoing.take()
            try:
                async with asyncio.timeout(ROUND_TIMEOUT) as self._limit:
                    await self._play_round(client, hints)
            except BaseException:
                self._outgoing.add(hints)
                raise
            finally:
                self._limit = None
            self._end_round()
            if closing:
                return
            if self._fresh or self._stale:
                continue
            if not announced:
                announced = True
                self._log.connected()
                self._receiver.reset()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_sweep):
                    await self._wake.wait()
            if self._loop.time() >= next_sweep:
                next_sweep = self._loop.time() + SWEEP_INTERVAL
                self._stale = self._active.keys() - self._wanted

    async def _play_round(self, client: Client, hints: Sequence[Hint]) -> None:
        """Subscribe for those who join, publish, and return when the server has done all of it."""
        subscribed: dict[Recipient, Subscription] = {}
        while self._fresh and len(subscribed) < ROUND_SIZE:
            recipient = self._fresh.pop()
            if recipient in self._wanted and recipient not in self._active and recipient not in subscribed:
                deliver = functools.partial(self._deliver, recipient)
                subscribed[recipient] = await client.subscribe(subject_of(recipient), cb=deliver)
        for _ in range(min(ROUND_SIZE, len(self._stale))):
            recipient = self._stale.pop()
            if recipient not in self._wanted and recipient in self._active:
                await self._active.pop(recipient).unsubscribe()
        for recipient, (epoch, sequence) in hints:
            await client.publish(subject_of(recipient), b"%d %d" % (epoch, sequence))
        await _flush(client)
        self._active.update(subscribed)

    def _end_round(self) -> None:
        self._round.set()
        self._round = asyncio.Event()

    async def _deliver(self, recipient: Recipient, message: Msg) -> None:
        try:
            epoch, sequence = message.data.split()
            position = FeedPosition(int(epoch), int(sequence))
        except ValueError:
            return  # not from a replica of ours
        if recipient in self._wanted:
            self._receiver.hint(recipient, position)


async def _flush(client: Client) -> None:
    """Return when the server has seen all commands.

    The library's own flush sends its PING ahead of commands that its task for writing has not taken yet (nats-py
    2.16, `Client._send_ping`), so that task has to have its turn first.
    """
    pause = 0.0
    while client.pending_data_size and not client.is_closed:
        await asyncio.sleep(pause)
        pause = 0.001
    await client.flush(ROUND_TIMEOUT)
    if client.is_closed:
        raise ConnectionClosedError
