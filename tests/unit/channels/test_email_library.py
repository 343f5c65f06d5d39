"""What the dialogue takes for granted of aiosmtplib, whose connection it takes over.

A newer minor version is allowed in pyproject.toml once these tests hold with it.
"""

from __future__ import annotations

import asyncio
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Literal, cast

import pytest
from aiosmtplib import SMTP

from helpers.smtp_server import SmtpServer
from helpers.waiting import eventually_async
from tocsin_server.channels.email.answers import Stage
from tocsin_server.channels.email.dialogue import Command, Dialogue
from tocsin_server.channels.sender import Attempt
from tocsin_server.timing.deadlines import Deadlines

Tls = Literal["none", "starttls", "implicit"]
TLS: list[Tls] = ["none", "starttls", "implicit"]


async def connected(server: SmtpServer) -> SMTP:
    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=10,
        use_tls=server.tls == "implicit",
        tls_context=server.trust,
    )
    await smtp.connect()
    await smtp.ehlo()
    return smtp


def dialogue_on(smtp: SMTP) -> Dialogue:
    assert smtp.protocol is not None
    return Dialogue(
        cast("asyncio.Transport", smtp.transport),
        smtp.protocol,
        pipelining=True,
        deadlines=Deadlines(10.0, Dialogue.overdue),
    )


def test_the_version_is_one_that_was_looked_at() -> None:
    assert version("aiosmtplib").split(".")[:2] == ["5", "1"]
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    server = project["project"]["optional-dependencies"]["server"]
    assert "aiosmtplib>=5.1.2,<5.2" in server


@pytest.mark.parametrize("tls", TLS)
async def test_the_transport_is_one_of_asyncio_whose_protocol_the_library_is(tls: Tls) -> None:
    with SmtpServer(tls=tls) as server:
        smtp = await connected(server)
        transport = cast("asyncio.Transport", smtp.transport)
        assert isinstance(transport, asyncio.Transport)
        assert transport.get_protocol() is smtp.protocol
        assert smtp.protocol is not None
        assert not smtp.protocol._buffer, "all that the server said was read"
        assert smtp.protocol._response_waiter is not None
        assert not smtp.protocol._response_waiter.done(), "and no answer is outstanding"
        smtp.close()


@pytest.mark.parametrize("tls", TLS)
async def test_a_connection_taken_over_and_given_back_can_be_ended_by_the_library(tls: Tls) -> None:
    with SmtpServer(tls=tls) as server:
        smtp = await connected(server)
        dialogue = dialogue_on(smtp)
        transport = cast("asyncio.Transport", smtp.transport)
        assert transport.get_protocol() is dialogue
        noop = [Command(Stage.MAIL, b"RSET\r\n", (250,)), Command(Stage.DATA, b"DATA\r\n", (354,))]
        reply = await dialogue.transfer(noop, b".\r\n", attempt=Attempt(None))  # type: ignore[arg-type]  # not looked at
        assert reply.code == 503
        dialogue.leave()
        assert (await smtp.quit()).code == 221
        assert not smtp.is_connected


@pytest.mark.parametrize("tls", TLS)
async def test_the_library_learns_of_the_end_of_a_connection_that_was_taken_over(tls: Tls) -> None:
    with SmtpServer(tls=tls) as server:
        smtp = await connected(server)
        dialogue_on(smtp)
        await asyncio.to_thread(server.hang_up)

        async def gone() -> bool:
            return not smtp.is_connected

        await eventually_async(gone)
