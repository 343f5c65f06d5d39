"""Ten thousand subscribers of one process: all come at once, all are pushed to."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

import grpc
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1.notification_service_pb2_grpc import NotificationServiceStub

from helpers.process import serving

SUBSCRIBERS = 10_000
CONNECTIONS = 20
"""Streams share connections, as they do behind a bridge; the server's limit of calls not yet begun is shared too."""

PATIENCE = 90.0


def test_ten_thousand_streams_opened_at_once_all_succeed_and_all_are_pushed_to(tmp_path: Path) -> None:
    recipients = [pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=str(uuid.uuid4())) for _ in range(SUBSCRIBERS)]
    with serving(tmp_path) as server:
        received = asyncio.run(_scenario(server.address, recipients))

    assert len(received) == SUBSCRIBERS
    assert all(title == recipient.id for title, recipient in zip(received, recipients, strict=True))


async def _scenario(address: str, recipients: Sequence[pb.Recipient]) -> list[str]:
    """Return the title of the first notification that each subscriber receives."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(CONNECTIONS)]
    stubs = [NotificationServiceStub(channel) for channel in channels]
    subscribed = asyncio.Semaphore(0)

    async def subscriber(place: int) -> str:
        request = service_pb.SubscribeRequest(recipient=recipients[place])
        stream = stubs[place % CONNECTIONS].Subscribe(request, timeout=PATIENCE)
        event = await anext(aiter(stream))
        assert event.HasField("subscribed")
        subscribed.release()
        async for event in stream:
            if event.HasField("notification"):
                stream.cancel()
                return str(event.notification.title)
        raise AssertionError("the stream ended")

    async def sender() -> None:
        for _ in recipients:
            await subscribed.acquire()
        for start in range(0, len(recipients), 1000):
            batch = service_pb.SendBatchRequest(
                requests=[
                    service_pb.SendRequest(
                        recipient=recipient,
                        title=recipient.id,
                        message="for you alone",
                        channels=[pb.ChannelTarget(channel=pb.CHANNEL_TYPE_WEBSOCKET)],
                    )
                    for recipient in recipients[start : start + 1000]
                ]
            )
            answer = await stubs[0].SendBatch(batch, timeout=PATIENCE)
            assert not any(result.HasField("error") for result in answer.results)

    try:
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(subscriber(place)) for place in range(len(recipients))]
            tasks.create_task(sender())
        return [task.result() for task in waiting]
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))
