"""The arguments that several tools share, as models are told of them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from tocsin_client import RecipientType

Word = Literal["websocket", "email", "telegram", "sms"]

NotificationId = Annotated[
    str, Field(min_length=36, max_length=36, description="The notification_id, a UUID, exactly as a tool showed it.")
]
LeaseToken = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="The lease_token of this notification, from list_undecided.",
    ),
]
Channels = Annotated[
    list[Word],
    Field(
        max_length=4,
        description="What to send through: only words from channels_allowed, each once, in order of preference. "
        "websocket is the recipient's inbox in the page or app. Empty with hold_until or suppress.",
    ),
]
NewChannels = Annotated[
    list[Word],
    Field(max_length=4, description="What to send through. Empty: the server's rules choose, as for most they should."),
]
Strategy = Annotated[
    Literal["parallel", "fallback"],
    Field(
        description="parallel sends through all channels at once. fallback takes them in order: the next one only if "
        "the one before failed, or was unread for escalate_after_seconds."
    ),
]
EscalateAfter = Annotated[
    int | None,
    Field(
        ge=1,
        le=2_592_000,
        description="Only with fallback: seconds that a channel may stay unread before the next. Needed if websocket "
        "is among channels: an inbox never fails, it only stays unread. 900 is usual.",
    ),
]
HoldUntil = Annotated[
    AwareDatetime | None,
    Field(
        description="Decide later: nobody is given it before this time, such as 2026-03-01T08:00:00Z. Must lie before "
        "decide_by. The lease ends."
    ),
]
Suppress = Annotated[bool, Field(description="true: send nothing at all; the notification ends as failed, for good.")]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="Why, in a sentence of your own for the operator; kept and shown by explain.",
    ),
]
Model = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="Which model you are, with version, such as example-model-4; kept and shown by explain.",
    ),
]
Category = Annotated[
    str,
    Field(
        max_length=66, description="Only this category, such as order.shipped; order.* is all below order. Empty: any."
    ),
]


def _of_a_known_type(text: str) -> str:
    if text.partition(":")[0] not in set(RecipientType):
        raise ValueError(f"must begin with one of {', '.join(RecipientType)}, such as user:ext:4711")
    return text


Recipient = Annotated[
    str,
    AfterValidator(_of_a_known_type),
    Field(
        min_length=1,
        max_length=300,
        description="user:UUID, guest:UUID, potential_customer:UUID, partner:UUID or other:UUID; user:ext:4711 for "
        "an id that is no UUID.",
    ),
]
NewCategory = Annotated[
    str, Field(max_length=64, description="What kind it is, such as order.shipped; rules and policies go by it.")
]
Title = Annotated[str, Field(min_length=1, max_length=255, description="One line.")]
Message = Annotated[str, Field(min_length=1, max_length=20_000, description="The text.")]
DEEPEST: Final = 32
"""Levels of metadata, as the API has it."""


def _within_depth(value: Any, levels: int = DEEPEST) -> Any:
    """Refuse what is nested deeper than the API takes: its messages could not even be made."""
    if isinstance(value, dict | list):
        if levels == 0:
            raise ValueError(f"must be at most {DEEPEST} levels deep")
        for member in value.values() if isinstance(value, dict) else value:
            _within_depth(member, levels - 1)
    return value


Metadata = Annotated[
    dict[str, Any] | None,
    AfterValidator(_within_depth),
    Field(description='JSON that rules look at, such as {"order_id": "ABC123"}.'),
]
