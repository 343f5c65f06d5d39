"""Every call of the API as a value: which RPC, its request, how to read its answer, whether repeating is safe.

The clients, synchronous and asynchronous, only carry these out, so that there is one place where arguments
become requests and answers become values. Whether a call may be repeated when it is open whether it took effect
follows the comments in the API: reading, MarkRead, Route, PutContact and PauseChannel are idempotent, Send and
SendBatch are with their keys; Cancel, Retry and DeleteContact would fail the second time, ResumeChannel and Erase find
nothing to do, and so hide that the first one had worked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID, uuid4

from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import decision_service_pb2 as decision_pb
from tocsin.v1 import notification_service_pb2 as pb
from tocsin.v1 import operator_service_pb2 as operator_pb

from tocsin_client import convert, decisions, model, operating, trials
from tocsin_client.errors import TocsinError

Answer = TypeVar("Answer")

_NOTIFICATIONS: Final = "tocsin.v1.NotificationService/"
_CONTACTS: Final = "tocsin.v1.ContactService/"
_DECISIONS: Final = "tocsin.v1.DecisionService/"
_OPERATIONS: Final = "tocsin.v1.OperatorService/"

SUBSCRIBE: Final = _NOTIFICATIONS + "Subscribe"
RELAY: Final = "tocsin.v1.RelayService/Relay"

NotificationId: TypeAlias = str | UUID
"""Id of a notification, in canonical form or as a UUID object."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One unary call.

    Attributes:
        rpc: Full name of the RPC, ``package.Service/Method``.
        request: Its request message.
        read: Turns its response message into the client's value.
        repeatable: Whether it may be made again after an attempt of which the outcome is open.
    """

    rpc: str
    request: Any
    read: Callable[[Any], Answer]
    repeatable: bool

    def raw(self) -> Call[Any]:
        """Return the same call for whoever reads the response message himself."""
        return Call(self.rpc, self.request, lambda answer: answer, self.repeatable)


def send(draft: model.Draft) -> Call[model.Accepted]:
    """Send one notification; makes up an idempotency key, the same for all attempts, if the draft has none."""
    return Call(_NOTIFICATIONS + "Send", convert.send_request(draft, _key(draft)), _accepted, repeatable=True)


def send_batch(drafts: Iterable[model.Draft]) -> Call[tuple[model.Accepted | TocsinError, ...]]:
    """Send several notifications in one commit; see `send` for their keys."""
    return send_requests([send_request(draft) for draft in drafts])


def send_request(draft: model.Draft) -> pb.SendRequest:
    """Build one request of a batch; makes up its key if the draft has none."""
    return convert.send_request(draft, _key(draft))


def send_requests(requests: Sequence[pb.SendRequest]) -> Call[tuple[model.Accepted | TocsinError, ...]]:
    """Send requests that were built before, in one commit."""
    return Call(_NOTIFICATIONS + "SendBatch", pb.SendBatchRequest(requests=requests), _results, repeatable=True)


def get(notification_id: NotificationId) -> Call[model.Notification]:
    """Read one notification."""
    return Call(_NOTIFICATIONS + "Get", pb.GetRequest(id=str(notification_id)), _notification, repeatable=True)


def list_page(filters: model.ListFilter, page_token: str) -> Call[model.Page]:
    """Read one page of those that match."""
    return Call(_NOTIFICATIONS + "List", convert.list_request(filters, page_token), _page, repeatable=True)


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
    return Call(_NOTIFICATIONS + "MarkRead", request, _marked, repeatable=True)


def count_unread(recipient: model.RecipientLike) -> Call[model.UnreadCount]:
    """Count what is unread in a recipient's feed."""
    request = pb.CountUnreadRequest(recipient=convert.recipient_message(recipient))
    return Call(_NOTIFICATIONS + "CountUnread", request, _unread_count, repeatable=True)


def cancel(notification_id: NotificationId) -> Call[model.Notification]:
    """Stop what is still to come of a notification."""
    return Call(_NOTIFICATIONS + "Cancel", pb.CancelRequest(id=str(notification_id)), _notification, repeatable=False)


def retry(notification_id: NotificationId, channels: Sequence[str]) -> Call[model.Notification]:
    """Revive failed channels."""
    request = pb.RetryRequest(id=str(notification_id), channels=convert.channel_numbers(channels))
    return Call(_NOTIFICATIONS + "Retry", request, _notification, repeatable=False)


def route(
    notification_id: NotificationId,
    channels: Sequence[model.ChannelLike],
    strategy: str | None,
    escalate_after: model.Seconds | None,
    grounds: decisions.Grounds,
) -> Call[model.Notification]:
    """Decide the channels of a deferred notification."""
    how = convert.strategy_message(strategy, escalate_after)
    return _decide(convert.route_request(str(notification_id), grounds, channels=channels, strategy=how))


def hold(notification_id: NotificationId, until: datetime, grounds: decisions.Grounds) -> Call[model.Notification]:
    """Decide about a deferred notification later."""
    return _decide(convert.route_request(str(notification_id), grounds, hold_until=until))


def suppress(notification_id: NotificationId, grounds: decisions.Grounds) -> Call[model.Notification]:
    """Send nothing of a deferred notification."""
    return _decide(convert.route_request(str(notification_id), grounds, suppress=True))


def _decide(request: pb.RouteRequest) -> Call[model.Notification]:
    return Call(_NOTIFICATIONS + "Route", request, _notification, repeatable=True)


def lease_undecided(options: decisions.LeaseOptions) -> Call[tuple[decisions.Undecided, ...]]:
    """Take what is undecided. What a call that was cut off has leased comes back when its lease ends."""
    return Call(_DECISIONS + "LeaseUndecided", convert.lease_request(options), _undecided, repeatable=True)


def preview(
    notification_id: NotificationId,
    channels: Sequence[model.ChannelLike],
    strategy: str | None,
    escalate_after: model.Seconds | None,
    hold_until: datetime | None,
    suppress: bool,
    grounds: decisions.Grounds,
) -> Call[decisions.Decision | None]:
    """Ask what would become of a decision."""
    how = convert.strategy_message(strategy, escalate_after)
    route = convert.route_request(
        str(notification_id),
        grounds,
        channels=channels,
        strategy=how,
        hold_until=hold_until,
        suppress=suppress,
    )
    return Call(_DECISIONS + "Preview", decision_pb.PreviewRequest(route=route), _previewed, repeatable=True)


def who_am_i() -> Call[decisions.Caller]:
    """Ask what the credentials are good for."""
    return Call(_DECISIONS + "WhoAmI", decision_pb.WhoAmIRequest(), _caller, repeatable=True)


def explain(notification_id: NotificationId) -> Call[tuple[decisions.Decision, ...]]:
    """Tell who decided about a notification."""
    request = decision_pb.ExplainRequest(id=str(notification_id))
    return Call(_DECISIONS + "Explain", request, _decisions, repeatable=True)


def simulate(draft: model.Draft, rules: str) -> Call[trials.Simulation]:
    """Ask what would be decided about a notification, without sending it."""
    request = decision_pb.SimulateRequest(request=convert.send_request(draft, draft.idempotency_key), rules=rules)
    return Call(_DECISIONS + "Simulate", request, convert.simulation_from, repeatable=True)


def backtest(
    rules: str, since: datetime | None, until: datetime | None, category: str, limit: int
) -> Call[trials.Backtest]:
    """Ask what rules would have decided for what is stored."""
    request = convert.backtest_request(rules, since, until, category, limit)
    return Call(_DECISIONS + "Backtest", request, convert.backtest_from, repeatable=True)


def put_contact(
    recipient: model.RecipientLike, addresses: Mapping[str, str], locale: str, time_zone: str
) -> Call[model.Contact]:
    """Create or replace a contact."""
    contact = convert.contact_message(recipient, addresses, locale, time_zone)
    return Call(_CONTACTS + "PutContact", contact_pb.PutContactRequest(contact=contact), _contact, repeatable=True)


def get_contact(recipient: model.RecipientLike) -> Call[model.Contact]:
    """Read a contact."""
    request = contact_pb.GetContactRequest(recipient=convert.recipient_message(recipient))
    return Call(_CONTACTS + "GetContact", request, _contact, repeatable=True)


def delete_contact(recipient: model.RecipientLike) -> Call[None]:
    """Delete a contact."""
    request = contact_pb.DeleteContactRequest(recipient=convert.recipient_message(recipient))
    return Call(_CONTACTS + "DeleteContact", request, lambda _: None, repeatable=False)


def list_contacts(recipient_type: str | None, page_size: int, page_token: str) -> Call[model.ContactPage]:
    """Read one page of contacts."""
    request = convert.list_contacts_request(recipient_type, page_size, page_token)
    return Call(_CONTACTS + "ListContacts", request, convert.contact_page_from, repeatable=True)


def pause_channel(channel: str, reason: str) -> Call[operating.PausedChannel]:
    """Stop a channel."""
    [number] = convert.channel_numbers([channel])
    request = operator_pb.PauseChannelRequest(channel=number, reason=reason)
    return Call(_OPERATIONS + "PauseChannel", request, _paused_channel, repeatable=True)


def resume_channel(channel: str) -> Call[bool]:
    """Let a channel go on."""
    [number] = convert.channel_numbers([channel])
    request = operator_pb.ResumeChannelRequest(channel=number)
    return Call(_OPERATIONS + "ResumeChannel", request, lambda answer: bool(answer.was_paused), repeatable=False)


def get_queue() -> Call[operating.QueueState]:
    """Read what waits."""
    return Call(_OPERATIONS + "GetQueue", operator_pb.GetQueueRequest(), convert.queue_from, repeatable=True)


def erase(recipient: model.RecipientLike, address: tuple[str, str] | None) -> Call[operating.Erasure]:
    """Erase a person."""
    request = operator_pb.EraseRequest(**convert.person(recipient, address))
    return Call(_OPERATIONS + "Erase", request, _erasure, repeatable=False)


def export(recipient: model.RecipientLike, address: tuple[str, str] | None) -> Call[str]:
    """Read what is stored of a person; the RPC gives a stream of answers."""
    request = operator_pb.ExportRequest(**convert.person(recipient, address))
    return Call(_OPERATIONS + "Export", request, lambda answer: str(answer.line), repeatable=True)


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


def _undecided(answer: decision_pb.LeaseUndecidedResponse) -> tuple[decisions.Undecided, ...]:
    return tuple(map(convert.undecided_from, answer.undecided))


def _previewed(answer: decision_pb.PreviewResponse) -> decisions.Decision | None:
    return None if answer.already_made else convert.decision_from(answer.decision)


def _caller(answer: decision_pb.WhoAmIResponse) -> decisions.Caller:
    return decisions.Caller(answer.name, tuple(answer.scopes), frozenset(answer.rpcs))


def _decisions(answer: decision_pb.ExplainResponse) -> tuple[decisions.Decision, ...]:
    return tuple(map(convert.decision_from, answer.decisions))


def _marked(answer: pb.MarkReadResponse) -> model.MarkedRead:
    return model.MarkedRead(answer.marked_count, answer.unread_count, answer.cursor)


def _unread_count(answer: pb.CountUnreadResponse) -> model.UnreadCount:
    return model.UnreadCount(answer.unread_count, answer.cursor)


def _contact(answer: Any) -> model.Contact:
    return convert.contact_from(answer.contact)


def _paused_channel(answer: operator_pb.PauseChannelResponse) -> operating.PausedChannel:
    return convert.paused_channel_from(answer.paused_channel)


def _erasure(answer: operator_pb.EraseResponse) -> operating.Erasure:
    return convert.erasure_from(answer.erasure)


def _page(answer: pb.ListResponse) -> model.Page:
    notifications = tuple(convert.notification_from(message) for message in answer.notifications)
    return model.Page(notifications, answer.next_page_token, answer.cursor)
