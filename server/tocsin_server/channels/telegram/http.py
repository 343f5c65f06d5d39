"""The Telegram library's way to the network: answers bounded in size, and read before they are judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any, Final

import httpx
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from tocsin_server.channels.bounds import ANSWER_LIMIT, bounded_wait, json_object
from tocsin_server.channels.sender import Attempt
from tocsin_server.config.network import HttpProxy

_STATUSES: Final = range(100, 600)
"""HTTP's, which error codes repeat."""


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


# The bot's token is part of every URL. httpx logs URLs at INFO; the library logs the URL and each message's text at
# DEBUG; httpcore logs what it cannot read at DEBUG, and that may quote us. Filters rather than levels, since a level is
# what people change when they look for something.
for _name in ("httpx", "httpcore.http11", "telegram.Bot"):
    logging.getLogger(_name).addFilter(_only_warnings)


class Refused(TelegramError):
    """An answer that is not a success, with the facts that the library's exceptions leave out.

    The library maps answers to exceptions that lose the status (a 500 and a 429 without parameters become the
    same `NetworkError`), and writes bodies that it cannot read into the exception and to the log.
    """

    __slots__ = ("description", "error_code", "migrated_to", "retry_after")

    def __init__(self, status: int, payload: bytes) -> None:
        super().__init__(f"answer {status}")
        answer = json_object(payload)
        parameters = answer.get("parameters")
        if not isinstance(parameters, dict):
            parameters = {}
        code, description = answer.get("error_code"), answer.get("description")
        self.error_code: int = code if isinstance(code, int) and code in _STATUSES else status
        self.description: str | None = description if isinstance(description, str) else None
        self.retry_after = bounded_wait(parameters.get("retry_after"))
        self.migrated_to = _chat_id(parameters.get("migrate_to_chat_id"))


attempt_of_request: Final[ContextVar[Attempt]] = ContextVar("attempt_of_request")
"""What the present task sends: the library passes nothing of ours on."""


class _Network(httpx.AsyncHTTPTransport):
    """The network, with attempts that are told when they are handed over, and answers that are bounded in size."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make a request; called by the client."""
        # An answer is asked for as it is, and not unpacked: a few octets could unpack to any number.
        request.headers["Accept-Encoding"] = "identity"
        attempt = attempt_of_request.get()
        # Connections whose TLS handshake is cancelled: httpcore forgets them without closing them.
        unfinished: list[Any] = []

        async def note(event: str, facts: dict[str, Any]) -> None:
            if event.endswith("connect_tcp.complete"):
                unfinished.append(facts["return_value"])
            elif event.endswith("start_tls.complete"):
                unfinished.clear()
            # A proxy is first asked to connect us, by a request of its own.
            elif event == "http11.send_request_body.started" and facts["request"].method == b"POST":
                attempt.handed_over = True

        # https://www.encode.io/httpcore/extensions/#trace
        request.extensions = {**request.extensions, "trace": note}
        try:
            response = await super().handle_async_request(request)
        except asyncio.CancelledError:
            for connection in unfinished:
                await connection.aclose()
            raise
        response.headers.pop("Content-Encoding", None)
        response.stream = _Beginning(response.stream)
        return response


class _Beginning(httpx.AsyncByteStream):
    """As much of an answer as is read; closed early, the connection is closed with the rest unread."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ANSWER_LIMIT
        async for chunk in self._whole:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        """Close the connection, or keep it if the answer was read to its end."""
        await self._whole.aclose()


class BotRequest(HTTPXRequest):
    """The library's HTTP client, with answers read before it judges them.

    At most ``connections`` are open at a time. ``timeout`` is in seconds, for each network operation.
    """

    __slots__ = ()

    def __init__(self, connections: int, timeout: float, proxy: HttpProxy | None = None) -> None:
        network = _Network(limits=httpx.Limits(max_connections=connections), proxy=_proxy(proxy))
        super().__init__(
            connect_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            pool_timeout=timeout,
            httpx_kwargs={"transport": network},
        )

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Make a request; called by the library.

        Raises:
            Refused: The answer is not a success.
        """
        status, payload = await super().do_request(*args, **kwargs)
        if not 200 <= status < 300 or json_object(payload).get("ok") is not True:
            raise Refused(status, payload)
        return status, payload


def _chat_id(value: object) -> str | None:
    """Return the id of a chat, None if it cannot be one; they have 52 bits (Bot API, Chat.id)."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < abs(value) < 2**52:
        return str(value)
    return None


def _proxy(proxy: HttpProxy | None) -> httpx.Proxy | None:
    if proxy is None:
        return None
    if proxy.username is None:
        return httpx.Proxy(proxy.url)
    return httpx.Proxy(proxy.url, auth=(proxy.username, proxy.password.get_secret_value() if proxy.password else ""))
