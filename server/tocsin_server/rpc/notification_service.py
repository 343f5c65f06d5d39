"""`tocsin.v1.NotificationService`: a coroutine per RPC, from request to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from tocsin.v1 import notification_service_pb2 as pb

from tocsin_server.clock import Clock
from tocsin_server.errors import (
    BatchTooLarge,
    ChannelNotConfigured,
    InvalidArgument,
    NotImplementedYet,
    TocsinError,
    Violation,
)
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import FeedItem
from tocsin_server.model import (
    Accepted,
    ChannelType,
    FeedPosition,
    FeedState,
    Marked,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Page,
    Recipient,
)
from tocsin_server.routing.rules import choose_channels
from tocsin_server.rpc import convert, page_token, validation
from tocsin_server.rpc.auth import Principal
from tocsin_server.rpc.status import to_status

SEND = "tocsin.v1.NotificationService/Send"


class ListPartLike(Protocol):
    """A page and the head of the feed it belongs to."""

    @property
    def page(self) -> Page:
        """The page."""

    @property
    def state(self) -> FeedState | None:
        """The head, when the list is one recipient's."""


class ServiceStore(Protocol):
    """The part of the store that the service needs; see `tocsin_server.storage.store.Store`."""

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        """Store drafts."""

    async def get(self, notification_id: str) -> Notification:
        """Read one."""

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPartLike:
        """Read a page."""

    async def mark_read(self, ids: Sequence[str], owner: Recipient | None) -> Marked:
        """Mark some."""

    async def mark_feed_read(self, recipient: Recipient, up_to: FeedPosition | None) -> Marked:
        """Mark a feed."""

    async def cancel(self, notification_id: str) -> Notification:
        """Stop what is still to come."""

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        """Revive failed channels."""

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """Read the head of a feed."""


class Feeds(Protocol):
    """Opens streams; see `tocsin_server.feed.stream.FeedStreams`."""

    def follow(
        self, recipient: Recipient, position: FeedPosition | None, until: Micros | None
    ) -> AsyncIterator[FeedItem]:
        """Yield a feed."""


class NotificationService:
    """The RPCs. Each raises a `TocsinError` to refuse; `rpc.server` turns it into a status.

    Args:
        store: Where notifications are kept.
        feeds: Where streams come from.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel that has none.
        clock: The present time.
    """

    def __init__(
        self,
        store: ServiceStore,
        feeds: Feeds,
        configured: Mapping[ChannelType, bool],
        required_settings: Mapping[ChannelType, str],
        clock: Clock,
    ) -> None:
        self._store = store
        self._feeds = feeds
        self._configured = configured
        self._required_settings = required_settings
        self._clock = clock

    async def Send(self, request: pb.SendRequest, caller: Principal) -> pb.SendResponse:  # noqa: N802
        """Store one notification and queue it."""
        [accepted] = await self._store.accept([self._draft(request, caller)])
        if isinstance(accepted, TocsinError):
            raise accepted
        return convert.write_accepted(accepted, request, pb.SendResponse())

    async def SendBatch(  # noqa: N802
        self, request: pb.SendBatchRequest, caller: Principal
    ) -> pb.SendBatchResponse:
        """Store many in one commit; each item succeeds or fails by itself."""
        if not request.requests:
            raise InvalidArgument([Violation("requests", "must hold at least one request")])
        if len(request.requests) > validation.MOST_REQUESTS:
            raise BatchTooLarge(len(request.requests), validation.MOST_REQUESTS, "requests")
        if (size := request.ByteSize()) > validation.LARGEST_BATCH:
            raise BatchTooLarge(size, validation.LARGEST_BATCH, "bytes")
        results: list[Accepted | TocsinError | None] = []
        drafts: list[NotificationDraft] = []
        for item in request.requests:
            try:
                drafts.append(self._draft(item, caller))
                results.append(None)
            except TocsinError as refusal:
                results.append(refusal)
        accepted = iter(await self._store.accept(drafts) if drafts else ())
        response = pb.SendBatchResponse()
        for item, known in zip(request.requests, results, strict=True):
            result = known if known is not None else next(accepted)
            message = response.results.add()
            if isinstance(result, TocsinError):
                message.error.CopyFrom(to_status(result))
            else:
                convert.write_accepted(result, item, message.response, brief=True)
        return response

    def _draft(self, request: pb.SendRequest, caller: Principal) -> NotificationDraft:
        """Read a request and choose its channels.

        What is wrong with the request itself is raised. What merely cannot be done as things stand is left to the
        store as the draft's refusal, since an earlier acceptance of the same key goes before it.
        """
        now = self._clock()
        content = convert.read_send(request, now, caller.name)
        if content.deferred:
            raise NotImplementedYet("routing.deferred", SEND)
        if content.fallback:
            raise NotImplementedYet("STRATEGY_KIND_FALLBACK", SEND)
        draft = content.draft
        if draft.expires_at is not None and draft.expires_at <= now:
            draft.refusal = InvalidArgument([Violation("expires_at", validation.EXPIRES_IN_PAST)])
            return draft
        try:
            draft.channels = choose_channels(
                draft.recipient, draft.channels, content.addresses, self._configured, self._required_settings
            )
        except TocsinError as refusal:
            draft.refusal = refusal
        return draft

    async def Get(self, request: pb.GetRequest, _caller: Principal) -> pb.GetResponse:  # noqa: N802
        """Return one notification with its channels."""
        response = pb.GetResponse()
        convert.write_notification(await self._store.get(convert.read_id(request.id)), response.notification)
        return response

    async def List(self, request: pb.ListRequest, caller: Principal) -> pb.ListResponse:  # noqa: N802
        """Return a page of what matches."""
        wanted, page_size = convert.read_list(request)
        caller.require_recipient(wanted.recipient if wanted.feed_only else None, "List")
        before = page_token.decode(request.page_token, wanted) if request.page_token else None
        part = await self._store.find(wanted, before, page_size)
        page, state = part.page, part.state
        response = pb.ListResponse()
        for notification in page.notifications:
            convert.write_notification(notification, response.notifications.add(), private=_is_backend(caller))
        if page.more:
            response.next_page_token = page_token.encode(page.positions[-1], wanted)
        if state is not None:
            response.cursor = feed_cursor.encode(state.head)
        return response

    async def MarkRead(  # noqa: N802
        self, request: pb.MarkReadRequest, caller: Principal
    ) -> pb.MarkReadResponse:
        """Mark notifications as read."""
        ids, recipient, up_to = convert.read_mark_read(request)
        if recipient is not None:
            caller.require_recipient(recipient, "MarkRead")
            marked = await self._store.mark_feed_read(recipient, up_to)
        else:
            marked = await self._store.mark_read(ids or (), caller.recipient)
        return pb.MarkReadResponse(marked_count=marked.marked_count, unread_count=marked.unread_count)

    async def CountUnread(  # noqa: N802
        self, request: pb.CountUnreadRequest, caller: Principal
    ) -> pb.CountUnreadResponse:
        """Count what is unread in a feed."""
        recipient = convert.read_recipient(request.recipient)
        caller.require_recipient(recipient, "CountUnread")
        state = await self._store.feed_state(recipient)
        return pb.CountUnreadResponse(unread_count=state.unread_count)

    async def Cancel(  # noqa: N802
        self, request: pb.CancelRequest, _caller: Principal
    ) -> pb.CancelResponse:
        """Stop what is still to come of a notification."""
        response = pb.CancelResponse()
        convert.write_notification(await self._store.cancel(convert.read_id(request.id)), response.notification)
        return response

    async def Retry(self, request: pb.RetryRequest, _caller: Principal) -> pb.RetryResponse:  # noqa: N802
        """Revive failed channels of a notification."""
        notification_id, channels = convert.read_retry(request)
        refusals: dict[ChannelType, TocsinError] = {
            channel: ChannelNotConfigured(channel, setting)
            for channel, setting in self._required_settings.items()
            if not self._configured.get(channel)
        }
        response = pb.RetryResponse()
        notification = await self._store.retry(notification_id, channels, refusals)
        convert.write_notification(notification, response.notification)
        return response

    async def Subscribe(  # noqa: N802
        self, request: pb.SubscribeRequest, caller: Principal
    ) -> AsyncIterator[convert.FeedMessage]:
        """Stream a feed."""
        recipient, position = convert.read_subscribe(request)
        caller.require_recipient(recipient, "Subscribe")
        private = _is_backend(caller)
        async for item in self._feeds.follow(recipient, position, caller.expires_at):
            yield convert.serialise_feed_item(item, private=private)


def _is_backend(caller: Principal) -> bool:
    """Whether the caller may see addresses and providers' answers."""
    return caller.recipient is None
