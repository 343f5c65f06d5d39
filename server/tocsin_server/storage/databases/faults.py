"""What an error of a database means for the transaction that it ended."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """The meanings; each database tells which of its errors has which."""

    REPEAT = "another transaction was in the way; the same one again will do"
    LOST = "the connection is lost or was refused"
    AWAY = "the database cannot do it now"
    REFUSED = "the database refuses what was asked, and will again"
