"""`tocsin.v1.NotificationService`: a coroutine per RPC, from request to answer."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from tocsin.v1 import notification_service_pb2 as pb

from tocsin_server.domain.errors import InvalidArgument, NotImplementedYet, PermissionDenied, TocsinError, Violation
from tocsin_server.domain.model import FeedPosition, Micros, Recipient, Submission
from tocsin_server.domain.ports import AddressProblem, ContactStore, ReadingStore, ReadStateStore
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import FeedItem
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.deciding import Deciding
from tocsin_server.intake.intervening import Interventions, Mandate
from tocsin_server.rpc import convert, page_token
from tocsin_server.rpc.convert.decisions import read_route
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.relay_stream import Followed
from tocsin_server.rpc.requests import bounds_of, check
from tocsin_server.rpc.scopes import (
    CANCEL,
    COUNT_UNREAD,
    GET,
    LIST,
    MARK_READ,
    RETRY,
    ROUTE,
    SEND,
    SEND_BATCH,
    SUBSCRIBE,
)
from tocsin_server.rpc.services.decision_service import authority_of
from tocsin_server.rpc.status import LARGEST_REFUSALS, LARGEST_STATUS, to_status
from tocsin_server.rpc.turns import Turns
from tocsin_server.telemetry.trace_context import TRACEPARENT

_BOUNDS_OF_SEND = bounds_of(pb.SendRequest.DESCRIPTOR)


class ReadingService(ReadingStore, ReadStateStore, ContactStore, Protocol):
    """Shows what is stored, and keeps what was read."""


class Feeds(Protocol):
    """Opens streams; see `tocsin_server.feed.stream.FeedStreams`."""

    def follow(
        self,
        recipient: Recipient,
        position: FeedPosition | None,
        until: Micros | None,
        holder: str | None,
        allowed: Callable[[], None],
        *,
        noting: bool,
    ) -> AsyncIterator[FeedItem]:
        """Yield a feed."""

    def written(self, recipient: Recipient, position: FeedPosition) -> None:
        """Learn how far a feed was written."""


class NotificationService:
    """The RPCs. Each raises a `TocsinError` to refuse; `rpc.handlers` turns it into a status.

    Args:
        store: Where notifications are read and marked.
        feeds: Where streams come from.
        intake: Takes in what is sent.
        interventions: Cancels and retries.
        address_problem: Knows the channels' forms of addresses.
        deciding: Decides about what was deferred; None where nothing can be.
        present: Tells what a caller's credentials are good for now, see `Authenticator.present`.
    """

    def __init__(
        self,
        store: ReadingService,
        feeds: Feeds,
        intake: Intake,
        interventions: Interventions,
        address_problem: AddressProblem,
        deciding: Deciding | None = None,
        present: Callable[[Principal], Principal] = lambda caller: caller,
    ) -> None:
        self._present = present
        self._store = store
        self._feeds = feeds
        self._intake = intake
        self._interventions = interventions
        self._address_problem = address_problem
        self._deciding = deciding

    async def Send(self, request: pb.SendRequest, caller: Principal) -> pb.SendResponse:  # noqa: N802
        """Store one notification and queue it."""
        caller.take_sends(1)
        submission = convert.read_send(request, self._intake.clock(), caller.name, self._address_problem)
        caller.require_type(submission.recipient, SEND)
        return convert.write_accepted(await self._intake.accept(_traced(submission)), request, pb.SendResponse())

    async def SendBatch(  # noqa: N802
        self, request: pb.SendBatchRequest, caller: Principal
    ) -> pb.SendBatchResponse:
        """Store many in one commit; each item succeeds or fails by itself."""
        if not request.requests:
            raise InvalidArgument([Violation("requests", "must hold at least one request")])
        caller.take_sends(len(request.requests))
        turns = Turns()
        now = self._intake.clock()
        submissions: list[Submission | TocsinError] = []
        for item in request.requests:
            await turns.give_way()
            try:
                for bound in _BOUNDS_OF_SEND:
                    check(item, bound)
                submission = convert.read_send(item, now, caller.name, self._address_problem)
                caller.require_type(submission.recipient, SEND_BATCH)
                submissions.append(_traced(submission))
            except TocsinError as refusal:
                submissions.append(refusal.with_traceback(None))  # its frames lead back to this list
        results = await self._intake.accept_all(submissions)
        response = pb.SendBatchResponse()
        largest = min(LARGEST_STATUS, LARGEST_REFUSALS // len(results))
        for item, result in zip(request.requests, results, strict=True):
            await turns.give_way()
            message = response.results.add()
            if isinstance(result, TocsinError):
                message.error.CopyFrom(to_status(result, largest))
            else:
                convert.write_accepted(result, item, message.response, brief=True)
        return response

    async def Get(self, request: pb.GetRequest, caller: Principal) -> pb.GetResponse:  # noqa: N802
        """Return one notification with its channels."""
        notification = await self._store.get(convert.read_id(request.id))
        caller.require_type(notification.recipient, GET)
        contacts = await self._store.contacts([notification.recipient])
        response = pb.GetResponse()
        convert.write_notification(notification, response.notification, contact=contacts.get(notification.recipient))
        return response

    async def List(self, request: pb.ListRequest, caller: Principal) -> pb.ListResponse:  # noqa: N802
        """Return a page of what matches."""
        wanted, page_size = convert.read_list(request)
        caller.require_own(wanted.recipient if wanted.feed_only else None, LIST)
        caller.require_type(wanted.recipient, LIST)
        if caller.recipient is None and not (caller.reads_everything or wanted.unrouted_only):
            raise PermissionDenied(
                "the scope route allows List with unrouted_only alone; all else needs the scope read", LIST
            )
        before = page_token.decode(request.page_token, wanted) if request.page_token else None
        part = await self._store.find(wanted, before, page_size)
        page, state = part.page, part.state
        # In a feed it is one's own name, or known to whoever asks.
        whose = [] if wanted.feed_only else [one.recipient for one in page.notifications]
        contacts = await self._store.contacts(whose)
        response = pb.ListResponse()
        turns = Turns()
        size = 0
        for notification in page.notifications:
            await turns.give_way()
            message = response.notifications.add()
            convert.write_notification(
                notification,
                message,
                private=_is_backend(caller),
                masked=not caller.reads_everything,
                contact=contacts.get(notification.recipient),
            )
            size += message.ByteSize()
            if size >= convert.LARGEST_PAGE:
                break
        written = len(response.notifications)
        if page.more or written < len(page.notifications):
            response.next_page_token = page_token.encode(page.positions[written - 1], wanted)
        if state is not None:
            response.cursor = feed_cursor.encode(state.head)
        return response

    async def MarkRead(  # noqa: N802
        self, request: pb.MarkReadRequest, caller: Principal
    ) -> pb.MarkReadResponse:
        """Mark notifications as read."""
        ids, recipient, up_to = convert.read_mark_read(request)
        if recipient is not None:
            caller.require_recipient(recipient, MARK_READ)
            marked = await self._store.mark_feed_read(recipient, up_to)
        else:
            if caller.recipient_types is not None and ids:  # all are of one recipient
                caller.require_type((await self._store.get(ids[0])).recipient, MARK_READ)
            marked = await self._store.mark_read(ids or (), caller.recipient)
        return convert.marked_answer(marked)

    async def CountUnread(  # noqa: N802
        self, request: pb.CountUnreadRequest, caller: Principal
    ) -> pb.CountUnreadResponse:
        """Count what is unread in a feed."""
        recipient = convert.read_recipient(request.recipient)
        caller.require_recipient(recipient, COUNT_UNREAD)
        return convert.unread_answer(await self._store.feed_state(recipient))

    async def Cancel(  # noqa: N802
        self, request: pb.CancelRequest, caller: Principal
    ) -> pb.CancelResponse:
        """Stop what is still to come of a notification."""
        notification = await self._interventions.cancel(convert.read_id(request.id), _mandate(caller, CANCEL))
        response = pb.CancelResponse()
        convert.write_notification(notification, response.notification)
        return response

    async def Retry(self, request: pb.RetryRequest, caller: Principal) -> pb.RetryResponse:  # noqa: N802
        """Revive failed channels of a notification."""
        notification_id, channels = convert.read_retry(request)
        notification = await self._interventions.retry(notification_id, channels, _mandate(caller, RETRY))
        response = pb.RetryResponse()
        convert.write_notification(notification, response.notification)
        return response

    async def Route(self, request: pb.RouteRequest, caller: Principal) -> pb.RouteResponse:  # noqa: N802
        """Decide about a notification that is undecided."""
        if self._deciding is None:
            raise NotImplementedYet("the RPC Route", ROUTE)
        wish = read_route(request, self._intake.clock(), self._address_problem)
        response = pb.RouteResponse()
        notification = await self._deciding.decide(wish, authority_of(caller))
        convert.write_notification(notification, response.notification, masked=not caller.reads_everything)
        return response

    def Subscribe(  # noqa: N802
        self, request: pb.SubscribeRequest, caller: Principal
    ) -> AsyncIterator[convert.FeedMessage]:
        """Stream a feed."""
        recipient, position = _subscriber(request, caller)
        return self._messages(recipient, position, caller, noting=True)

    def relayed(self, request: pb.SubscribeRequest, caller: Principal) -> Followed:
        """Stream a feed for a relay, which has several messages under way."""
        recipient, position = _subscriber(request, caller)
        messages = self._messages(recipient, position, caller, noting=False)
        return Followed(messages, functools.partial(self._feeds.written, recipient))

    async def _messages(
        self, recipient: Recipient, position: FeedPosition | None, caller: Principal, *, noting: bool
    ) -> AsyncIterator[convert.FeedMessage]:
        private = _is_backend(caller)
        # A recipient's own share is that of the recipient.
        holder = caller.name if private and caller.name else None
        allowed = functools.partial(self._require_feed, caller, recipient)
        async for item in self._feeds.follow(recipient, position, caller.expires_at, holder, allowed, noting=noting):
            yield convert.serialise_feed_item(item, private=private)
            del item  # the next one may be long in coming

    def _require_feed(self, caller: Principal, recipient: Recipient) -> None:
        """Raise what a caller who was let in before would get for following the feed now."""
        now = self._present(caller)
        now.require_rpc(SUBSCRIBE)
        now.require_recipient(recipient, SUBSCRIBE)


def _subscriber(request: pb.SubscribeRequest, caller: Principal) -> tuple[Recipient, FeedPosition | None]:
    """Return whose feed is to be streamed, and from where."""
    recipient, position = convert.read_subscribe(request)
    caller.require_recipient(recipient, SUBSCRIBE)
    return recipient, position


def _traced(submission: Submission) -> Submission:
    """Return a submission with what the present call is traced by, if it is."""
    traceparent = TRACEPARENT.get()
    return submission if traceparent is None else submission._replace(traceparent=traceparent)


def _mandate(caller: Principal, rpc: str) -> Mandate:
    return Mandate(caller.name, caller.acts_for_anybody, rpc)


def _is_backend(caller: Principal) -> bool:
    """Whether the caller may see addresses and providers' answers."""
    return caller.recipient is None
