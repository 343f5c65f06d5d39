"""Made-up facts, rules and policies; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.drafts import ADDRESSES, NOON, user
from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.routing.conditions import ConditionFailed
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.policies import Policy


def facts(**changes: Any) -> Facts:
    """Return those of a notification to a registered recipient, with other fields."""
    fields: dict[str, Any] = {
        "recipient": user(), "category": "order.shipped", "title": "Hello", "metadata": None,
        "addresses": ADDRESSES, "contact": None, "now": NOON, "caller": "shop",
    }  # fmt: skip
    return Facts(**(fields | changes))


class Says:
    """A condition that is what it is told to be; with None it cannot be judged."""

    def __init__(self, answer: bool | None, *, needs_contact: bool = False) -> None:
        self._answer = answer
        self.needs_contact = needs_contact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Says) and (self._answer, self.needs_contact) == (other._answer, other.needs_contact)

    def __hash__(self) -> int:
        return hash((self._answer, self.needs_contact))

    def holds(self, facts: Facts) -> bool:
        if self._answer is None:
            raise ConditionFailed("no such key: kind")
        return self._answer


class OpensAt:
    """Hours that begin when a function of the time says."""

    needs_contact = False

    def __init__(self, opens: Callable[[Micros], Micros]) -> None:
        self._opens = opens

    def opens(self, facts: Facts, at: Micros) -> Micros:
        return self._opens(at)


def policy(name: str = "a policy", **fields: Any) -> Policy:
    """Return a policy about every channel, with other fields."""
    return Policy(**({"name": name, "when": None, "channels": frozenset(ChannelType)} | fields))
