"""What a rule or a policy asks of a notification."""

from __future__ import annotations

from typing import Protocol

from tocsin_server.routing.facts import Facts


class ConditionFailed(Exception):
    """A condition cannot be judged for a notification, for instance because a metadata key is missing; says why."""


class Condition(Protocol):
    """Something that is true or false of a notification."""

    @property
    def needs_contact(self) -> bool:
        """Whether it looks at what comes from the recipient's contact."""

    def holds(self, facts: Facts) -> bool:
        """Judge; raises `ConditionFailed`."""
