"""Baseline of B9: the HTTP service, FastAPI on uvicorn with uvloop and httptools.

Run as ``python -m bench.peers.peer_web DATABASE_URL CONNECTIONS`` on an empty database, in which it makes the tables,
those of the worker too. A request is one transaction: one statement stores the
notification and its channels, another defers a job for each channel. A repeated key gets what it got before.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import uvicorn
import uvloop
from fastapi import FastAPI, Response
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field, model_validator

from bench.peers.peer_schema import DELIVER, application, create_schema, pool_of
from bench.processes import end_with_parent, say

Channel = Literal["websocket", "email", "telegram", "sms"]

_ACCEPT: Final = """
WITH accepted AS (
    INSERT INTO notifications (recipient_type, recipient_id, title, message, metadata, idempotency_key)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id
)
INSERT INTO notification_channels (notification_id, channel, address)
SELECT accepted.id, target.channel, target.address
FROM accepted, unnest(%s::channel_type[], %s::text[]) AS target (channel, address)
RETURNING notification_id, created_at, id, channel, status, address
"""

_EARLIER: Final = """
SELECT notification_id, created_at, id, channel, status, address FROM notification_channels
WHERE notification_id = (SELECT id FROM notifications WHERE idempotency_key = %s)
"""


class Recipient(BaseModel):
    """To whom."""

    type: Literal["user", "guest", "potential_customer", "partner", "other"]
    id: UUID


class Target(BaseModel):
    """By which way."""

    channel: Channel
    address: Annotated[str, Field(min_length=1, max_length=320)] | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if (self.address is None) != (self.channel == "websocket"):
            raise ValueError("every channel but websocket needs an address")
        return self


class NewNotification(BaseModel):
    """What is asked for."""

    recipient: Recipient
    title: Annotated[str, Field(min_length=1, max_length=255)]
    message: Annotated[str, Field(min_length=1, max_length=65_536)]
    channels: Annotated[list[Target], Field(min_length=1, max_length=4)]
    metadata: dict[str, Any] | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=255)]

    @model_validator(mode="after")
    def _names_each_channel_once(self) -> Self:
        if len({target.channel for target in self.channels}) < len(self.channels):
            raise ValueError("a channel is named twice")
        return self


class StoredChannel(BaseModel):
    """What became of a channel so far."""

    id: UUID
    channel: Channel
    status: Literal["pending", "sent", "failed"]
    address: str | None


class StoredNotification(BaseModel):
    """What was stored."""

    id: UUID
    recipient: Recipient
    title: str
    message: str
    metadata: dict[str, Any] | None
    created_at: datetime
    channels: list[StoredChannel]


def service(pool: AsyncConnectionPool[Any]) -> FastAPI:
    """Make the application; it opens and closes the pool."""
    queue = application()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool, queue.open_async(pool):
            yield

    api = FastAPI(lifespan=lifespan)

    @api.post("/notifications", status_code=201)
    async def accept(wanted: NewNotification, response: Response) -> StoredNotification:
        recipient, targets = wanted.recipient, wanted.channels
        values = (
            recipient.type,
            recipient.id,
            wanted.title,
            wanted.message,
            None if wanted.metadata is None else Jsonb(wanted.metadata),
            wanted.idempotency_key,
            [target.channel for target in targets],
            [target.address for target in targets],
        )
        async with pool.connection() as connection:
            rows = await (await connection.execute(_ACCEPT, values)).fetchall()
            if rows:
                jobs = queue.configure_task(DELIVER, connection=connection)
                await jobs.batch_defer_async(*({"channel_id": str(row[2]), "channel": row[3]} for row in rows))
            else:
                rows = await (await connection.execute(_EARLIER, (wanted.idempotency_key,))).fetchall()
                response.status_code = 200
        return StoredNotification(
            id=rows[0][0],
            recipient=recipient,
            title=wanted.title,
            message=wanted.message,
            metadata=wanted.metadata,
            created_at=rows[0][1],
            channels=[StoredChannel(id=row[2], channel=row[3], status=row[4], address=row[5]) for row in rows],
        )

    return api


async def _serve(url: str, connections: int) -> None:
    create_schema(url)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = uvicorn.Config(
        service(pool_of(url, connections)),
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,  # the load generator pauses between rounds
    )
    host, port = listener.getsockname()
    say(address=f"{host}:{port}")  # connections wait in the backlog until it serves
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1], int(sys.argv[2])))
