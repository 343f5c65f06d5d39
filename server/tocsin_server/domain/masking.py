"""Addresses as deciders see them: enough to recognise one that is known, never enough to write to it. Pure."""

from __future__ import annotations

from typing import Final

from tocsin_server.domain.model import ChannelType

HIDDEN: Final = "•••"

SHORTEST_NUMBER: Final = 7
"""Digits of which two may be shown: of fewer, they would tell too much."""


def mask(channel: ChannelType, address: str) -> str:
    """Hide an address: the first letter and the domain of a mailbox are shown, or the last two digits of a number."""
    if channel == ChannelType.EMAIL:
        local, _, domain = address.rpartition("@")
        shown = local[0] if len(local) > 1 and local[0].isalnum() else ""
        return f"{shown}{HIDDEN}@{domain}" if local else HIDDEN
    if address.startswith("@"):
        return f"@{address[1:2]}{HIDDEN}"
    digits = [letter for letter in address if letter.isdigit()]
    return HIDDEN + "".join(digits[-2:]) if len(digits) >= SHORTEST_NUMBER else HIDDEN
