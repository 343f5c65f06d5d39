"""The Telegram channel: hands messages to the Bot API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from telegram import Bot

from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind, TakeTurn, nothing_to_send
from tocsin_server.channels.telegram.answers import CREDENTIAL_CODES, classify_refusal
from tocsin_server.channels.telegram.http import BotRequest, Refused, attempt_of_request
from tocsin_server.channels.telegram.pace import Pace
from tocsin_server.channels.verdict import LATER, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict, detail, secrets_of
from tocsin_server.config.network import HttpProxy
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import MICROS_PER_SECOND, ClaimedChannel

API_URL: Final = "https://api.telegram.org"

TEXT_LIMIT: Final = 4096
"""Longest text of a message (Bot API, sendMessage), counted in UTF-16 code units as Telegram counts positions."""

OVERALL_INTERVAL: Final = 1 / 30
"""Seconds between any two messages: about 30 a second are let through (Bots FAQ, "My bot is hitting limits")."""

CHAT_INTERVAL: Final = 1.0
"""Seconds between two messages to the same chat (same place)."""

LONGEST_TURN_WAIT: Final = 1.0
"""Seconds that an attempt waits for its turn; beyond that it goes back to the queue and frees its place."""


class TelegramSender:
    """Sends plain text as the bot that ``token`` belongs to.

    ``api_url`` replaces `API_URL`. ``timeout`` is in seconds, for each network operation. ``clock`` (monotonic
    seconds) and ``sleep`` are for tests.
    """

    credential_codes = CREDENTIAL_CODES

    def __init__(
        self,
        *,
        token: str,
        connections: int,
        timeout: float,
        api_url: str | None = None,
        proxy: HttpProxy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        bot_id, colon, secret = token.partition(":")
        # Only the part before the colon is public, so a token that has none gives no part of its own away.
        self.name = f"telegram://{bot_id}" if colon and bot_id.isdecimal() else "telegram://"
        self._secrets = (token, secret, *secrets_of(proxy))
        self._clock = clock
        self._sleep = sleep
        self._pace = Pace(overall=OVERALL_INTERVAL, per_chat=CHAT_INTERVAL)
        self._take_turn: TakeTurn | None = None
        self._request = BotRequest(connections, timeout, proxy)
        # Never initialised in the library's sense: that would ask the API who we are before the first message.
        self._bot = Bot(
            token, base_url=f"{api_url or API_URL}/bot", request=self._request, get_updates_request=self._request
        )

    async def send(self, attempt: Attempt) -> Outcome:
        """Hand one message to the Bot API; see `Sender.send`.

        The outcome's ``data`` has ``message_id``. ``address`` is the new chat id when the group has migrated.
        """
        message = attempt.claim
        text = f"{message.title}\n{message.message}"
        if _utf16_units(text) > TEXT_LIMIT:
            # Not cut, since nobody could tell that something is missing; not split, since a retry after the second
            # part's failure would repeat the first.
            return PERMANENT.outcome(
                "MESSAGE_TOO_LONG", f"title and message together are longer than {TEXT_LIMIT} UTF-16 code units"
            )
        now = self._clock()
        wait = self._pace.delay(message.address, now)
        if wait > LONGEST_TURN_WAIT:
            return Outcome(
                OutcomeKind.THROTTLED, code="OWN_LIMIT", detail="this chat's turn is later", retry_after=wait
            )
        self._pace.take(message.address, now)
        if self._take_turn is not None:
            turn = await self._turn_of_all(self._take_turn)
            if isinstance(turn, Outcome):
                return turn
            wait = max(wait - (self._clock() - now), turn)
        if wait > 0:
            await self._sleep(wait)
        return await self._attempt(attempt, text, message.address)

    def keep_pace_with(self, take_turn: TakeTurn) -> None:
        """See `Paced.keep_pace_with`. Each chat's pace stays this process's own."""
        self._take_turn = take_turn

    async def _turn_of_all(self, take_turn: TakeTurn) -> float | Outcome:
        """Take a turn of the bot's; returns the seconds until it comes, or what else becomes of the attempt."""
        try:
            turn = await take_turn(self.name, micros(OVERALL_INTERVAL), micros(LONGEST_TURN_WAIT))
        except TocsinError as error:
            return Outcome(
                OutcomeKind.THROTTLED, code=error.reason, detail="no turn was given", retry_after=LONGEST_TURN_WAIT
            )
        wait = turn.wait / MICROS_PER_SECOND
        if turn.taken:
            return wait
        return Outcome(OutcomeKind.THROTTLED, code="OWN_LIMIT", detail="the bot's turn is later", retry_after=wait)

    async def reach(self) -> str:
        """Ask which bot we are; see `Sender.reach`."""
        attempt_of_request.set(nothing_to_send())
        try:
            await self._bot.get_me()
        except Refused as refused:
            return detail(f"{refused.error_code} {refused.description or ''}".rstrip(), secrets=self._secrets)
        except Exception as error:  # noqa: BLE001 - reach promises a sentence whatever happens
            return detail(
                f"{type(error.__cause__ or error).__name__}: {str(error) or 'it did not answer in time'}",
                secrets=self._secrets,
            )
        return ""

    async def close(self) -> None:
        """Close kept connections; see `Sender.close`."""
        await self._request.shutdown()

    async def _attempt(self, attempt: Attempt, text: str, chat: str) -> Outcome:
        """Send to ``chat``, which differs from the message's address when we were sent on."""
        message = attempt.claim
        attempt_of_request.set(attempt)
        moved_to = chat if chat != message.address else None
        try:
            sent = await self._bot.send_message(chat, text)
            data = {"message_id": sent.message_id}
        except Refused as refused:
            if refused.migrated_to is not None and moved_to is None:
                # Known not sent, and where to: at once, and once, so that two chats cannot send us to and fro.
                attempt.handed_over = False
                return await self._attempt(attempt, text, refused.migrated_to)
            return self._refused(message, refused, chat, moved_to)
        except Exception as error:  # noqa: BLE001 - send promises an outcome whatever happens
            verdict = _judge_exception(error, attempt)
            # Once something was received, the error's text may quote it.
            words = "no readable answer" if verdict is UNKNOWN else str(error)
            code = type(error.__cause__ or error).__name__
            return self._outcome(verdict, message, code=code, text=words, moved_to=moved_to)
        return Outcome(OutcomeKind.ACCEPTED, code="200", data=data, address=moved_to)

    def _refused(self, message: ClaimedChannel, refused: Refused, chat: str, moved_to: str | None) -> Outcome:
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

    def _outcome(
        self, verdict: Verdict, message: ClaimedChannel, *, code: str, text: str, moved_to: str | None
    ) -> Outcome:
        return verdict.outcome(code, detail(text, message=message, secrets=self._secrets), address=moved_to)


def _judge_exception(error: Exception, attempt: Attempt) -> Verdict:
    """Judge a request without a readable answer. The library keeps what httpx said as the cause."""
    if attempt.handed_over:
        return UNKNOWN  # once a request is being written, silence no longer means that it was not read
    # A busy pool is ours: the API was not asked. All else is the way to it, telegram_api_url, or a token that is none.
    return LATER if isinstance(error.__cause__, httpx.PoolTimeout) else PROVIDER_FAULT


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
