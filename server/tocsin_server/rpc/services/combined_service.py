"""A service whose RPCs are spread over several parts."""

from __future__ import annotations


class CombinedService:
    """One object that has the RPCs of all its parts, each under its name."""

    def __init__(self, *parts: object) -> None:
        for part in parts:
            for name in dir(part):
                if name[0].isupper():  # as RPCs are named, and nothing else
                    setattr(self, name, getattr(part, name))
