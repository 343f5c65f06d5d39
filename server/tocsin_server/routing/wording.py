"""What is said to people about words that are not known. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_server.config.variables import distance


def nearest(word: str, known: Sequence[str]) -> str:
    """Return what may have been meant, or else everything that there is."""
    best = str(min(known, key=lambda name: distance(word.lower()[:100], name.lower())))
    if distance(word.lower(), best.lower()) <= max(1, len(best) // 3):
        return f"did you mean {best!r}?"
    return f"there is {', '.join(known)}"
