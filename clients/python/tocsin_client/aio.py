"""The asynchronous client: the verbs of `tocsin_client.client` for asyncio, on ``grpc.aio``."""

from __future__ import annotations

import copy
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from tocsin_client import calls, resume, transport
from tocsin_client.aio_line import AsyncLine, carry_out
from tocsin_client.aio_subscription import AsyncSubscription, SilenceWatch
from tocsin_client.backoff import Backoff
from tocsin_client.calls import Call, NotificationId
from tocsin_client.errors import TocsinError
from tocsin_client.model import (
    Accepted,
    ChannelLike,
    Contact,
    Draft,
    ListFilter,
    MarkedRead,
    Notification,
    Page,
    RecipientLike,
    Seconds,
    SendOptions,
)
from tocsin_client.subscription import OnInterruption

Answer = TypeVar("Answer")


class AsyncClient:
    """A connection to a Tocsin server for the tasks of one event loop; arguments and errors are `Client`'s.

    It may be made anywhere: it belongs to the loop in which it is first used.
    """

    def __init__(
        self,
        target: str = transport.DEFAULT_TARGET,
        *,
        token: transport.Token = None,
        tls: transport.Tls | None = None,
        deadline: float = transport.DEFAULT_DEADLINE,
        retry: Backoff | None = None,
        reconnect: Backoff | None = None,
        silence: float = resume.SILENCE,
        options: transport.Options = (),
    ) -> None:
        transport.check_token(target, token, tls)
        self._token = token
        self._deadline = deadline
        self._retry = retry or Backoff()
        self._reconnect = reconnect or resume.STREAM_BACKOFF
        # Shared with those that `with_token` makes.
        self._line = AsyncLine(target, tls, options)
        self._watch = SilenceWatch(silence)
        self._subscriptions_of_all: weakref.WeakSet[AsyncSubscription] = weakref.WeakSet()
        self._owns_line = True
        self._subscriptions: weakref.WeakSet[AsyncSubscription] = weakref.WeakSet()
        self._closed = False

    # -- sending -----------------------------------------------------------------------------------

    async def send(
        self,
        recipient: RecipientLike,
        title: str,
        message: str,
        *,
        deadline: float | None = None,
        **options: Unpack[SendOptions],
    ) -> Accepted:
        """Store a notification and queue it; see `Client.send`."""
        return await self._call(calls.send(Draft(recipient, title, message, **options)), deadline)

    async def send_batch(
        self, drafts: Iterable[Draft], *, deadline: float | None = None
    ) -> tuple[Accepted | TocsinError, ...]:
        """Store up to 1,000 notifications in one commit; see `Client.send_batch`."""
        return await self._call(calls.send_batch(drafts), deadline)

    async def route(
        self,
        notification_id: NotificationId,
        channels: Sequence[ChannelLike],
        *,
        strategy: str | None = None,
        escalate_after: Seconds | None = None,
        deadline: float | None = None,
    ) -> Notification:
        """Decide the channels of a notification that was sent with ``deferred``; see `Client.route`."""
        return await self._call(calls.route(notification_id, channels, strategy, escalate_after), deadline)

    async def cancel(self, notification_id: NotificationId, *, deadline: float | None = None) -> Notification:
        """Stop what is still to come; see `Client.cancel`."""
        return await self._call(calls.cancel(notification_id), deadline)

    async def retry(
        self, notification_id: NotificationId, channels: Sequence[str] = (), *, deadline: float | None = None
    ) -> Notification:
        """Revive failed channels; see `Client.retry`."""
        return await self._call(calls.retry(notification_id, channels), deadline)

    # -- reading -----------------------------------------------------------------------------------

    async def get(self, notification_id: NotificationId, *, deadline: float | None = None) -> Notification:
        """Return a notification with its channels."""
        return await self._call(calls.get(notification_id), deadline)

    async def list(
        self, *, page_token: str = "", deadline: float | None = None, **conditions: Unpack[ListFilter]
    ) -> Page:
        """Return one page of the notifications that match, newest first; see `Client.list`."""
        return await self._call(calls.list_page(conditions, page_token), deadline)

    async def iterate(
        self, *, deadline: float | None = None, **conditions: Unpack[ListFilter]
    ) -> AsyncIterator[Notification]:
        """Iterate over all notifications that match, newest first; see `Client.iterate`."""
        page_token = ""
        while True:
            page = await self.list(page_token=page_token, deadline=deadline, **conditions)
            for notification in page.notifications:
                yield notification
            page_token = page.next_page_token
            if not page_token:
                return

    async def mark_read(
        self,
        ids: Sequence[NotificationId] | NotificationId = (),
        *,
        recipient: RecipientLike | None = None,
        up_to_cursor: str = "",
        deadline: float | None = None,
    ) -> MarkedRead:
        """Mark ids, or a recipient's feed, as read; see `Client.mark_read`."""
        return await self._call(calls.mark_read(ids, recipient, up_to_cursor), deadline)

    async def count_unread(self, recipient: RecipientLike, *, deadline: float | None = None) -> int:
        """Return how many notifications in the recipient's feed are unread."""
        return await self._call(calls.count_unread(recipient), deadline)

    def subscribe(
        self, recipient: RecipientLike, cursor: str = "", *, on_interruption: OnInterruption | None = None
    ) -> AsyncSubscription:
        """Follow a recipient's feed live; see `Client.subscribe`."""
        self._check_open()
        resumption = resume.Resumption(recipient, cursor, self._reconnect, renewable=callable(self._token))
        subscription = AsyncSubscription(self._open_stream, resumption, self._watch, on_interruption)
        self._subscriptions.add(subscription)
        self._subscriptions_of_all.add(subscription)
        return subscription

    # -- contacts ----------------------------------------------------------------------------------

    async def put_contact(
        self,
        recipient: RecipientLike,
        addresses: Mapping[str, str],
        *,
        locale: str = "",
        time_zone: str = "",
        deadline: float | None = None,
    ) -> Contact:
        """Create or replace a recipient's contact; see `Client.put_contact`."""
        return await self._call(calls.put_contact(recipient, addresses, locale, time_zone), deadline)

    async def get_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> Contact:
        """Return a recipient's contact."""
        return await self._call(calls.get_contact(recipient), deadline)

    async def delete_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> None:
        """Delete a recipient's contact; raises `NotFound` if there is none."""
        await self._call(calls.delete_contact(recipient), deadline)

    # -- the line ----------------------------------------------------------------------------------

    def with_token(self, token: transport.Token, *, insecure: bool = False) -> Self:
        """Return a client that uses this one's connection with another token; see `Client.with_token`."""
        self._check_open()
        if not insecure:
            self._line.check_token(token)
        other = copy.copy(self)
        vars(other).update(_token=token, _owns_line=False, _subscriptions=weakref.WeakSet())
        return other

    async def close(self) -> None:
        """End the subscriptions and close the connection. May be called repeatedly."""
        self._closed = True
        for subscription in tuple(self._subscriptions_of_all if self._owns_line else self._subscriptions):
            await subscription.aclose()
        if self._owns_line:
            await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed or self._line.closed:
            raise RuntimeError("the client is closed")

    def _method(self, rpc: str) -> Callable[..., Any]:
        self._check_open()
        return self._line.method(rpc)

    async def _call(self, call: Call[Answer], deadline: float | None) -> Answer:
        limit = self._deadline if deadline is None else deadline
        return await carry_out(call, self._method, self._token, self._retry, limit)

    def _open_stream(self, request: object) -> object:
        metadata = transport.credentials_metadata(self._token)
        return self._method("Subscribe")(request, metadata=metadata)
