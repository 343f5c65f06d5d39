"""WebSockets on other paths than ``/ws``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request


@dataclass(frozen=True, slots=True)
class SocketPath:
    """What serves the sockets of one path.

    Attributes:
        serve: Serves one socket, and returns when it is over. The bridge may close the socket meanwhile.
        refusal: Looks at a handshake; None lets it go on, a status refuses it.
    """

    serve: Callable[[ServerConnection], Awaitable[None]]
    refusal: Callable[[ServerConnection, Request], HTTPStatus | None]
