"""The client's values as JSON: the API's own field names, enum words, RFC 3339 times in UTC."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_client.model import NotificationEvent, ReadChanged, Subscribed

_EVENT_TYPES: Final = {Subscribed: "subscribed", NotificationEvent: "notification", ReadChanged: "read_changed"}


def as_plain(value: Any) -> Any:
    """Return one of the client's values as what ``json.dumps`` takes.

    Dataclasses become dictionaries with all of their fields in their order, None where absent; events get the
    member ``type`` in front (``"subscribed"``, ``"notification"``, ``"read_changed"``).
    """
    if is_dataclass(value) and not isinstance(value, type):
        members = {member.name: as_plain(getattr(value, member.name)) for member in fields(value)}
        event_type = _EVENT_TYPES.get(type(value))
        return members if event_type is None else {"type": event_type, **members}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {str(key): as_plain(member) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value
