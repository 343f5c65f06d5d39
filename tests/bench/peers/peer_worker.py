"""Baseline of B9: the process that works off the queue.

Run as ``python -m bench.peers.peer_worker DATABASE_URL SMTP_ADDRESS WORKERS CONCURRENCY``: so many of procrastinate's
workers on one event loop, each of which fetches a job at a time and runs up to so many.
E-mail goes out over kept connections. What would go to a WebSocket is only marked as sent: telling the web process
about it would cost this side something more.
"""

from __future__ import annotations

import asyncio
import sys
from email.message import EmailMessage
from typing import Any, Final

import aiosmtplib
import procrastinate
import uvloop
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from bench.peers.peer_schema import DELIVER, application, pool_of
from bench.peers.relays import SENDER
from bench.processes import end_with_parent, say

_CONTENT: Final = """
SELECT address, title, message, notification_id FROM notification_channels
JOIN notifications ON notifications.id = notification_id
WHERE notification_channels.id = %s AND notification_channels.status = 'pending'
"""

_SENT: Final = """
WITH sent AS (
    UPDATE notification_channels SET status = 'sent', attempts = attempts + 1, response = %s
    WHERE id = %s AND status = 'pending'
    RETURNING notification_id
)
UPDATE notifications SET status = 'sent' FROM sent WHERE id = sent.notification_id AND status <> 'sent'
"""


class Relay:
    """Kept connections to an SMTP server; a message takes a free one."""

    def __init__(self, address: str, connections: int) -> None:
        host, _, port = address.rpartition(":")
        self._free: asyncio.LifoQueue[aiosmtplib.SMTP] = asyncio.LifoQueue()
        for _ in range(connections):
            self._free.put_nowait(aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False))

    async def send(self, message: EmailMessage) -> str:
        """Send, and return what the server answered."""
        connection = await self._free.get()
        try:
            if not connection.is_connected:
                await connection.connect()
            _, answer = await connection.send_message(message)
            return answer
        finally:
            self._free.put_nowait(connection)


def delivering(pool: AsyncConnectionPool[Any], relay: Relay) -> procrastinate.App:
    """Make the application with its task."""
    app = application()

    @app.task(name=DELIVER)
    async def deliver(channel_id: str, channel: str) -> None:
        response = {"provider": channel}
        if channel == "email":
            async with pool.connection() as connection:
                row = await (await connection.execute(_CONTENT, (channel_id,))).fetchone()
            if row is None:
                return
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = SENDER, row[0], row[1]
            message["Message-ID"] = f"<{channel_id}@shop.example>"
            message.set_content(row[2])
            response["detail"] = await relay.send(message)
        async with pool.connection() as connection:
            await connection.execute(_SENT, (Jsonb(response), channel_id))

    return app


async def _work(url: str, address: str, workers: int, concurrency: int) -> None:
    # Each statement is a transaction of its own, which saves a round trip before it and one after it.
    pool = pool_of(url, workers * (concurrency + 1), autocommit=True)
    app = delivering(pool, Relay(address, workers * concurrency))
    async with pool, app.open_async(pool):
        say()
        await asyncio.gather(
            *(
                app.run_worker_async(
                    name=f"worker-{number}",
                    concurrency=concurrency,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
                for number in range(workers)
            )
        )


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
