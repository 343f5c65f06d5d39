"""What is said to a relay and in which order, on a real line; the relay says word by word what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from helpers.drafts import claim
from tocsin_server.channels.email.sender import EmailSender
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.config.network import parse_smtp_url
from tocsin_server.domain.model import ClaimedChannel

T = TypeVar("T")

PIPELINING = b"250-relay\r\n250 PIPELINING\r\n"
PLAIN = b"250 relay\r\n"


class Line:
    """The relay's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hear(self, last: bytes) -> list[bytes]:
        """Return the lines up to one, without answering meanwhile."""
        lines = [await self._reader.readline()]
        while lines[-1] != last:
            assert lines[-1], "the client hung up"
            lines.append(await self._reader.readline())
        return lines

    async def hear_one(self) -> bytes:
        return await self._reader.readline()

    async def say(self, *answers: bytes) -> None:
        """Send pieces, each as a packet of its own where the system lets us."""
        for answer in answers:
            self._writer.write(answer)
            await self._writer.drain()

    async def greet(self, capabilities: bytes) -> None:
        await self.say(b"220 relay\r\n")
        await self.hear_one()
        await self.say(capabilities)

    def hang_up(self) -> None:
        self._writer.close()


Relay = Callable[[Line], Awaitable[None]]


def message(number: int = 1) -> ClaimedChannel:
    return claim(
        id=f"01980000-0000-7000-8000-{number:012d}",
        address="ann@example.org",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=1_760_000_000_000_000,
    )


async def send(*relays: Relay, count: int = 1) -> list[Outcome]:
    """Send messages in a row to a server of which each connection is the next of ``relays``, and wait for these."""
    waiting = list(relays)
    ended: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.get_running_loop().create_future()
        ended.append(end)
        try:
            await waiting.pop(0)(Line(reader, writer))
            end.set_result(None)
        except (AssertionError, OSError) as error:
            end.set_exception(error)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    sender = EmailSender(
        parse_smtp_url(f"smtp://{host}:{port}"), sender="noreply@shop.example", connections=1, timeout=10.0
    )
    try:
        outcomes = [await sender.send(Attempt(message(number))) for number in range(count)]
    finally:
        await sender.close()
        server.close()
    assert not waiting
    async with asyncio.timeout(10):
        await asyncio.gather(*ended)
    return outcomes


async def test_an_envelope_goes_in_one_piece_where_the_relay_offers_pipelining() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        assert [said[:4] for said in await line.hear(b"DATA\r\n")] == [b"MAIL", b"RCPT", b"DATA"]
        await line.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await line.hear(b".\r\n")
        await line.say(b"250 2.0.0 queued\r\n")

    [outcome] = await send(relay)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.ACCEPTED, "2.0.0 queued")


async def test_each_command_waits_for_the_answer_to_the_one_before_where_the_relay_does_not() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PLAIN)
        for verb, answer in ((b"MAIL", b"250 ok\r\n"), (b"RCPT", b"250 ok\r\n"), (b"DATA", b"354 go on\r\n")):
            assert (await line.hear_one()).startswith(verb)
            assert not line._reader._buffer  # type: ignore[attr-defined]
            await line.say(answer)
        await line.hear(b".\r\n")
        await line.say(b"250 queued\r\n")

    [outcome] = await send(relay)
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_answers_may_arrive_in_any_pieces_and_have_several_lines() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"25", b"0-well\r\n250 ", b"met\r\n250 ok\r\n354", b" go on\r", b"\n")
        await line.hear(b".\r\n")
        await line.say(b"250-2.0.0 queued\r\n", b"250 2.0.0 as 17\r\n")

    [outcome] = await send(relay)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.ACCEPTED, "2.0.0 queued 2.0.0 as 17")


async def test_a_refused_recipient_is_what_is_reported_and_the_connection_is_reset_in_the_same_piece() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n550 5.1.1 no such user\r\n554 no valid recipients\r\n")
        assert [said[:4] for said in await line.hear(b"DATA\r\n")] == [b"RSET", b"MAIL", b"RCPT", b"DATA"]
        await line.say(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n")
        await line.hear(b".\r\n")
        await line.say(b"250 queued\r\n")

    refused, accepted = await send(relay, count=2)
    assert (refused.kind, refused.code, refused.data["stage"]) == (OutcomeKind.PERMANENT, "550", "rcpt")
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_relay_that_wants_content_for_a_refused_envelope_gets_none() -> None:
    """An empty message to somebody would be the alternative, where the recipient is not what was refused."""

    async def confused(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n550 no such user\r\n354 go on\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await line.hear_one() == b""

    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await line.hear(b".\r\n")
        await line.say(b"250 queued\r\n")

    refused, accepted = await send(confused, relay, count=2)
    assert (refused.kind, refused.data["stage"]) == (OutcomeKind.PERMANENT, "rcpt")
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_what_was_refused_stays_refused_when_the_line_breaks_before_the_rest_is_answered() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n550 5.1.1 no such user\r\n")
        line.hang_up()

    [outcome] = await send(relay)
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "550")


async def test_a_connection_on_which_the_relay_speaks_unasked_is_not_used_again() -> None:
    async def talkative(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await line.hear(b".\r\n")
        await line.say(b"250 queued\r\n250 and another\r\n")

    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await line.hear(b".\r\n")
        await line.say(b"451 4.3.0 try again\r\n")

    accepted, deferred = await send(talkative, relay, count=2)
    assert accepted.kind is OutcomeKind.ACCEPTED
    assert (deferred.kind, deferred.code) == (OutcomeKind.TRANSIENT, "451")


async def test_an_answer_without_end_is_given_up() -> None:
    async def relay(line: Line) -> None:
        await line.greet(PIPELINING)
        await line.hear(b"DATA\r\n")
        await line.say(b"250-" + b"x" * 100_000)

    [outcome] = await send(relay)
    assert (outcome.kind, outcome.provider_fault, outcome.code) == (OutcomeKind.TRANSIENT, True, "UNREADABLE_ANSWER")
