"""What is known when somebody decides about a notification. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tocsin_server.domain.model import ChannelType, Contact, Json, Micros, Notification, Recipient, Submission


class Facts(NamedTuple):
    """What rules and policies see of a notification.

    ``addresses`` are the known ones: those that came with the notification, and for other channels the contact's.
    ``contact`` is None where there is none, or nothing needed it to be read. ``caller`` sent the notification, and
    ``decider`` decides about it, empty if that is the caller or a rule.
    """

    recipient: Recipient
    category: str
    title: str
    metadata: Json | None
    addresses: Mapping[ChannelType, str]
    contact: Contact | None
    now: Micros
    send_at: Micros | None = None
    expires_at: Micros | None = None
    caller: str = ""
    decider: str = ""

    @property
    def goes_out_at(self) -> Micros:
        """When it is to be sent: now, or at the time it is scheduled for."""
        return self.now if self.send_at is None else max(self.now, self.send_at)


def known_addresses(given: Mapping[ChannelType, str], contact: Contact | None) -> Mapping[ChannelType, str]:
    """Return by which address each channel reaches the recipient; what came with the notification goes first."""
    if contact is None or not contact.addresses:
        return given
    return {**contact.addresses, **given}


def facts_of(submission: Submission, contact: Contact | None, now: Micros) -> Facts:
    """Return what is known about what is to be sent."""
    return Facts(
        submission.recipient,
        submission.category,
        submission.title,
        submission.metadata,
        known_addresses(submission.addresses, contact),
        contact,
        now,
        submission.send_at,
        submission.expires_at,
        submission.caller,
    )


def facts_of_notification(
    notification: Notification, given: Mapping[ChannelType, str], contact: Contact | None, now: Micros
) -> Facts:
    """Return what is known about what is stored; ``given`` are the addresses that came with it."""
    return Facts(
        notification.recipient,
        notification.category,
        notification.title,
        notification.metadata,
        known_addresses(given, contact),
        contact,
        now,
        notification.send_at,
        notification.expires_at,
        notification.owner,
    )
