"""What the call that is being handled is traced by, for whoever stores it. Standard library only: nothing is traced by
this.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

HEADER: Final = "traceparent"

TRACEPARENT: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""Of the present task, in the form of W3C Trace Context; None unless its trace is kept."""


def traceparent_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    """Return what a caller says that it traces its call by, which may be anything."""
    for name, value in metadata or ():
        if name == HEADER and isinstance(value, str):
            return value
    return None
