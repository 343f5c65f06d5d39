"""Requests that read, mark, retry or follow: from their messages to plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.domain.model import ChannelType, FeedPosition, NotificationFilter, Recipient
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.recipients import checked_id, checked_recipient, read_recipient
from tocsin_server.rpc.convert.times import read_time
from tocsin_server.rpc.convert.words import CHANNEL_TYPE_PROBLEM, CHANNEL_TYPES, STATUS_PROBLEM, STATUSES
from tocsin_server.rpc.validation import Violations

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 500


def read_list(request: service_pb.ListRequest) -> tuple[NotificationFilter, int]:
    """Read the filters and the page size of a list."""
    problems = Violations()
    recipient: Recipient | None = None
    if request.HasField("recipient"):
        recipient = checked_recipient(request.recipient, problems, registered=True)
    elif request.feed_only:
        problems.add("recipient", "must be given with feed_only")
    statuses = _enums(request.statuses, STATUSES, "statuses", STATUS_PROBLEM, problems)
    channels = _enums(request.channels, CHANNEL_TYPES, "channels", CHANNEL_TYPE_PROBLEM, problems)
    after = before = None
    if request.HasField("created_after"):
        after = read_time(request.created_after, "created_after", problems)
    if request.HasField("created_before"):
        before = read_time(request.created_before, "created_before", problems)
        if after is not None and before is not None and before <= after:
            problems.add("created_before", "must be later than created_after")
    if request.page_size < 0:
        problems.add("page_size", "must not be negative")
    if request.category:
        problems.add("category", validation.category_filter_problem(request.category))
    problems.raise_any()
    wanted = NotificationFilter(
        recipient=recipient,
        feed_only=request.feed_only,
        unread_only=request.unread_only,
        unrouted_only=request.unrouted_only,
        statuses=tuple(sorted(set(statuses))),
        channels=tuple(sorted(set(channels))),
        created_after=after,
        created_before=before,
        category=request.category,
    )
    return wanted, min(request.page_size or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


def _enums(
    numbers: Sequence[int], words: Mapping[int, Any], field: str, problem: str, problems: Violations
) -> list[Any]:
    found = []
    for place, number in enumerate(numbers):
        if number in words:
            found.append(words[number])
        else:
            problems.add(f"{field}[{place}]", problem)
    return found


def read_mark_read(
    request: service_pb.MarkReadRequest,
) -> tuple[Sequence[str], None, None] | tuple[None, Recipient, FeedPosition | None]:
    """Read what is to be marked: ids, or a recipient and the position up to which."""
    problems = Violations()
    by_ids, by_recipient = bool(request.ids), request.HasField("recipient")
    if by_ids == by_recipient:
        problems.add("ids", "must be given, or recipient: exactly one of the two")
        problems.raise_any()
    if by_ids:
        if request.up_to_cursor:
            problems.add("up_to_cursor", "must come with recipient, not with ids")
        ids = []
        for place, value in enumerate(request.ids):
            ids.append(checked_id(value, f"ids[{place}]", problems))
            if problems.full:
                break
        problems.raise_any()
        return tuple(dict.fromkeys(ids)), None, None
    recipient = checked_recipient(request.recipient, problems, registered=True)
    problems.raise_any()
    up_to = feed_cursor.decode(request.up_to_cursor, "up_to_cursor") if request.up_to_cursor else None
    return None, recipient, up_to


def read_retry(request: service_pb.RetryRequest) -> tuple[str, Sequence[ChannelType]]:
    """Read what is to be revived."""
    problems = Violations()
    notification_id = checked_id(request.id, "id", problems)
    channels = _enums(request.channels, CHANNEL_TYPES, "channels", CHANNEL_TYPE_PROBLEM, problems)
    named: set[ChannelType] = set()
    for place, channel in enumerate(channels):
        if channel in named:
            problems.add(f"channels[{place}]", f"names {channel} a second time")
        named.add(channel)
    problems.raise_any()
    return notification_id, channels


def read_subscribe(request: service_pb.SubscribeRequest) -> tuple[Recipient, FeedPosition | None]:
    """Read whose feed, and from where."""
    recipient = read_recipient(request.recipient)
    return recipient, feed_cursor.decode(request.cursor) if request.cursor else None
