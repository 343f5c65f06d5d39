"""Enumerations: the words of the model by their numbers in the API, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin_server.domain.model import ChannelType, RecipientType, Status

# Enumerations by number. Number 0 is "unspecified", numbers beyond the list come from newer callers.
RECIPIENT_TYPES = dict(enumerate(RecipientType, start=1))
CHANNEL_TYPES = dict(enumerate(ChannelType, start=1))
STATUSES = dict(enumerate(Status, start=1))
OUTCOME_NUMBERS: dict[str, Any] = {
    word: number for number, word in enumerate(("accepted", "transient", "throttled", "permanent", "unknown"), start=1)
}
RECIPIENT_NUMBERS: dict[str, Any] = {word: number for number, word in RECIPIENT_TYPES.items()}
CHANNEL_NUMBERS: dict[str, Any] = {word: number for number, word in CHANNEL_TYPES.items()}
STATUS_NUMBERS: dict[str, Any] = {word: number for number, word in STATUSES.items()}


def _words(values: Iterable[str], prefix: str) -> str:
    return ", ".join(f"{prefix}_{value.upper()}" for value in values)


RECIPIENT_TYPE_PROBLEM = f"must be one of {_words(RecipientType, 'RECIPIENT_TYPE')}"
CHANNEL_TYPE_PROBLEM = f"must be one of {_words(ChannelType, 'CHANNEL_TYPE')}"
STATUS_PROBLEM = f"must be one of {_words(Status, 'STATUS')}"
