"""The Telegram channel: hands messages to the Bot API."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from tocsin_server.channels.classify_telegram import classify_refusal
from tocsin_server.channels.pace import Pace
from tocsin_server.channels.sender import Message, Outcome, OutcomeKind
from tocsin_server.channels.verdict import LATER, PROVIDER_FAULT, UNKNOWN, Verdict, detail

API_URL: Final = "https://api.telegram.org"

TEXT_LIMIT: Final = 4096
"""Longest text of a message (Bot API, sendMessage), counted in UTF-16 code units as Telegram counts positions."""

OVERALL_INTERVAL: Final = 1 / 30
"""Seconds between any two messages: about 30 a second are let through (Bots FAQ, "My bot is hitting limits")."""

CHAT_INTERVAL: Final = 1.0
"""Seconds between two messages to the same chat (same place)."""

LONGEST_WAIT: Final = 1.0
"""Seconds that an attempt waits for its turn; beyond that it goes back to the queue and frees its place."""


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


# The bot's token is part of every URL. httpx logs URLs at INFO; the library logs the URL and each message's text at
# DEBUG; httpcore logs what it cannot read at DEBUG, and that may quote us. Filters rather than levels, since a level is
# what people change when they look for something.
for _name in ("httpx", "httpcore.http11", "telegram.Bot"):
    logging.getLogger(_name).addFilter(_only_warnings)


class _Refused(TelegramError):
    """An answer that is not a success, with the facts that the library's exceptions leave out.

    The library maps answers to exceptions that lose the status (a 500 and a 429 without parameters become the
    same `NetworkError`), and writes bodies that it cannot read into the exception and to the log.
    """

    __slots__ = ("description", "error_code", "migrated_to", "retry_after")

    def __init__(self, status: int, payload: bytes) -> None:
        super().__init__(f"answer {status}")
        answer = _json_object(payload)
        parameters = answer.get("parameters")
        if not isinstance(parameters, dict):
            parameters = {}
        code, description = answer.get("error_code"), answer.get("description")
        self.error_code: int = code if isinstance(code, int) else status
        self.description: str | None = description if isinstance(description, str) else None
        self.retry_after: float | None = _number(parameters.get("retry_after"))
        self.migrated_to: str | None = None
        if isinstance(parameters.get("migrate_to_chat_id"), int):
            self.migrated_to = str(parameters["migrate_to_chat_id"])


class _Request(HTTPXRequest):
    """The library's HTTP client, with answers read before it judges them."""

    __slots__ = ()

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Make a request; called by the library.

        Raises:
            _Refused: The answer is not a success.
        """
        status, payload = await super().do_request(*args, **kwargs)
        if not 200 <= status < 300 or _json_object(payload).get("ok") is not True:
            raise _Refused(status, payload)
        return status, payload


class TelegramSender:
    """Sends plain text as the bot that ``token`` belongs to.

    ``api_url`` replaces `API_URL`. ``timeout`` is in seconds, for each network operation. ``clock`` (monotonic
    seconds) and ``sleep`` are for tests.
    """

    def __init__(
        self,
        *,
        token: str,
        connections: int,
        timeout: float,
        api_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        bot_id, colon, secret = token.partition(":")
        # Only the part before the colon is public, so a token that has none gives no part of its own away.
        self.name = f"telegram://{bot_id}" if colon and bot_id.isdecimal() else "telegram://"
        self._secrets = (token, secret)
        self._clock = clock
        self._sleep = sleep
        self._pace = Pace(overall=OVERALL_INTERVAL, per_chat=CHAT_INTERVAL)
        self._request = _Request(
            connection_pool_size=connections,
            connect_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            pool_timeout=timeout,
        )
        # Never initialised in the library's sense: that would ask the API who we are before the first message.
        self._bot = Bot(
            token, base_url=f"{api_url or API_URL}/bot", request=self._request, get_updates_request=self._request
        )

    async def send(self, message: Message) -> Outcome:
        """Hand one message to the Bot API; see `Sender.send`.

        The outcome's ``data`` has ``message_id``. ``address`` is the new chat id when the group has migrated.
        """
        text = f"{message.title}\n{message.message}"
        if _utf16_units(text) > TEXT_LIMIT:
            # Not cut, since nobody could tell that something is missing; not split, since a retry after the second
            # part's failure would repeat the first.
            return Outcome(
                OutcomeKind.PERMANENT,
                code="MESSAGE_TOO_LONG",
                detail=f"title and message together are longer than {TEXT_LIMIT} UTF-16 code units",
            )
        now = self._clock()
        wait = self._pace.delay(message.address, now)
        if wait > LONGEST_WAIT:
            return Outcome(
                OutcomeKind.THROTTLED, code="OWN_LIMIT", detail="this chat's turn is later", retry_after=wait
            )
        self._pace.take(message.address, now)
        if wait > 0:
            await self._sleep(wait)
        return await self._attempt(message, text, message.address)

    async def close(self) -> None:
        """Close kept connections; see `Sender.close`."""
        await self._request.shutdown()

    async def _attempt(self, message: Message, text: str, chat: str) -> Outcome:
        """Send to ``chat``, which differs from the message's address when we were sent on."""
        moved_to = chat if chat != message.address else None
        try:
            sent = await self._bot.send_message(chat, text)
            data = {"message_id": sent.message_id}
        except _Refused as refused:
            if refused.migrated_to is not None and moved_to is None:
                # Known not sent, and where to: at once, and once, so that two chats cannot send us to and fro.
                return await self._attempt(message, text, refused.migrated_to)
            return self._refused(message, refused, chat, moved_to)
        except Exception as error:  # noqa: BLE001 - send promises an outcome whatever happens
            verdict = _judge_exception(error)
            # Once something was received, the error's text may quote it.
            words = "no readable answer" if verdict is UNKNOWN else str(error)
            code = type(error.__cause__ or error).__name__
            return self._outcome(verdict, message, code=code, text=words, moved_to=moved_to)
        return Outcome(OutcomeKind.ACCEPTED, code="200", data=data, address=moved_to)

    def _refused(self, message: Message, refused: _Refused, chat: str, moved_to: str | None) -> Outcome:
        if refused.error_code < 300:  # neither a success nor an error that is documented
            return self._outcome(UNKNOWN, message, code="UNREADABLE_ANSWER", text="", moved_to=moved_to)
        verdict = classify_refusal(refused.error_code, refused.description, refused.retry_after)
        if verdict.retry_after is not None:
            # Further messages to the chat need not ask first. Other chats go on: flood control is mostly per chat.
            now = self._clock()
            self._pace.hold(chat, now + verdict.retry_after, now)
        return self._outcome(
            verdict, message, code=str(refused.error_code), text=refused.description or "", moved_to=moved_to
        )

    def _outcome(self, verdict: Verdict, message: Message, *, code: str, text: str, moved_to: str | None) -> Outcome:
        return Outcome(
            verdict.kind,
            code=code,
            detail=detail(text, message=message, secrets=self._secrets),
            retry_after=verdict.retry_after,
            provider_fault=verdict.provider_fault,
            address=moved_to,
        )


def _judge_exception(error: Exception) -> Verdict:
    """Judge a request without a readable answer. The library keeps what httpx said as the cause."""
    match error.__cause__:
        case httpx.PoolTimeout():
            return LATER  # all our connections were busy; the API was not asked
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return PROVIDER_FAULT
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return PROVIDER_FAULT  # telegram_api_url, or a token that is none
        case _:
            return UNKNOWN  # once a request is being written, silence no longer means that it was not read


def _json_object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < math.inf else None


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
