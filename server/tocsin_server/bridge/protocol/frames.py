"""The WebSocket protocol: client frames from text, server frames to text, and what each close code is for.

Every frame is a JSON object in a text message, with a ``type``. Field names and values are those of the API, enum
words in lower case, times as RFC 3339.

From the browser::

    {"type": "subscribe", "token": "…", "recipient": {"type": "user", "id": "…"}, "cursor": "…"}
    {"type": "list", "page_size": 20, "page_token": ""}
    {"type": "mark_read", "ids": ["…"]}      or      {"type": "mark_read", "up_to_cursor": "…"}

A recipient may have an ``external_id`` in place of the ``id``. ``subscribe`` is the first, and only the first.
Members may be left out or null where the API has a default; ``mark_read`` needs exactly one of its two, and an empty
``up_to_cursor`` is the whole feed. A member that the frame does not have is refused: a misspelt ``cursor`` would
otherwise be a gap.

To the browser: ``subscribed``, ``notification``, ``read_changed``, ``heartbeat``, ``list``, ``marked``, ``error``.
Requests are answered in their order. Notifications come without a channel's ``response`` and ``address``.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any, Final, NoReturn, TypeAlias

from tocsin_client import (
    InvalidArgument,
    MarkedRead,
    PermissionDenied,
    Recipient,
    RecipientType,
    TocsinError,
    Unauthenticated,
    Violation,
)
from tocsin_server.bridge.members import EXTERNAL_ID, OPAQUE, Members, invalid
from tocsin_server.bridge.protocol import json_text
from tocsin_server.bridge.protocol.json_text import boolean, quoted
from tocsin_server.domain.bearer import TOKEN

LARGEST_FRAME: Final = 16 * 1024
"""Bytes of a client frame; a larger one is refused by the WebSocket library, with close code 1009."""

LARGEST_PAGE: Final = 100
"""Notifications of one page; a larger ``page_size`` counts as this. The API allows more, but a page stays in memory
until its browser has read it."""

_NOT_ONE: Final = (
    "is no token, which has neither spaces nor line breaks nor more than 8,192 characters; perhaps it is the text of an"
    " error page of whatever was asked for one"
)


class CloseCode(IntEnum):
    """Why the bridge closes a socket, and what the browser does about it."""

    GOING_AWAY = 1001  # the bridge stops: reconnect with the cursor
    POLICY = 1008  # the first message or the origin is refused: the page has to change
    TRY_LATER = 1013  # too slow, or the system is overloaded: reconnect with the cursor, later
    BAD_TOKEN = 4401  # the token is refused, or has run out: reconnect with another one


def close_code_for(error: TocsinError) -> CloseCode:
    """Return how a socket is closed of which the feed ended with this error, or never began."""
    if isinstance(error, Unauthenticated):
        # Somebody's clock is wrong, and the very same token will be good.
        return CloseCode.TRY_LATER if "valid_from" in error.metadata else CloseCode.BAD_TOKEN
    if isinstance(error, InvalidArgument | PermissionDenied):
        return CloseCode.POLICY
    return CloseCode.TRY_LATER


# -- from the browser ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Follow the feed of ``recipient`` after ``cursor`` (empty: from now); ``token`` None where nobody asks for one."""

    recipient: Recipient
    token: str | None
    cursor: str


@dataclass(frozen=True, slots=True)
class ListFeed:
    """Read a page of the feed, at most `LARGEST_PAGE`; 0 is the server's default."""

    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Mark ``ids``, or with ``ids`` None the feed up to ``up_to_cursor`` (empty: all of it)."""

    ids: tuple[str, ...] | None
    up_to_cursor: str


ClientFrame: TypeAlias = Subscribe | ListFeed | MarkRead


def parse(data: str | bytes) -> ClientFrame:
    """Read a frame.

    Raises:
        InvalidArgument: It is none; ``violations`` names everything that is wrong with it.
        Unauthenticated: It leaves out the recipient, and its token names none.
    """
    members = Members(_json_object(data))
    match members.take("type"):
        case "subscribe":
            return _subscribe(members)
        case "list":
            size = members.number("page_size")
            frame: ClientFrame = ListFeed(min(size, LARGEST_PAGE), members.text("page_token"))
        case "mark_read":
            frame = _mark_read(members)
        case _:
            raise invalid([Violation("type", "must be subscribe, list or mark_read")])
    members.finish()
    return frame


def _json_object(data: str | bytes) -> dict[str, Any]:
    if isinstance(data, bytes):
        raise _malformed("a frame is a text message, not a binary one")
    try:
        # RecursionError: 16 KiB are enough for 16,000 nested arrays.
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _malformed("the frame is not JSON") from None
    if not isinstance(value, dict):
        raise _malformed("the frame is not a JSON object")
    return value


def _no_constant(_word: str) -> NoReturn:
    raise ValueError


def _malformed(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="MALFORMED_REQUEST")


def _subscribe(members: Members) -> Subscribe:
    token = members.text("token", TOKEN, _NOT_ONE) or None
    if token is None and not members.has("recipient"):
        members.refuse("recipient", "must be given when there is no token")
    recipient = members.recipient("recipient")
    cursor = members.text("cursor")
    members.finish()
    if recipient is None:
        recipient = subject_of(token or "")
    return Subscribe(recipient, token, cursor)


def _mark_read(members: Members) -> MarkRead:
    by_ids, by_cursor = members.has("ids"), members.has("up_to_cursor")
    if by_ids == by_cursor:
        members.refuse("ids", "give either ids or up_to_cursor")
    return MarkRead(members.ids("ids") if by_ids else None, members.text("up_to_cursor"))


def subject_of(token: str) -> Recipient:
    """Return the recipient that a token claims to be of, its ``sub``.

    The claim is not verified here: it only says which feed to ask the server for, which verifies it.

    Raises:
        Unauthenticated: There is no such claim.
    """
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        kind, _, named = claims["sub"].partition(":")
        if named.startswith("ext:"):
            if EXTERNAL_ID.fullmatch(external_id := named.removeprefix("ext:")):
                return Recipient(RecipientType(kind), external_id=external_id)
        elif named and OPAQUE.fullmatch(named):
            return Recipient(RecipientType(kind), named)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        pass
    raise Unauthenticated("the token names no recipient; give another one, or recipient", reason="UNAUTHENTICATED")


# -- to the browser --------------------------------------------------------------------------------


EVENTS: Final = frozenset({"subscribed", "notification", "read_changed"})
"""Kinds of events that have a frame, as ``SubscribeResponse`` names them."""


def event_frame(message: Any, kind: str, cursor: str) -> str:
    """Return the frame of a ``SubscribeResponse``, with its cursor and the count of unread.

    Args:
        message: The response.
        kind: Which event it has, one of `EVENTS`. Whoever asks knows it, and to look it up costs as much as a field.
        cursor: Likewise.
    """
    position = f'"cursor":{quoted(cursor)},"unread_count":{message.unread_count}'
    match kind:
        case "notification":
            text = json_text.notification(message.notification)
            return f'{{"type":"notification",{position},"notification":{text}}}'
        case "subscribed":
            return f'{{"type":"subscribed","recovered":{boolean(message.subscribed.recovered)},{position}}}'
        case "read_changed":
            changed = message.read_changed
            ids = ",".join(map(quoted, changed.ids[:]))
            return f'{{"type":"read_changed",{position},"ids":[{ids}],"read_at":{json_text.time(changed.read_at)}}}'
    raise ValueError("no event for browsers")


_HEADER: Final = Struct(">BBH").pack
"""Of a message of 126 bytes to 64 KiB, which nearly all are: quicker than to format bytes."""


def text_message(frame: str) -> bytes:
    """Return a frame as the bytes of a WebSocket text message: unmasked, since it is a server's (RFC 6455, 5.2)."""
    data = frame.encode()
    size = len(data)
    if size < 126:
        return b"\x81%c%b" % (size, data)
    if size < 1 << 16:
        return _HEADER(0x81, 126, size) + data
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), data)


def heartbeat_frame(cursor: str) -> str:
    """Return ``heartbeat`` with the cursor that was written last."""
    return _text("heartbeat", cursor=cursor)


def list_frame(page: Any) -> str:
    """Return ``list``, the answer to one, from a ``ListResponse``."""
    notifications = ",".join(map(json_text.notification, page.notifications))
    position = f'"next_page_token":{quoted(page.next_page_token)},"cursor":{quoted(page.cursor)}'
    return f'{{"type":"list","notifications":[{notifications}],{position}}}'


def marked_frame(marked: MarkedRead) -> str:
    """Return ``marked``, the answer to ``mark_read``."""
    return _text("marked", marked_count=marked.marked_count, unread_count=marked.unread_count, cursor=marked.cursor)


def error_frame(error: TocsinError) -> str:
    """Return ``error``; ``reason`` is empty when no Tocsin server said so, but the way to it failed."""
    # Then the message is gRPC's own, which names addresses behind the bridge.
    message = error.message if error.reason else f"the server could not be asked ({error.code})"
    return _text("error", code=error.code, reason=error.reason, message=message)


def _text(frame_type: str, **members: Any) -> str:
    return json.dumps({"type": frame_type, **members}, ensure_ascii=False, separators=(",", ":"))
