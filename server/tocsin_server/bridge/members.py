"""Reading the members of a JSON object that anybody may have sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tocsin_client import InvalidArgument, Recipient, RecipientType, Violation

OPAQUE: Final = re.compile(r"[\x20-\x7e]{0,1024}")
"""Ids, cursors and page tokens, as far as the bridge looks at them: not everything that JSON calls a string can be
sent on (a lone surrogate cannot). The server does the rest."""

EXTERNAL_ID: Final = re.compile("[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,255}")
"""What a recipient may be called: see ``Recipient.external_id`` of the API."""

_NOT_EXTERNAL: Final = "must be a string of 1 to 255 characters, without control characters and line breaks"

_NOT_OPAQUE: Final = "must be a string of printable ASCII characters, and not too long"

MOST_IDS: Final = 500
"""Notifications marked by one frame, as in the API."""


def invalid(violations: Sequence[Violation]) -> InvalidArgument:
    """Return the error that names these bad members."""
    text = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
    return InvalidArgument(text, reason="INVALID_FIELD", violations=violations)


class Members:
    """The members of a frame, read one by one; wrong ones are gathered, so that all are named at once."""

    def __init__(self, members: dict[str, Any]) -> None:
        # What is null counts as left out.
        self._members = {name: value for name, value in members.items() if value is not None}
        self._violations: list[Violation] = []

    def has(self, name: str) -> bool:
        """Tell whether a member is there and not read yet."""
        return name in self._members

    def take(self, name: str) -> Any:
        """Return a member as it is, None where it is left out."""
        return self._members.pop(name, None)

    def refuse(self, name: str, description: str) -> None:
        """Take note of what is wrong."""
        self._violations.append(Violation(name, description))

    def finish(self) -> None:
        """Raise InvalidArgument if anything was wrong, or is left over."""
        for name in sorted(self._members):
            shown = name if name.isidentifier() and len(name) <= 64 else "(a member)"
            self.refuse(shown, "is not a member of this frame")
        if self._violations:
            raise invalid(self._violations)

    def text(self, name: str, pattern: re.Pattern[str] = OPAQUE, wrong: str = _NOT_OPAQUE) -> str:
        """Return a string, empty where it is left out; ``wrong`` describes one that does not match."""
        value = self.take(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(name, wrong)
            return ""
        return value

    def number(self, name: str) -> int:
        """Return a number that is 0 or more, 0 where it is left out."""
        value = self.take(name)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse(name, "must be an integer, 0 or more")
            return 0
        return value

    def ids(self, name: str) -> tuple[str, ...]:
        """Return 1 to `MOST_IDS` strings."""
        value = self.take(name)
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_IDS:
            self.refuse(name, f"must be an array of 1 to {MOST_IDS} ids")
            return ()
        for index, one in enumerate(value):
            if not isinstance(one, str) or not OPAQUE.fullmatch(one):
                self.refuse(f"{name}[{index}]", "must be the id of a notification")
        return tuple(value)

    def recipient(self, name: str) -> Recipient | None:
        """Return a registered recipient, None where it is left out."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse(name, "must be an object with type and id")
            return None
        parts = Members(value)
        kind = parts.take("type")
        if not isinstance(kind, str) or kind not in RecipientType.__members__.values():
            parts.refuse("type", f"must be one of {', '.join(RecipientType)}")
        external_id = parts.text("external_id", EXTERNAL_ID, _NOT_EXTERNAL) if parts.has("external_id") else ""
        if parts.has("id") == bool(external_id):
            parts.refuse("id", "must be given, or external_id, one of the two: only registered recipients have a feed")
        recipient_id = parts.text("id")
        try:
            parts.finish()
        except InvalidArgument as error:
            for violation in error.violations:
                self.refuse(f"{name}.{violation.field}", violation.description)
            return None
        return Recipient(kind, recipient_id, external_id)
