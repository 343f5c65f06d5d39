"""The asynchronous client: the verbs of `tocsin_client.client` for asyncio, on ``grpc.aio``."""

from __future__ import annotations

import copy
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc

from tocsin_client import calls, resume, transport
from tocsin_client.aio_bulk_sender import AsyncBulkSender
from tocsin_client.aio_connection import AsyncConnection, carry_out
from tocsin_client.aio_subscription import AsyncSubscription, SilenceWatch
from tocsin_client.backoff import Backoff
from tocsin_client.bulk import BulkOptions
from tocsin_client.calls import Call, NotificationId
from tocsin_client.decisions import Caller, Decision, Grounds, LeaseOptions, Undecided
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
    UnreadCount,
)
from tocsin_client.operating import Erasure, PausedChannel, QueueState
from tocsin_client.subscription import OnInterruption
from tocsin_client.trials import Backtest, Simulation

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
        transport.check_target(target)
        self._token = token
        self._deadline = deadline
        self._retry = retry or Backoff()
        self._reconnect = reconnect or resume.STREAM_BACKOFF
        # Shared with those that `with_token` makes.
        self._connection = AsyncConnection(target, tls, options)
        self._watch = SilenceWatch(silence)
        self._senders: weakref.WeakSet[AsyncBulkSender] = weakref.WeakSet()
        self._subscriptions_of_all: weakref.WeakSet[AsyncSubscription] = weakref.WeakSet()
        self._owns_connection = True
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

    def bulk_sender(self, options: BulkOptions | None = None) -> AsyncBulkSender:
        """Return a sender for many notifications; see `Client.bulk_sender`."""
        self._check_open()
        sender = AsyncBulkSender(self._start, options or BulkOptions())
        self._senders.add(sender)
        return sender

    async def route(
        self,
        notification_id: NotificationId,
        channels: Sequence[ChannelLike],
        *,
        strategy: str | None = None,
        escalate_after: Seconds | None = None,
        deadline: float | None = None,
        **grounds: Unpack[Grounds],
    ) -> Notification:
        """Decide the channels of a notification that was sent with ``deferred``; see `Client.route`."""
        return await self._call(calls.route(notification_id, channels, strategy, escalate_after, grounds), deadline)

    async def hold(
        self,
        notification_id: NotificationId,
        until: datetime,
        *,
        deadline: float | None = None,
        **grounds: Unpack[Grounds],
    ) -> Notification:
        """Decide later; see `Client.hold`."""
        return await self._call(calls.hold(notification_id, until, grounds), deadline)

    async def suppress(
        self, notification_id: NotificationId, *, deadline: float | None = None, **grounds: Unpack[Grounds]
    ) -> Notification:
        """Decide to send nothing; see `Client.suppress`."""
        return await self._call(calls.suppress(notification_id, grounds), deadline)

    async def lease_undecided(
        self, *, deadline: float | None = None, **options: Unpack[LeaseOptions]
    ) -> tuple[Undecided, ...]:
        """Take notifications that wait for a decision, under leases; see `Client.lease_undecided`."""
        return await self._call(calls.lease_undecided(options), deadline)

    async def preview(
        self,
        notification_id: NotificationId,
        channels: Sequence[ChannelLike] = (),
        *,
        strategy: str | None = None,
        escalate_after: Seconds | None = None,
        hold_until: datetime | None = None,
        suppress: bool = False,
        deadline: float | None = None,
        **grounds: Unpack[Grounds],
    ) -> Decision | None:
        """Return what would become of a decision; see `Client.preview`."""
        call = calls.preview(notification_id, channels, strategy, escalate_after, hold_until, suppress, grounds)
        return await self._call(call, deadline)

    async def who_am_i(self, *, deadline: float | None = None) -> Caller:
        """Return as whom the caller is known, and what its credentials allow."""
        return await self._call(calls.who_am_i(), deadline)

    async def explain(self, notification_id: NotificationId, *, deadline: float | None = None) -> tuple[Decision, ...]:
        """Return who decided about a notification, oldest first; see `Client.explain`."""
        return await self._call(calls.explain(notification_id), deadline)

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

    async def count_unread(self, recipient: RecipientLike, *, deadline: float | None = None) -> UnreadCount:
        """Return how many notifications in the recipient's feed are unread, and as of which place in it."""
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

    # -- rules -------------------------------------------------------------------------------------

    async def simulate(
        self,
        recipient: RecipientLike,
        title: str,
        message: str,
        *,
        rules: str = "",
        deadline: float | None = None,
        **options: Unpack[SendOptions],
    ) -> Simulation:
        """Tell what would be decided about a notification that is not sent; the arguments are those of `send`.

        ``rules`` (TOML, as in the server's file) takes the place of those in force; mistakes in it are refused with
        `InvalidArgument`, each a violation.
        """
        return await self._call(calls.simulate(Draft(recipient, title, message, **options), rules), deadline)

    async def backtest(
        self,
        rules: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        category: str = "",
        limit: int = 0,
        deadline: float | None = None,
    ) -> Backtest:
        """Tell what rules would have decided for the newest notifications that were stored, against what was.

        Args:
            rules: As in `simulate`.
            since: Only what was created then or later; a day before ``until`` if None.
            until: Only what was created before; now if None.
            category: Only of this category, or of all below one: ``"order.*"``.
            limit: How many to look at, up to 10,000; 0 means 1,000.
            deadline: Seconds for the call.
        """
        return await self._call(calls.backtest(rules, since, until, category, limit), deadline)

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

    async def list_contacts(
        self, recipient_type: str | None = None, *, page_size: int = 0, deadline: float | None = None
    ) -> AsyncIterator[Contact]:
        """Iterate over all contacts; see `Client.list_contacts`."""
        page_token = ""
        while True:
            page = await self._call(calls.list_contacts(recipient_type, page_size, page_token), deadline)
            for contact in page.contacts:
                yield contact
            page_token = page.next_page_token
            if not page_token:
                return

    # -- operating ---------------------------------------------------------------------------------

    async def pause_channel(self, channel: str, *, reason: str = "", deadline: float | None = None) -> PausedChannel:
        """Stop sending by a channel; see `Client.pause_channel`."""
        return await self._call(calls.pause_channel(channel, reason), deadline)

    async def resume_channel(self, channel: str, *, deadline: float | None = None) -> bool:
        """Let a paused channel send again; tells whether it was paused."""
        return await self._call(calls.resume_channel(channel), deadline)

    async def get_queue(self, *, deadline: float | None = None) -> QueueState:
        """Return how full the queue is; see `Client.get_queue`."""
        return await self._call(calls.get_queue(), deadline)

    async def erase(
        self, recipient: RecipientLike, *, address: tuple[str, str] | None = None, deadline: float | None = None
    ) -> Erasure:
        """Erase what is stored of a person; see `Client.erase`."""
        return await self._call(calls.erase(recipient, address), deadline)

    async def export(
        self, recipient: RecipientLike, *, address: tuple[str, str] | None = None, deadline: float | None = None
    ) -> AsyncIterator[str]:
        """Iterate over what is stored of a person; see `Client.export`."""
        call = calls.export(recipient, address)
        metadata = transport.credentials_metadata(self._token)
        try:
            async for answer in self._method(call.rpc)(call.request, timeout=deadline, metadata=metadata):
                yield call.read(answer)
        except grpc.RpcError as problem:
            raise transport.error_from_rpc(problem) from problem

    # -- the connection ----------------------------------------------------------------------------

    def with_token(self, token: transport.Token, *, insecure: bool = False) -> Self:
        """Return a client that uses this one's connection with another token; see `Client.with_token`."""
        self._check_open()
        if not insecure:
            self._connection.check_token(token)
        other = copy.copy(self)
        vars(other).update(_token=token, _owns_connection=False, _subscriptions=weakref.WeakSet())
        return other

    async def close(self) -> None:
        """End the subscriptions and close the connection. May be called repeatedly."""
        self._closed = True
        for subscription in tuple(self._subscriptions_of_all if self._owns_connection else self._subscriptions):
            await subscription.aclose()
        if self._owns_connection:
            for sender in tuple(self._senders):
                await sender.close(timeout=0)
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed or self._connection.closed:
            raise RuntimeError("the client is closed")

    def _method(self, rpc: str) -> Callable[..., Any]:
        self._check_open()
        return self._connection.method(rpc)

    async def _call(self, call: Call[Answer], deadline: float | None) -> Answer:
        limit = self._deadline if deadline is None else deadline
        return await carry_out(call, self._method, self._token, self._retry, limit)

    def _start(self, call: Call[Any], timeout: float) -> Any:
        metadata = transport.credentials_metadata(self._token)
        return self._method(call.rpc)(call.request, timeout=timeout, metadata=metadata)

    def _open_stream(self, request: object) -> object:
        metadata = transport.credentials_metadata(self._token)
        return self._method(calls.SUBSCRIBE)(request, metadata=metadata)
