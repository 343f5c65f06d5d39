"""The port of figures and probes: what it answers, and what strangers cannot do to it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Self

import pytest

from helpers.waiting import eventually_async
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError
from tocsin_server.process import scraping
from tocsin_server.process.scraping import Answer, Scraping, probe

ANY = ListenAddress("127.0.0.1", 0)


async def figures() -> Answer:
    return Answer(HTTPStatus.OK, b"a 1\n")


async def away() -> Answer:
    return probe(well=False, otherwise="the database does not answer")


async def faulty() -> Answer:
    raise KeyError("a fault of ours")


class Port:
    """A listening port for a test."""

    def __init__(self) -> None:
        self.scraping = Scraping({"/metrics": figures, "/readyz": away, "/fault": faulty})

    async def __aenter__(self) -> Self:
        self.listen = await self.scraping.start_or_warn(ANY, "TOCSIN_METRICS_LISTEN", asked=True)
        assert self.listen is not None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.scraping.stop()

    async def has(self, connections: int) -> bool:
        """Tell whether so many are being served."""
        return len(self.scraping._open) == connections

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body; 0 where the connection ends without an answer."""
        assert self.listen is not None
        reader, writer = await asyncio.open_connection(*self.listen)
        try:
            writer.write(request)
            answered = await reader.read()
        except ConnectionResetError:
            return 0, b""
        finally:
            writer.close()
        head, _, body = answered.partition(b"\r\n\r\n")
        return (int(head.split(b" ")[1]), body) if head else (0, b"")


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (get("/metrics"), 200, b"a 1\n"),
        (get("/metrics?name[]=a"), 200, b"a 1\n"),
        (get("/readyz"), 503, b"the database does not answer\n"),
        (get("/"), 404, scraping.NOTHING.body),
        (get("/../etc/passwd"), 404, scraping.NOTHING.body),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405, scraping.NOT_ALLOWED.body),
        (b"\xff\xfe\r\n\r\n", 400, scraping.NO_REQUEST.body),
        (b"GET /metrics\r\n\r\n", 400, scraping.NO_REQUEST.body),
        (get("/fault"), 0, b""),
    ],
)
async def test_what_is_asked_is_answered_and_the_connection_ends(request_: bytes, status: int, body: bytes) -> None:
    async with Port() as port:
        assert await port.ask(request_) == (status, body)


async def test_a_request_that_is_too_long_is_none() -> None:
    async with Port() as port:
        status, _ = await port.ask(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 3 * scraping.LARGEST_HEAD)
        assert status in (0, 400)  # the system may reset what was not read
        assert (await port.ask(get("/metrics")))[0] == 200


async def test_who_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "LONGEST_REQUEST", 0.01)
    async with Port() as port:
        assert await port.ask(b"GET /metrics") == (0, b"")


async def test_only_so_many_are_served_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "CONNECTIONS", 2)
    async with Port() as port:
        assert port.listen is not None
        silent = [await asyncio.open_connection(*port.listen) for _ in range(2)]
        await eventually_async(lambda: port.has(2))
        assert await port.ask(get("/metrics")) == (0, b"")
        for _, writer in silent:
            writer.close()
        await eventually_async(lambda: port.has(0))
        assert (await port.ask(get("/metrics")))[0] == 200


async def test_a_port_that_is_taken_is_an_error_only_if_it_was_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async with Port() as port:
        assert port.listen is not None
        other = Scraping({})
        with pytest.raises(ListenError, match="TOCSIN_METRICS_LISTEN"):
            await other.start_or_warn(port.listen, "TOCSIN_METRICS_LISTEN", asked=True)
        assert await other.start_or_warn(port.listen, "TOCSIN_METRICS_LISTEN", asked=False) is None
        await other.stop()
    [warned] = [record for record in caplog.records if "event" in vars(record)]
    assert vars(warned)["event"] == "metrics_off"
    said = "there are no metrics: cannot listen on {}: Address already in use (TOCSIN_METRICS_LISTEN)"
    assert warned.getMessage() == said.format(port.listen)
