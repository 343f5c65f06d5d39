"""The form of a Telegram chat's address. Pure."""

from __future__ import annotations

import re
from typing import Final

_CHAT: Final = re.compile(r"-?[0-9]{1,19}|@[A-Za-z][A-Za-z0-9_]{3,31}")
"""A Telegram chat id (64-bit, negative for groups), or the user name of a public channel."""


def address_problem(address: str) -> str | None:
    """Return what would be right instead of ``address``, None if it has the form."""
    return None if _CHAT.fullmatch(address) else "must be a Telegram chat id, such as 123456789, or @channel"
