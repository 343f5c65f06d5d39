"""Ids that are not in use yet."""

from __future__ import annotations

import random

from uuid_utils import uuid7

from tocsin_server.domain.model import NO_FEED

EPOCH_BITS = 62
"""So that an epoch fits a signed column of 64 bits."""


def new_id() -> str:
    """Return a new UUIDv7; those of one process rise strictly."""
    return str(uuid7())


def new_epoch() -> int:
    """Return a random epoch of a feed; 0 is kept for one that does not exist."""
    return NO_FEED.epoch + 1 + random.getrandbits(EPOCH_BITS)
