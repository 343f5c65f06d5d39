"""Bounds of a connection over HTTP, so that silent and slow callers leave room for others.

The HTTP server bounds only how long a connection may be idle between two requests: not the time until the first one,
nor that of a request that comes a byte at a time, nor that of an answer that nobody reads.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

WAITS_FOR_REQUEST: Final = 10.0
"""Seconds in which a whole request has to come, with its body."""

WAITS_FOR_ANSWER: Final = 90.0
"""Seconds from then until its answer is taken: more than the longest call waits."""


class BoundedConnection(H11Protocol):
    """One connection; when a time is over, it is cut."""

    waits_for_request = WAITS_FOR_REQUEST
    waits_for_answer = WAITS_FOR_ANSWER

    _timer: asyncio.TimerHandle | None = None
    _answering: object = None
    """The request that is being answered; None while one has still to come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._bound(self.waits_for_request)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._turn()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _turn(self) -> None:
        """Start the other time if it is the other side's turn now, and leave a running one alone otherwise."""
        cycle: Any = self.cycle
        answering = None if cycle is None or cycle.more_body or cycle.response_complete else cycle
        if answering is not self._answering:
            self._answering = answering
            self._bound(self.waits_for_request if answering is None else self.waits_for_answer)

    def _bound(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Cut, not closed: closing waits for whoever does not read.
        self._timer = self.loop.call_later(seconds, self.transport.abort)


class WithoutStreams:
    """Refuses to open streams, before anything else is looked at.

    The protocol's library would keep one open for whoever gets the path, and nothing is ever sent through it: each
    request stands for itself.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and scope["path"] == self._path and scope["method"] != "POST":
            refusal = PlainTextResponse("Method Not Allowed", 405, headers={"Allow": "POST"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
