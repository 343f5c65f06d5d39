"""Feeds under load: many senders at once, subscribers that are cut at random and resume, exact counts in the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import (
    DEADLINE,
    EMAIL,
    SENT,
    WEBSOCKET,
    AioApi,
    Api,
    at,
    channel_of,
    ids_of,
    request,
    run_async,
    user,
)
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually

SEEDS = (1, 2, 3)
RECIPIENTS = 4
SENDERS = 5
PER_SENDER = 30
EACH = SENDERS * PER_SENDER
"""Notifications of one recipient."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("server"), dev=True) as running:
        yield running


@dataclass
class Device:
    """A client as the contract wants it: it keeps what it got by id, and the last cursor."""

    api: AioApi
    recipient: pb.Recipient
    cursor: str = ""
    arrived: list[str] = field(default_factory=list)
    """Ids in the order in which they came first."""
    repeated: int = 0
    read: dict[str, bool] = field(default_factory=dict)
    unread_count: int = -1
    cuts: int = 0

    async def follow(self, dice: random.Random, until: Any) -> None:
        """Subscribe, be cut, and resume, until ``until`` holds."""
        while not until(self):
            call = self.api.stub.Subscribe(
                service_pb.SubscribeRequest(recipient=self.recipient, cursor=self.cursor), timeout=DEADLINE
            )
            patience = dice.choice((0, 1, 3, 10, 40))
            started = False
            async for event in call:
                self.take(event, started=started)
                started = True
                patience -= 1
                if patience < 0 or until(self):
                    break
            call.cancel()
            self.cuts += 1

    async def confirm(self) -> None:
        """Come back once more: what was being written when a stream was cut may have arrived, as the cursor tells."""
        call = self.api.stub.Subscribe(
            service_pb.SubscribeRequest(recipient=self.recipient, cursor=self.cursor), timeout=DEADLINE
        )
        async for event in call:
            self.take(event, started=False)
            break
        call.cancel()

    def take(self, event: service_pb.SubscribeResponse, *, started: bool) -> None:
        """Keep what an event tells."""
        kind = event.WhichOneof("event")
        assert (kind == "subscribed") is not started
        self.cursor, self.unread_count = event.cursor, event.unread_count
        if kind == "subscribed":
            assert event.subscribed.recovered
        elif kind == "notification":
            if event.notification.id in self.read:
                self.repeated += 1
            else:
                self.arrived.append(event.notification.id)
            self.read[event.notification.id] = event.notification.is_read
        elif kind == "read_changed":
            for notification_id in event.read_changed.ids:
                assert notification_id in self.read, "nothing is read before it is known"
                self.read[notification_id] = True


async def send_all(api: AioApi, to: pb.Recipient, dice: random.Random) -> list[str]:
    """Send `PER_SENDER` notifications one after the other, some in batches and some with e-mail."""
    sent: list[str] = []
    while len(sent) < PER_SENDER:
        channels = [WEBSOCKET, (EMAIL, "ann@example.org")] if dice.random() < 0.1 else [WEBSOCKET]
        if dice.random() < 0.2:
            count = min(PER_SENDER - len(sent), dice.randrange(1, 8))
            batch = service_pb.SendBatchRequest(requests=[request(to, *channels) for _ in range(count)])
            answer = await api.stub.SendBatch(batch, timeout=DEADLINE)
            sent += [result.response.notification.id for result in answer.results]
        else:
            response = await api.stub.Send(request(to, *channels), timeout=DEADLINE)
            sent.append(response.notification.id)
    return sent


async def gather(*coroutines: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(DEADLINE):
        return list(await asyncio.gather(*coroutines))


def feed_of(api: Api, to: pb.Recipient) -> list[pb.Notification]:
    """Return a whole feed in the order of entry."""
    notifications: list[pb.Notification] = []
    token = ""
    while True:
        page = api.list(recipient=to, feed_only=True, page_size=500, page_token=token)
        notifications += page.notifications
        token = page.next_page_token
        if not token:
            return notifications[::-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_subscriber_cut_at_random_gets_everything_once_and_in_order(server: ServerUnderTest, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same cuts every time
    recipients = [user() for _ in range(RECIPIENTS)]

    async def run() -> tuple[list[Device], list[list[str]]]:
        async with AioApi(server.address) as sending, AioApi(server.address) as receiving:
            devices = [Device(receiving, to) for to in recipients]
            for device in devices:
                page = await receiving.stub.List(service_pb.ListRequest(recipient=device.recipient), timeout=DEADLINE)
                device.cursor = page.cursor
            results = await gather(
                *(
                    device.follow(random.Random(dice.random()), lambda device: len(device.arrived) == EACH)  # noqa: S311
                    for device in devices
                ),
                *(
                    send_all(sending, to, random.Random(dice.random()))  # noqa: S311
                    for to in recipients
                    for _ in range(SENDERS)
                ),
            )
            await gather(*(device.confirm() for device in devices))
            return devices, results[len(devices) :]

    devices, sent = run_async(run())
    with Api(server.address) as api:
        for place, device in enumerate(devices):
            mine = sent[place * SENDERS : (place + 1) * SENDERS]
            in_feed = ids_of(feed_of(api, device.recipient))
            assert device.arrived == in_feed
            assert set(device.arrived) == {one for ids in mine for one in ids}
            assert len(device.arrived) == EACH
            assert device.repeated == 0, "what came with a cursor does not come again after it"
            assert device.unread_count == api.unread(device.recipient) == EACH
            for ids in mine:
                place_of = {notification_id: place for place, notification_id in enumerate(in_feed)}
                assert ids == sorted(ids, key=place_of.__getitem__), "one sender's order is kept"
            assert device.cuts > 3
            [sequences] = server.database.rows(
                "SELECT count(*), min(sequence), max(sequence), count(DISTINCT sequence) FROM notifications "
                "WHERE recipient_id = ?",
                device.recipient.id,
            )
            assert sequences == (EACH, 1, EACH, EACH)

        def all_sent() -> bool:
            return all(channel_of(one, WEBSOCKET).status == SENT for to in recipients for one in feed_of(api, to))

        eventually(all_sent)


@pytest.mark.parametrize("seed", SEEDS)
def test_devices_that_read_while_more_arrives_agree_with_the_server_in_the_end(
    server: ServerUnderTest, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same cuts every time
    to = user()
    total = 3 * PER_SENDER

    async def read_some(api: AioApi, reader: Device, done: asyncio.Event) -> int:
        marked = 0
        while not done.is_set() or set(reader.read) - {one for one, read in reader.read.items() if read}:
            known = sorted(one for one, read in reader.read.items() if not read)
            if dice.random() < 0.1:
                wanted = service_pb.MarkReadRequest(recipient=to, up_to_cursor=reader.cursor)
            elif known:
                wanted = service_pb.MarkReadRequest(ids=dice.sample(known, min(len(known), dice.randrange(1, 9))))
            else:
                await api.stub.CountUnread(service_pb.CountUnreadRequest(recipient=to), timeout=DEADLINE)
                continue
            marked += (await api.stub.MarkRead(wanted, timeout=DEADLINE)).marked_count
        return marked

    async def run() -> tuple[list[Device], int]:
        async with AioApi(server.address) as api, AioApi(server.address) as other:
            page = await api.stub.List(service_pb.ListRequest(recipient=to), timeout=DEADLINE)
            devices = [Device(one, to, page.cursor) for one in (api, other, other)]
            done = asyncio.Event()

            async def send() -> None:
                await gather(*(send_all(api, to, random.Random(dice.random())) for _ in range(3)))  # noqa: S311
                done.set()

            def settled(device: Device) -> bool:
                return len(device.read) == total and all(device.read.values())

            results = await gather(
                read_some(api, devices[0], done),
                send(),
                *(device.follow(random.Random(dice.random()), settled) for device in devices),  # noqa: S311
            )
            await devices[0].confirm()
            return devices, results[0]

    devices, marked = run_async(run())
    assert marked == total, "each notification turned from unread to read once"
    with Api(server.address) as api:
        feed = feed_of(api, to)
        assert len(feed) == total
        assert all(one.is_read for one in feed)
        assert api.unread(to) == 0
        for device in devices:
            assert set(device.read) == {one.id for one in feed}
            assert device.unread_count == 0
        eventually(lambda: all(channel_of(one, WEBSOCKET).status == SENT for one in feed_of(api, to)))


def test_what_is_scheduled_for_the_same_moment_enters_each_feed_once(server: ServerUnderTest) -> None:
    recipients = [user() for _ in range(3)]
    with Api(server.address) as api:
        due = at(2.5)
        sent = {to.id: [api.send(request(to, send_at=due)).id for _ in range(20)] for to in recipients}
        streams = [api.subscribe(to) for to in recipients]
        for stream, to in zip(streams, recipients, strict=True):
            stream.subscribed()
            arrived = stream.ids(20)
            assert set(arrived) == set(sent[to.id])
            assert arrived == ids_of(feed_of(api, to))
            marker = api.send(request(to))
            assert stream.notification().id == marker.id
            assert stream.unread_count == 21
            stream.cut()
