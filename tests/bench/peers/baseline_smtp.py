"""Baseline: aiosmtplib sends ready bytes over kept connections.

Run as ``python -m bench.peers.baseline_smtp ADDRESS CONNECTIONS``. For each question it makes ``count`` messages such
as our server would make, and answers with the seconds for which it sent them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import aiosmtplib
import uvloop
from tocsin.v1 import notification_pb2

from bench.load.payload import send_request
from bench.peers.relays import SENDER
from bench.processes import questions, say
from helpers.drafts import claim
from tocsin_server.channels.email.mail import Mail, MailComposer


def ready(count: int) -> list[Mail]:
    """Make messages as our server makes them."""
    composer = MailComposer(SENDER)
    mails = []
    for _ in range(count):
        request = send_request([notification_pb2.CHANNEL_TYPE_EMAIL])
        message = claim(
            id=request.recipient.id,
            address=request.channels[0].address,
            title=request.title,
            message=request.message,
            created_at=time.time_ns() // 1000,
        )
        mails.append(composer.compose(message))
    return mails


async def _send(connection: aiosmtplib.SMTP, mails: Iterator[Mail]) -> None:
    for mail in mails:
        await connection.sendmail(mail.sender, mail.recipient, mail.content)


async def _main(address: str, connections: int) -> None:
    host, _, port = address.rpartition(":")
    kept = [aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False) for _ in range(connections)]
    for connection in kept:
        await connection.connect()
    say()
    asked = questions()
    while (question := await asyncio.to_thread(next, asked, None)) is not None:
        mails = iter(ready(question["count"]))
        began, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(_send(connection, mails) for connection in kept))
        say(seconds=time.monotonic() - began, processor=time.process_time() - used)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(sys.argv[1], int(sys.argv[2])))
