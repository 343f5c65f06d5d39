"""The words of enumerations as plain strings, which the drivers bind without looking for an adapter first."""

from __future__ import annotations

from tocsin_server.domain.model import ChannelType, RecipientType, Status

WORDS = {word: word.value for word in (*RecipientType, *ChannelType)}

PENDING_WORD = Status.PENDING.value
