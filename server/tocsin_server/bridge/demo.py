"""Development mode's own WebSocket, ``/dev``: sends test notifications, and shows what becomes of them.

It does for the page at ``/`` what a backend and an operator would do for it: send, cancel and retry, through the gRPC
API like any client; look at what the server says of a recipient's notifications; and read the outbox folder. All
this may do more than a recipient may, so it exists in development mode only, for this machine only, and for the
bridge's own page only (`refusal`). It asks the server with whatever token the page gives, and has none of its own.

JSON text frames, as on ``/ws``::

    → {"type": "watch", "recipient": {"type": "user", "id": "…"}, "token": "…"}
    → {"type": "send", "title": "…", "message": "…", "channels": [{"channel": "email", "address": "…"}]}
    → {"type": "cancel", "id": "…"}      {"type": "retry", "id": "…"}
    ← {"type": "notifications", "notifications": […]}    the recipient's latest, with responses and addresses
    ← {"type": "outbox", "messages": [{"channel": "email", "from": "…", "to": "…", "title": "…", "text": "…", "at": "…",
                                       "file": "…", "channel_id": "…"}]}
    ← {"type": "done", "what": "send", "id": "…"}
    ← {"type": "error", "code": "…", "reason": "…", "message": "…"}

``watch`` is the first, and may come again. The two views are looked at every `PERIOD` seconds and written when they
differ from before.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from tocsin_client import AsyncClient, InvalidArgument, Recipient, TocsinError, as_plain
from tocsin_server.bridge.protocol.frames import error_frame
from tocsin_server.bridge.sockets import SocketPath
from tocsin_server.config.network import is_loopback, parse_origin

log = logging.getLogger(__name__)

PATH: Final = "/dev"

PERIOD: Final = 0.4
"""Seconds between two looks at the server and the outbox."""

NOTIFICATIONS, MESSAGES = 20, 24
"""How many of each are shown, the latest."""

LONGEST_FILE: Final = 256 * 1024
"""Bytes of an outbox file that are read: a message has at most 64 KiB, and base64 adds a third."""

_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers by which a proxy says that it speaks for somebody else, who need not be on this machine."""

Shown: TypeAlias = dict[str, Any]


def dev_socket(clients: Callable[[str | None], AsyncClient], outbox: Path) -> SocketPath:
    """Return ``/dev`` for a bridge.

    Args:
        clients: Gives a client of the server with a token, or none; it is closed after use.
        outbox: The outbox folder.
    """

    async def serve(connection: ServerConnection) -> None:
        await _Session(connection, clients, Outbox(outbox)).run()

    return SocketPath(serve, refusal)


def refusal(connection: ServerConnection, request: Request) -> HTTPStatus | None:
    """Return None for the bridge's own page on this machine, else the status to refuse with.

    The peer must be this machine. The page must have come from this very bridge, under an address that is this
    machine and nothing else: a name of the outside that points here (DNS rebinding) is not believed.
    """
    address = connection.remote_address
    if not isinstance(address, tuple) or not is_loopback(str(address[0])):
        return HTTPStatus.FORBIDDEN
    headers = request.headers
    if any(name in headers for name in _FORWARDED):
        return HTTPStatus.FORBIDDEN
    origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
    if len(origins) != 1 or len(hosts) != 1:
        return HTTPStatus.FORBIDDEN
    try:
        # http: the bridge itself speaks no TLS, and whatever does in front of it is no part of development mode.
        same = parse_origin(origins[0]) == (own := parse_origin(f"http://{hosts[0]}"))
    except ValueError:
        return HTTPStatus.FORBIDDEN
    return None if same and is_loopback(urlsplit(own).hostname or "") else HTTPStatus.FORBIDDEN


class Outbox:
    """The outbox folder, as `tocsin_server.channels.outbox` fills it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, Shown] = {}

    def latest(self) -> list[Shown]:
        """Return the latest messages, newest first. Reads files, but none twice."""
        found = sorted(_listed(self._folder), key=lambda path: path.name, reverse=True)[:MESSAGES]
        messages = {}
        for path in found:
            with contextlib.suppress(OSError):  # it was deleted meanwhile
                messages[path] = self._read.get(path) or _message(path)
        self._read = messages
        return list(messages.values())


def _listed(outbox: Path) -> list[Path]:
    """Return the messages in all channels' folders."""
    try:
        # What is being written ends with .part.
        return [path for path in outbox.glob("*/*") if path.suffix in (".eml", ".txt")]
    except OSError:  # a folder was deleted meanwhile
        return []


def _message(path: Path) -> Shown:
    with path.open("rb") as file:
        content = file.read(LONGEST_FILE)
    at, _, channel_id = path.stem.partition("-")
    read = _read_mail(content) if path.suffix == ".eml" else _read_text(content)
    return {
        "channel": path.parent.name,
        "file": f"{path.parent.name}/{path.name}",
        "channel_id": channel_id,
        "at": _iso(at),
        **read,
    }


def _read_mail(content: bytes) -> Shown:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)  # noqa: S101 - what the policy makes
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return {
        "from": str(mail["From"] or ""),
        "to": str(mail["To"] or ""),
        "title": str(mail["Subject"] or ""),
        "text": text.replace("\r\n", "\n").removesuffix("\n"),
    }


def _read_text(content: bytes) -> Shown:
    head, _, text = content.decode("utf-8", "replace").partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.split("\n") if ": " in line)
    return {"from": "", "to": fields.get("To", ""), "title": fields.get("Title", ""), "text": text.removesuffix("\n")}


def _iso(stamp: str) -> str:
    """Turn ``20260131T081500.000000Z`` into RFC 3339; anything else into nothing."""
    if len(stamp) < 16 or not stamp.endswith("Z"):
        return ""
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}:{stamp[13:]}"


class _Session:
    """One page."""

    def __init__(
        self, connection: ServerConnection, clients: Callable[[str | None], AsyncClient], outbox: Outbox
    ) -> None:
        self._connection = connection
        self._clients = clients
        self._client: AsyncClient | None = None
        self._outbox = outbox
        self._recipient: Recipient | None = None
        self._look = asyncio.Event()

    async def run(self) -> None:
        """Serve until the page leaves."""
        looking = asyncio.create_task(self._show())
        try:
            async for data in self._connection:
                await self._answer(data)
        except ConnectionClosed:
            pass
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                await looking
            if self._client is not None:
                await self._client.close()

    async def _answer(self, data: str | bytes) -> None:
        try:
            frame = json.loads(data)
            what = frame["type"]
            act: Callable[[Shown], Awaitable[str]] = {
                "watch": self._watch,
                "send": self._send,
                "cancel": self._cancel,
                "retry": self._retry,
            }[what]
            answer = json.dumps({"type": "done", "what": what, "id": await act(frame)})
        except TocsinError as error:
            answer = error_frame(error)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            answer = error_frame(InvalidArgument(f"this frame cannot be used: {error}", reason="MALFORMED_REQUEST"))
        self._look.set()
        await self._connection.send(answer)

    async def _watch(self, frame: Shown) -> str:
        wanted = frame["recipient"]
        self._recipient = None
        if self._client is not None:
            await self._client.close()
        self._client = self._clients(frame.get("token") or None)
        self._recipient = Recipient(wanted["type"], wanted.get("id"), wanted.get("external_id"))
        return str(self._recipient)

    async def _send(self, frame: Shown) -> str:
        client, recipient = self._watched()
        accepted = await client.send(
            recipient,
            title=frame["title"],
            message=frame["message"],
            channels=[(one["channel"], one.get("address") or "") for one in frame["channels"]],
            metadata=frame.get("metadata"),
        )
        return accepted.notification.id

    async def _cancel(self, frame: Shown) -> str:
        return (await self._watched()[0].cancel(frame["id"])).id

    async def _retry(self, frame: Shown) -> str:
        return (await self._watched()[0].retry(frame["id"])).id

    def _watched(self) -> tuple[AsyncClient, Recipient]:
        if self._client is None or self._recipient is None:
            raise InvalidArgument("watch a recipient first", reason="INVALID_FIELD")
        return self._client, self._recipient

    async def _show(self) -> None:
        """Write both views whenever they have changed."""
        before: Mapping[str, Any] = {}
        while True:
            views = {"outbox": await self._messages(), "notifications": await self._notifications()}
            for name, frame in views.items():
                if frame is not None and frame != before.get(name):
                    await self._connection.send(frame)
            # What could not be asked for keeps its last state, and is told when it is back.
            before = {name: frame or before.get(name) for name, frame in views.items()}
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), PERIOD)
            self._look.clear()

    async def _messages(self) -> str:
        # In a thread: the folder may be long, and its disk slow.
        messages = await asyncio.to_thread(self._outbox.latest)
        return json.dumps({"type": "outbox", "messages": messages}, ensure_ascii=False)

    async def _notifications(self) -> str | None:
        if self._client is None or self._recipient is None:
            return None
        try:
            page = await self._client.list(recipient=self._recipient, page_size=NOTIFICATIONS, deadline=5.0)
        except TocsinError as error:
            log.debug("cannot look", extra={"event": "dev_list_failed", "code": error.code})
            return error_frame(error)
        except RuntimeError:
            return None  # the client was closed for another one
        shown = [as_plain(notification) for notification in page.notifications]
        return json.dumps({"type": "notifications", "notifications": shown}, ensure_ascii=False)
