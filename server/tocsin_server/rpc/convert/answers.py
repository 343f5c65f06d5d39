"""Notifications as answers show them, to backends and to recipients."""

from __future__ import annotations

from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.domain.attempt_log import attempts_in
from tocsin_server.domain.masking import mask
from tocsin_server.domain.model import Accepted, Channel, Contact, FeedState, Json, Marked, Notification
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.rpc.convert.structs import write_json
from tocsin_server.rpc.convert.times import write_time
from tocsin_server.rpc.convert.words import CHANNEL_NUMBERS, OUTCOME_NUMBERS, RECIPIENT_NUMBERS, STATUS_NUMBERS

LARGEST_PAGE = 1024 * 1024
"""Bytes of notifications, as they travel, with which a page ends. Clients take messages of 4 MiB, and the largest
notification has an eighth of that: most of it metadata of short numbers, each of which travels as 11 bytes."""


def write_channel(channel: Channel, message: pb.Channel, *, answer: bool = True, private: bool = True) -> None:
    """Fill a channel, with the provider's ``answer``; that and the address are ``private``, and not for recipients."""
    message.id = channel.id
    message.notification_id = channel.notification_id
    message.channel = CHANNEL_NUMBERS[channel.channel]
    message.status = STATUS_NUMBERS[channel.status]
    message.attempts = channel.attempts
    if private and answer and channel.response is not None:
        write_json(message.response, channel.response)
        _write_history(channel.response, message)
    write_time(message.created_at, channel.created_at)
    if private and channel.address:
        message.address = channel.address
    if channel.next_attempt_at is not None:
        write_time(message.next_attempt_at, channel.next_attempt_at)


def _write_history(response: Json, message: pb.Channel) -> None:
    for attempt in attempts_in(response):
        entry = message.history.add()
        if attempt.at is not None:
            write_time(entry.attempted_at, attempt.at)
        entry.outcome = OUTCOME_NUMBERS.get(attempt.outcome, 0)
        entry.provider = attempt.provider
        entry.code = attempt.code
        entry.detail = attempt.detail


def write_notification(
    notification: Notification,
    message: pb.Notification,
    *,
    content: bool = True,
    answers: bool = True,
    private: bool = True,
    masked: bool = False,
    contact: Contact | None = None,
) -> pb.Notification:
    """Fill a notification with its channels.

    Args:
        notification: Is written.
        message: To be filled; it is returned, too.
        content: Write message and metadata.
        answers: Write what providers answered.
        private: Write what is not for recipients: addresses, providers' answers, and who sent it.
        masked: Hide addresses, and leave out what providers answered, which may name them.
        contact: The recipient's, which says what callers call them.
    """
    message.id = notification.id
    message.recipient.type = RECIPIENT_NUMBERS[notification.recipient.type]
    if notification.recipient.id is not None:
        message.recipient.id = notification.recipient.id
    if contact is not None and contact.external_id is not None:
        message.recipient.external_id = contact.external_id
    message.title = notification.title
    message.status = STATUS_NUMBERS[notification.status]
    message.is_read = notification.is_read
    write_time(message.created_at, notification.created_at)
    if content:
        message.message = notification.message
        if notification.metadata is not None:
            write_json(message.metadata, notification.metadata)
    for channel in notification.channels:
        written = message.channels.add()
        write_channel(channel, written, answer=answers and not masked, private=private)
        if masked and written.address:
            written.address = mask(channel.channel, written.address)
    _write_times(notification, message)
    if private and notification.owner:
        message.owner = notification.owner
    if notification.category:
        message.category = notification.category
    return message


def _write_times(notification: Notification, message: pb.Notification) -> None:
    """Write the times that not every notification has."""
    if notification.read_at is not None:
        write_time(message.read_at, notification.read_at)
    if notification.send_at is not None:
        write_time(message.send_at, notification.send_at)
    if notification.expires_at is not None:
        write_time(message.expires_at, notification.expires_at)
    if notification.route_by is not None:
        write_time(message.route_by, notification.route_by)


def write_accepted(
    accepted: Accepted, request: service_pb.SendRequest, message: service_pb.SendResponse, *, brief: bool = False
) -> service_pb.SendResponse:
    """Fill the answer to a request; ``brief`` leaves message, metadata and providers' answers out."""
    notification = message.notification
    write_notification(accepted.notification, notification, content=False, answers=not brief)
    message.duplicate = accepted.duplicate
    if not brief:
        notification.message = accepted.notification.message
        # What was accepted under a key has the request's content: it need not be built anew.
        if request.HasField("metadata"):
            notification.metadata.CopyFrom(request.metadata)
    return message


def marked_answer(marked: Marked) -> service_pb.MarkReadResponse:
    """Build the answer to marking as read."""
    cursor = feed_cursor.encode(marked.position) if marked.position is not None else ""
    return service_pb.MarkReadResponse(
        marked_count=marked.marked_count, unread_count=marked.unread_count, cursor=cursor
    )


def unread_answer(state: FeedState) -> service_pb.CountUnreadResponse:
    """Build the answer to counting what is unread."""
    return service_pb.CountUnreadResponse(unread_count=state.unread_count, cursor=feed_cursor.encode(state.head))
