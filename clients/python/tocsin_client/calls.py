"""Every call of the API as a value: which RPC, its request, how to read its answer, whether repeating is safe.

The clients, synchronous and asynchronous, only carry these out, so that there is one place where arguments
become requests and answers become values. Whether a call may be repeated when it is open whether it took effect
follows the comments in the API: reading, MarkRead and PutContact are idempotent, Send and SendBatch are with
their keys; Cancel, Retry, Route and DeleteContact would fail the second time and so hide that the first one had
worked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID, uuid4

from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_service_pb2 as pb

from tocsin_client import convert, model
from tocsin_client.errors import TocsinError

Answer = TypeVar("Answer")

NotificationId: TypeAlias = str | UUID
"""Id of a notification, in canonical form or as a UUID object."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One unary call.

    Attributes:
        rpc: Name of the RPC, unique among the services of the package.
        request: Its request message.
        read: Turns its response message into the client's value.
        repeatable: Whether it may be made again after an attempt of which the outcome is open.
    """

    rpc: str
    request: Any
    read: Callable[[Any], Answer]
    repeatable: bool

    def unread(self) -> Call[Any]:
        """Return the same call for whoever reads the answer himself."""
        return Call(self.rpc, self.request, lambda answer: answer, self.repeatable)


def send(draft: model.Draft) -> Call[model.Accepted]:
    """Send one notification; makes up an idempotency key, the same for all attempts, if the draft has none."""
    return Call("Send", convert.send_request(draft, _key(draft)), _accepted, repeatable=True)


def send_batch(drafts: Iterable[model.Draft]) -> Call[tuple[model.Accepted | TocsinError, ...]]:
    """Send several notifications in one commit; see `send` for their keys."""
    requests = [convert.send_request(draft, _key(draft)) for draft in drafts]
    return Call("SendBatch", pb.SendBatchRequest(requests=requests), _results, repeatable=True)


def get(notification_id: NotificationId) -> Call[model.Notification]:
    """Read one notification."""
    return Call("Get", pb.GetRequest(id=str(notification_id)), _notification, repeatable=True)


def list_page(filters: model.ListFilter, page_token: str) -> Call[model.Page]:
    """Read one page of those that match."""
    return Call("List", convert.list_request(filters, page_token), _page, repeatable=True)


def mark_read(
    ids: Sequence[NotificationId] | NotificationId, recipient: model.RecipientLike | None, up_to_cursor: str
) -> Call[model.MarkedRead]:
    """Mark notifications, or a recipient's feed, as read."""
    several = (ids,) if isinstance(ids, str | UUID) else ids
    request = pb.MarkReadRequest(
        ids=[str(one) for one in several],
        recipient=None if recipient is None else convert.recipient_message(recipient),
        up_to_cursor=up_to_cursor,
    )
    return Call("MarkRead", request, lambda m: model.MarkedRead(m.marked_count, m.unread_count), repeatable=True)


def count_unread(recipient: model.RecipientLike) -> Call[int]:
    """Count what is unread in a recipient's feed."""
    request = pb.CountUnreadRequest(recipient=convert.recipient_message(recipient))
    return Call("CountUnread", request, lambda answer: int(answer.unread_count), repeatable=True)


def cancel(notification_id: NotificationId) -> Call[model.Notification]:
    """Stop what is still to come of a notification."""
    return Call("Cancel", pb.CancelRequest(id=str(notification_id)), _notification, repeatable=False)


def retry(notification_id: NotificationId, channels: Sequence[str]) -> Call[model.Notification]:
    """Revive failed channels."""
    request = pb.RetryRequest(id=str(notification_id), channels=convert.channel_numbers(channels))
    return Call("Retry", request, _notification, repeatable=False)


def route(
    notification_id: NotificationId,
    channels: Sequence[model.ChannelLike],
    strategy: str | None,
    escalate_after: model.Seconds | None,
) -> Call[model.Notification]:
    """Decide the channels of a deferred notification."""
    request = pb.RouteRequest(
        id=str(notification_id),
        channels=convert.targets(channels),
        strategy=convert.strategy_message(strategy, escalate_after),
    )
    return Call("Route", request, _notification, repeatable=False)


def put_contact(
    recipient: model.RecipientLike, addresses: Mapping[str, str], locale: str, time_zone: str
) -> Call[model.Contact]:
    """Create or replace a contact."""
    contact = convert.contact_message(recipient, addresses, locale, time_zone)
    return Call("PutContact", contact_pb.PutContactRequest(contact=contact), _contact, repeatable=True)


def get_contact(recipient: model.RecipientLike) -> Call[model.Contact]:
    """Read a contact."""
    request = contact_pb.GetContactRequest(recipient=convert.recipient_message(recipient))
    return Call("GetContact", request, _contact, repeatable=True)


def delete_contact(recipient: model.RecipientLike) -> Call[None]:
    """Delete a contact."""
    request = contact_pb.DeleteContactRequest(recipient=convert.recipient_message(recipient))
    return Call("DeleteContact", request, lambda _: None, repeatable=False)


def subscribe_request(recipient: model.Recipient, cursor: str) -> Any:
    """Build the request that opens, or resumes, a stream."""
    return pb.SubscribeRequest(recipient=convert.recipient_message(recipient), cursor=cursor)


def _key(draft: model.Draft) -> str:
    return draft.idempotency_key or str(uuid4())


def _accepted(answer: pb.SendResponse) -> model.Accepted:
    return model.Accepted(convert.notification_from(answer.notification), answer.duplicate)


def _results(answer: pb.SendBatchResponse) -> tuple[model.Accepted | TocsinError, ...]:
    return tuple(
        convert.error_from(result.error) if result.HasField("error") else _accepted(result.response)
        for result in answer.results
    )


def _notification(answer: Any) -> model.Notification:
    return convert.notification_from(answer.notification)


def _contact(answer: Any) -> model.Contact:
    return convert.contact_from(answer.contact)


def _page(answer: pb.ListResponse) -> model.Page:
    notifications = tuple(convert.notification_from(message) for message in answer.notifications)
    return model.Page(notifications, answer.next_page_token, answer.cursor)
