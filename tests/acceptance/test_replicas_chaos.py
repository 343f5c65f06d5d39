"""Everything fails while sending goes on: replicas are killed, the database and the bus go away, the relay is moody.

Three replicas share a PostgreSQL and a NATS server of their own. Senders repeat what got no answer under the same key,
so that in the end every call was answered with OK; subscribers resume at another replica when theirs is gone. What
goes wrong is a script that is paced by what was accepted, not by the clock; at which step of whose work it strikes is
a different one every time. In the end the database, the feeds and the relay's log are held against the promises.

The relay's log does not have the number of an attempt: a mail is the same bytes at every attempt, so that receivers can
recognise a repetition by its Message-ID, which is made of the channel row's id. What "one attempt is sent at most once"
then means is that the log has no more entries of a row than the row has attempts of which it does not know better
than that they may have been accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

from helpers.nats_server import NatsServer
from helpers.postgresql import PostgresqlServer, free_port
from helpers.process import ServerProcess
from helpers.smtp_server import SmtpServer, drop, refuse
from helpers.waiting import eventually
from tocsin_client import AsyncClient, Backoff, Client, Notification, NotificationEvent, ReadChanged, Subscribed

REPLICAS = 3
RECIPIENTS = 30
DEVICES = 2
"""Of each recipient, at different replicas."""
SENDERS = 6
STRIDE = 120
"""Notifications that are accepted from one fault to the next."""
READ_EVERY = 4
"""Of what every second recipient gets, one in so many is marked as read, through any replica."""
REPEAT_EVERY = 5
"""One call in so many is made again through another replica after its answer."""

PATIENCE = 90.0
"""Seconds after which something hangs."""
QUICK = Backoff(initial=0.02, cap=0.2)

GREYLISTED = refuse("rcpt", "451 4.7.1 try again later")
OVERLOADED = refuse("content", "451 4.4.5 not now")
NO_SUCH_USER = refuse("rcpt", "550 5.1.1 no such user")
MOODS = (GREYLISTED, drop("content"), OVERLOADED, NO_SUCH_USER, drop("mail"), GREYLISTED, drop("content"), OVERLOADED)
"""What the relay does to the next mails after each fault; too little at a time for a breaker to open."""


class Cluster:
    """Three replicas with what they need."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.postgresql = PostgresqlServer()
        stack.callback(self.postgresql.remove)
        self.database = self.postgresql.create_database()
        self.nats = stack.enter_context(NatsServer())
        self.smtp = stack.enter_context(SmtpServer())
        self._folder = folder
        self._settings = {
            "TOCSIN_DATABASE_URL": self.database,
            "TOCSIN_BUS_URL": self.nats.url,
            "TOCSIN_SMTP_URL": self.smtp.url,
            "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
            "TOCSIN_LEASE": "2s",
            "TOCSIN_RETRY_BASE": "100ms",
            "TOCSIN_RETRY_CAP": "1s",
        }
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in range(REPLICAS)]
        self.servers: list[ServerProcess] = []
        """Every process that ever was one."""
        self._running = [self._start(address) for address in self.addresses]
        stack.callback(self._close)
        self.all_up()

    def _close(self) -> None:
        for server in self._running:
            server.close()

    def target(self, first: int) -> str:
        """Return all replicas as one target, in an order that begins with ``first``: whoever is there is taken."""
        ordered = [self.addresses[(first + place) % REPLICAS] for place in range(REPLICAS)]
        return f"ipv4:{','.join(ordered)}"

    def all_up(self) -> None:
        """Return when every replica serves."""
        for server in self._running:
            assert server.address

    def _start(self, address: str) -> ServerProcess:
        server = ServerProcess(self._folder, "--listen", address, **self._settings)
        self.servers.append(server)
        return server

    def begin_again(self, number: int) -> None:
        """Start a replica whose process has ended, without waiting until it serves."""
        self._running[number] = self._start(self.addresses[number])

    def kill(self, number: int) -> None:
        """End a replica as `kill -9` does."""
        self._running[number].close()

    def crash(self, number: int) -> None:
        """End a replica as `kill -9` does, and start it again."""
        self.kill(number)
        self.begin_again(number)

    def replace(self, number: int) -> None:
        """Restart a replica in order, as at a deployment."""
        self._running[number].terminate()
        assert self._running[number].wait() == 0
        self._running[number].close()
        self.begin_again(number)

    def restart_database(self, mode: str) -> None:
        """Stop the database server and start it again; "immediate" is as a crash."""
        self.postgresql.stop(mode)
        self.postgresql.start()

    def crash_database_and(self, number: int) -> None:
        """Let a replica crash while the database is away after a crash of its own."""
        self.postgresql.stop("immediate")
        self.kill(number)
        self.postgresql.start()
        self.begin_again(number)


def script(cluster: Cluster) -> list[Callable[[], None]]:
    """Return what goes wrong, in order."""
    return [
        lambda: cluster.crash(0),
        cluster.nats.stop,
        lambda: cluster.crash(1),
        cluster.nats.start,
        lambda: cluster.restart_database("fast"),
        lambda: cluster.crash(2),
        lambda: cluster.restart_database("immediate"),
        lambda: cluster.replace(0),
        cluster.nats.kill,
        lambda: cluster.crash_database_and(1),
        cluster.nats.start,
        lambda: cluster.crash(2),
    ]


class Pace:
    """Numbers for the senders, and what they have achieved, for the script."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._next = 0
        self._allowed = 0
        self._over = False
        self.done = 0

    def next(self) -> int | None:
        """Return the next number when its time has come, None if there is none any more."""
        with self._news:
            assert self._news.wait_for(lambda: self._over or self._next < self._allowed, PATIENCE)
            if self._next >= self._allowed:
                return None
            self._next += 1
            return self._next - 1

    def allow(self, more: int) -> None:
        """Let the senders go on by so many."""
        with self._news:
            self._allowed += more
            self._news.notify_all()

    def finish(self) -> None:
        """Let the senders end when they have done what they were allowed."""
        with self._news:
            self._over = True
            self._news.notify_all()

    def note(self) -> None:
        """Count one that is done."""
        with self._news:
            self.done += 1
            self._news.notify_all()

    def wait_for(self, count: int) -> None:
        """Return when so many are done."""
        with self._news:
            assert self._news.wait_for(lambda: self.done >= count, PATIENCE), (
                f"{self.done} of {count} after {PATIENCE} s"
            )


class Senders:
    """Threads that send, each through a client of its own, until the pace is over."""

    def __init__(self, cluster: Cluster, recipients: list[str]) -> None:
        self.pace = Pace()
        self.accepted: dict[str, str] = {}
        """Id by key."""
        self.read: set[str] = set()
        """Ids that were marked as read."""
        self.failures: list[BaseException] = []
        self._cluster = cluster
        self._recipients = recipients
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        self.pace.finish()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        if self.failures:
            raise self.failures[0]

    def _run(self, number: int) -> None:
        with (
            Client(self._cluster.target(number), retry=QUICK, deadline=PATIENCE) as here,
            Client(self._cluster.target(number + 1), retry=QUICK, deadline=PATIENCE) as there,
        ):
            while (place := self.pace.next()) is not None:
                try:
                    self._send(here, there, place)
                except BaseException as error:  # noqa: BLE001 - raised again by `join`
                    self.failures.append(error)
                self.pace.note()

    def _send(self, here: Client, there: Client, place: int) -> None:
        chosen = place % RECIPIENTS
        draft: dict[str, Any] = {
            "recipient": ("user", self._recipients[chosen]),
            "title": f"Order {place}",
            "message": "It arrives on Friday.",
            "channels": ["websocket", ("email", f"user{place}@example.org")],
            "idempotency_key": f"order-{place}",
        }
        notification_id = here.send(**draft).notification.id
        self.accepted[f"order-{place}"] = notification_id
        if place % REPEAT_EVERY == 0:
            again = there.send(**draft)
            assert (again.notification.id, again.duplicate) == (notification_id, True)
        if chosen % 2 and place // RECIPIENTS % READ_EVERY == 0:
            self.read.add(notification_id)
            there.mark_read(notification_id)


class Device:
    """A subscriber that keeps what it is told, as clients do."""

    def __init__(self, recipient: str) -> None:
        self.recipient = recipient
        self.known: dict[str, bool] = {}
        """Whether read, by id, in the order of first appearance."""
        self.unread_count = 0
        self.streams = 0

    async def follow(self, client: AsyncClient) -> None:
        async with client.subscribe(("user", self.recipient)) as events:
            async for event in events:
                self.unread_count = event.unread_count
                if isinstance(event, NotificationEvent):
                    self.known[event.notification.id] = event.notification.is_read
                elif isinstance(event, ReadChanged):
                    self.known.update(dict.fromkeys(event.ids, True))
                elif isinstance(event, Subscribed):
                    assert event.recovered
                    self.streams += 1

    def knows(self, feed: list[Notification], unread_count: int) -> bool:
        """Tell whether it is up to date."""
        return self.known == {one.id: one.is_read for one in feed} and self.unread_count == unread_count


class Devices:
    """Every recipient's devices, on an event loop of their own."""

    def __init__(self, cluster: Cluster, recipients: list[str]) -> None:
        self.devices = [Device(recipient) for recipient in recipients for _ in range(DEVICES)]
        self.failures: list[BaseException] = []
        self._cluster = cluster
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),))
        self._stop = asyncio.Event()
        self._thread.start()
        eventually(lambda: all(device.streams for device in self.devices))

    async def _main(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(AsyncClient(self._cluster.target(number), reconnect=QUICK))
                for number in range(REPLICAS)
            ]
            tasks = [
                asyncio.create_task(device.follow(clients[number % REPLICAS]))
                for number, device in enumerate(self.devices)
            ]
            await self._stop.wait()
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self.failures += [
                error for error in ended if error is not None and not isinstance(error, asyncio.CancelledError)
            ]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        self._loop.close()


ERRORS = re.compile(r"^\S+ ERROR .*(?:\n(?!\d{4}-).*)*", re.MULTILINE)
"""In the log of a replica, with their tracebacks."""


def rows(database: str, query: str) -> list[Any]:
    with contextlib.closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


WITHOUT_DUE_TIME = """
SELECT id FROM notification_channels WHERE status = 'pending' AND due_at IS NULL AND channel <> 'websocket'
"""
MISCOUNTED = """
SELECT recipient_id, unread_count, last_sequence, counted.unread, counted.highest
FROM recipient_feeds
LEFT JOIN (
    SELECT recipient_id, count(*) FILTER (WHERE NOT is_read) AS unread, max(sequence) AS highest
    FROM notifications WHERE entered_sequence IS NOT NULL GROUP BY recipient_id
) AS counted USING (recipient_id)
WHERE unread_count IS DISTINCT FROM unread OR last_sequence IS DISTINCT FROM highest
"""
UNSETTLED = """
SELECT channel, status, attempts, due_at - now(), claim_token IS NOT NULL, response
FROM notification_channels WHERE status = 'pending'
"""


def test_whatever_fails_nothing_accepted_is_lost_or_stuck_and_every_feed_is_whole(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        cluster = Cluster(tmp_path, stack)
        recipients = [str(uuid.uuid4()) for _ in range(RECIPIENTS)]
        devices = Devices(cluster, recipients)
        stack.callback(devices.close)
        senders = Senders(cluster, recipients)
        stack.callback(senders.join)

        senders.pace.allow(STRIDE)
        for number, fault in enumerate(script(cluster), 1):
            senders.pace.wait_for(number * STRIDE - SENDERS)  # the last of them may be waiting for an answer
            cluster.all_up()
            cluster.smtp.script(*MOODS)
            senders.pace.allow(STRIDE)
            fault()
            # These hold at every moment, in the middle of everything.
            assert rows(cluster.database, WITHOUT_DUE_TIME) == []
            assert rows(cluster.database, MISCOUNTED) == []
        # A change whose hint got lost is found by the next one, or by the check of each stream every 30 seconds.
        senders.pace.allow(RECIPIENTS)
        cluster.all_up()
        senders.join()

        eventually(lambda: rows(cluster.database, UNSETTLED) == [])
        accepted_once(cluster, senders)
        delivered_once(cluster)
        feeds_are_whole(cluster, senders, devices)
        assert rows(cluster.database, MISCOUNTED) == []
        # What was away is told as such: an error would be a fault of ours.
        assert [error for server in cluster.servers for error in ERRORS.findall(server.errors)] == []
    assert not devices.failures


def accepted_once(cluster: Cluster, senders: Senders) -> None:
    """Hold what was answered with OK against what is stored."""
    stored = rows(cluster.database, "SELECT title, id::text FROM notifications")
    assert len(stored) == senders.pace.done == len(senders.accepted)
    assert {f"order-{title.removeprefix('Order ')}": one for title, one in stored} == senders.accepted
    assert dict(rows(cluster.database, "SELECT key, notification_id::text FROM idempotency_keys")) == senders.accepted
    kinds = Counter(rows(cluster.database, "SELECT notification_id::text, channel FROM notification_channels"))
    assert set(kinds) == {(one, kind) for one in senders.accepted.values() for kind in ("websocket", "email")}
    assert set(kinds.values()) == {1}
    read = {one for (one,) in rows(cluster.database, "SELECT id::text FROM notifications WHERE is_read")}
    assert read == senders.read


def delivered_once(cluster: Cluster) -> None:
    """Hold every e-mail's row against the relay's log."""
    log = Counter(mail.message_id for mail in cluster.smtp.messages)
    mails = rows(
        cluster.database,
        "SELECT id::text, status, attempts, response FROM notification_channels WHERE channel = 'email'",
    )
    assert set(log) <= {f"<{row_id}@shop.example>" for row_id, *_ in mails}
    for row_id, status, attempts, response in mails:
        entries = log[f"<{row_id}@shop.example>"]
        answers = [response, *response.get("history", ())]
        refused = sum(answer["outcome"] in ("transient", "permanent") for answer in answers)
        assert entries <= attempts - refused, (row_id, entries, attempts, response)
        if status == "sent":
            assert entries >= 1
            assert response["outcome"] == "accepted"
        else:
            assert (status, response["code"]) == ("failed", "550")


def feeds_are_whole(cluster: Cluster, senders: Senders, devices: Devices) -> None:
    """Hold what each device knows against its recipient's feed, as each replica lists it."""
    by_recipient: dict[str, list[Device]] = defaultdict(list)
    for device in devices.devices:
        by_recipient[device.recipient].append(device)
    for number, (recipient, several) in enumerate(by_recipient.items()):
        with Client(cluster.addresses[number % REPLICAS]) as client:
            feed = list(client.iterate(recipient=("user", recipient), feed_only=True))[::-1]
            unread_count = client.count_unread(("user", recipient))
        assert unread_count == sum(not one.is_read for one in feed)
        assert {channel.status for one in feed for channel in one.channels if channel.channel == "websocket"} == {
            "sent"
        }
        assert {one.id for one in feed if one.is_read} <= senders.read
        for device in several:
            eventually(functools.partial(device.knows, feed, unread_count))
            # What was read while the device was away comes once, at the place of this change.
            in_order = [one for one in device.known if one not in senders.read]
            assert in_order == [one.id for one in feed if one.id not in senders.read]
