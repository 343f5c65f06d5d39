"""What a refusal by the Bot API means for an attempt: pure, each row with its source.

The Bot API (https://core.telegram.org/bots/api#making-requests) answers with ``error_code`` and a
``description`` for people, and says that the meaning of codes may change; the descriptions quoted here are
those that its server gives.
"""

from __future__ import annotations

from typing import Final

from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.verdict import LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict

FLOOD_PAUSE: Final = 5.0
"""Seconds to hold back after 429 without ``retry_after``."""

# 403: what only the recipient can undo. The rest of 403 ("bot can't send messages to the user", "bot was kicked",
# ...) has been seen to come and go with Telegram's own trouble, at the cost of real recipients to those who
# believed it at once (https://rss2tg.duck.consulting/bug.html), so it is tried again.
_GONE: Final = ("blocked by the user", "user is deactivated")

# 400: a group's administrators have restricted the bot, which they can undo.
_RESTRICTED: Final = ("not enough rights", "need administrator rights", "have no rights", "chat_write_forbidden")


CREDENTIAL_CODES: Final = frozenset({"401", "404"})
"""The token is not that of a bot, or not of a token's form."""


def classify_refusal(error_code: int, description: str | None, retry_after: float | None) -> Verdict:
    """Judge a refusal; ``description`` is None when the answer was not the Bot API's JSON.

    ``retry_after`` is in seconds, from the answer's ``parameters``, None without it. A chat that has migrated is
    not a refusal to be judged here: the answer names where to go.
    """
    if error_code == 429 or retry_after is not None:
        # ResponseParameters.retry_after: flood control; "the number of seconds left to wait".
        return Verdict(OutcomeKind.THROTTLED, retry_after=FLOOD_PAUSE if retry_after is None else retry_after)
    if error_code >= 500:
        return (
            UNKNOWN  # RFC 9110 15.6: the server failed at an apparently valid request; how far it got, it does not say
        )
    if description is None:
        return PROVIDER_FAULT  # a proxy, a captive portal, or a wrong telegram_api_url
    text = description.lower()
    if error_code == 403:
        return PERMANENT if any(part in text for part in _GONE) else LATER
    if error_code == 400:
        # "chat not found", "user not found", "PEER_ID_INVALID": a bot finds the chats that know it, another bot others.
        # "message is too long", "message text is empty", ...: a self-hosted Bot API server may have other limits.
        return LATER if any(part in text for part in _RESTRICTED) else NOT_HERE
    if error_code == 413:
        return NOT_HERE  # RFC 9110 15.5.14: content too large, for this server
    # 401 and 404: the token is not that of a bot ("Unauthorized"), or not of a token's form ("Not Found"). Anything
    # else (409: another process uses the token) is not about the message either.
    return PROVIDER_FAULT
