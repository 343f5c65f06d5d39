"""200 live subscribers, half over gRPC and half over WebSockets, while the server is killed and sending goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections import defaultdict
from pathlib import Path

from websockets.asyncio.client import connect

from helpers.browser_socket import bridge_process
from helpers.process import serving
from tocsin_client import AsyncClient, Backoff, NotificationEvent

RECIPIENTS = 100
"""Each with two devices: one over gRPC, one over the bridge."""

NOTIFICATIONS = 1_500
SENDERS = 8
KILL_AT = (NOTIFICATIONS // 3, 2 * NOTIFICATIONS // 3)
"""How many have been accepted when the server is killed."""

PATIENCE = 90.0
QUICK = Backoff(initial=0.02, cap=0.2)


def test_nobody_misses_anything_when_the_server_is_killed_while_sending_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with bridge_process(tmp_path, address) as bridge:
        scenario = _Scenario(tmp_path, address, f"ws://{bridge.listen}/ws")
        asyncio.run(scenario.run())

    assert sum(len(ids) for ids in scenario.feeds.values()) == NOTIFICATIONS
    for recipient, ids in scenario.feeds.items():
        for device in ("grpc", "websocket"):
            # Twice is allowed, since what was on its way when the line broke comes again; missing or late is not.
            assert list(dict.fromkeys(scenario.received[recipient, device])) == ids


class _Scenario:
    def __init__(self, folder: Path, address: str, bridge: str) -> None:
        self.folder = folder
        self.address = address
        self.bridge = bridge
        self.recipients = [str(uuid.uuid4()) for _ in range(RECIPIENTS)]
        self.received: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.feeds: dict[str, list[str]] = {}
        self.accepted = 0
        self.subscribed = asyncio.Semaphore(0)
        self.progress = asyncio.Event()

    async def run(self) -> None:
        async with (
            asyncio.timeout(PATIENCE),
            AsyncClient(self.address, retry=QUICK, reconnect=QUICK, deadline=PATIENCE) as client,
        ):
            tasks: list[asyncio.Task[None]] = []
            server = serving(self.folder, "--listen", self.address)
            server.__enter__()
            try:
                for recipient in self.recipients:
                    tasks.append(asyncio.create_task(self.over_grpc(client, recipient)))
                    tasks.append(asyncio.create_task(self.over_websocket(recipient)))
                for _ in tasks:
                    await self.subscribed.acquire()
                senders = [asyncio.create_task(self.send(client, number)) for number in range(SENDERS)]
                for count in KILL_AT:
                    await self.until_accepted(count)
                    server.__exit__(None, None, None)  # kills it
                    server = serving(self.folder, "--listen", self.address)
                    server.__enter__()
                await asyncio.gather(*senders)
                for recipient in self.recipients:
                    self.feeds[recipient] = [
                        found.id async for found in client.iterate(recipient=("user", recipient), feed_only=True)
                    ][::-1]
                await self.until_all_received()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                server.__exit__(None, None, None)

    async def send(self, client: AsyncClient, number: int) -> None:
        """Send this sender's share; the client repeats what got no answer, with the same key."""
        for place in range(number, NOTIFICATIONS, SENDERS):
            recipient = ("user", self.recipients[place % RECIPIENTS])
            await client.send(recipient, f"Notification {place}", "for you", channels=["websocket"])
            self.accepted += 1
            self.progress.set()

    async def until_accepted(self, count: int) -> None:
        while self.accepted < count:
            self.progress.clear()
            await self.progress.wait()

    async def until_all_received(self) -> None:
        expected = {
            (recipient, device): set(ids) for recipient, ids in self.feeds.items() for device in ("grpc", "websocket")
        }
        while any(not ids <= set(self.received[key]) for key, ids in expected.items()):
            self.progress.clear()
            await self.progress.wait()

    def note(self, recipient: str, device: str, notification_id: str) -> None:
        self.received[recipient, device].append(notification_id)
        self.progress.set()

    async def over_grpc(self, client: AsyncClient, recipient: str) -> None:
        first = True
        async with client.subscribe(("user", recipient)) as stream:
            async for event in stream:
                if isinstance(event, NotificationEvent):
                    self.note(recipient, "grpc", event.notification.id)
                elif first:
                    first = False
                    self.subscribed.release()

    async def over_websocket(self, recipient: str) -> None:
        """Stay on one socket: what happens behind the bridge is not the page's business."""
        async with connect(self.bridge, proxy=None) as page:
            await page.send(json.dumps({"type": "subscribe", "recipient": {"type": "user", "id": recipient}}))
            async for text in page:
                frame = json.loads(text)
                assert frame["type"] != "error", frame
                if frame["type"] == "notification":
                    self.note(recipient, "websocket", frame["notification"]["id"])
                elif frame["type"] == "subscribed" and frame["cursor"]:
                    self.subscribed.release()
