"""The synchronous client. `tocsin_client.aio` has the same verbs for asyncio."""

from __future__ import annotations

import copy
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc

from tocsin_client import calls, resume, transport
from tocsin_client.backoff import Attempts, Backoff
from tocsin_client.bulk import BulkOptions
from tocsin_client.bulk_sender import BulkSender
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
from tocsin_client.subscription import OnInterruption, Subscription, Subscriptions
from tocsin_client.trials import Backtest, Simulation

Answer = TypeVar("Answer")


class _Connection:
    """What a client shares with those that `Client.with_token` makes of it."""

    def __init__(self, target: str, tls: transport.Tls | None, options: transport.Options) -> None:
        self._target, self._tls = target, tls
        self._channel = transport.open_channel(target, tls, options)
        self.methods = transport.methods(self._channel)
        self.subscriptions = Subscriptions()
        self.senders: weakref.WeakSet[BulkSender] = weakref.WeakSet()
        self.closed = False

    def check_token(self, token: transport.Token) -> None:
        """Raise ValueError for a token that must not travel on this connection."""
        transport.check_token(self._target, token, self._tls)

    def close(self) -> None:
        """End every call. May be called repeatedly."""
        self.closed = True
        for sender in tuple(self.senders):
            sender.close(timeout=0)
        self._channel.close()


class Client:
    """A connection to a Tocsin server; safe to share between threads, and meant to be kept.

    It connects when it is first used. Use it as a context, or close it: that ends its subscriptions too.

    Args:
        target: Where the server is, in gRPC's terms: ``host:port``, ``unix:/path``, ``dns:///name:port``.
        token: Bearer token, or a function that gives the current one.
        tls: How to protect the connection; None sends in the clear.
        deadline: Seconds that a call may take, attempts and waits included; each call can have its own.
        retry: Waits between the attempts of a call. Calls that can be repeated safely are, when the server is
            unavailable or cuts them off.
        reconnect: Waits between the streams of a subscription.
        silence: Seconds without any event after which a stream counts as dead.
        options: Further gRPC channel options, which win over the client's own.

    Raises:
        ValueError: If a token would travel unencrypted to another machine.

    Every verb raises a `TocsinError` when the call fails, ValueError or TypeError for arguments that cannot be
    sent, and RuntimeError once the client is closed.
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
        self._silence = silence
        self._connection = _Connection(target, tls, options)
        self._owns_connection = True
        self._subscriptions = Subscriptions()
        self._closed = False

    # -- sending -----------------------------------------------------------------------------------

    def send(
        self,
        recipient: RecipientLike,
        title: str,
        message: str,
        *,
        deadline: float | None = None,
        **options: Unpack[SendOptions],
    ) -> Accepted:
        """Store a notification and queue it; `Draft` describes the arguments.

        It is durable when this returns, but not yet sent. Repeated within its deadline if the server is
        unavailable, always with the same idempotency key, so that it is stored once.
        """
        return self._call(calls.send(Draft(recipient, title, message, **options)), deadline)

    def send_batch(
        self, drafts: Iterable[Draft], *, deadline: float | None = None
    ) -> tuple[Accepted | TocsinError, ...]:
        """Store up to 1,000 notifications in one commit; returns for each, in order, its result or its error.

        One that is refused does not spoil the others. The notifications come without message and metadata.
        """
        return self._call(calls.send_batch(drafts), deadline)

    def bulk_sender(self, options: BulkOptions | None = None) -> BulkSender:
        """Return a sender for many notifications: each has its own result, and they travel together.

        Close it before this client: what it has not sent then fails with `Cancelled`.
        """
        self._check_open()
        sender = BulkSender(self._start, options or BulkOptions())
        self._connection.senders.add(sender)
        return sender

    def route(
        self,
        notification_id: NotificationId,
        channels: Sequence[ChannelLike],
        *,
        strategy: str | None = None,
        escalate_after: Seconds | None = None,
        deadline: float | None = None,
        **grounds: Unpack[Grounds],
    ) -> Notification:
        """Decide the channels of a notification that was sent with ``deferred``; `Grounds` describes the rest.

        Repeating the same decision is harmless. Policies of the server narrow it, which `explain` shows.
        """
        return self._call(calls.route(notification_id, channels, strategy, escalate_after, grounds), deadline)

    def hold(
        self,
        notification_id: NotificationId,
        until: datetime,
        *,
        deadline: float | None = None,
        **grounds: Unpack[Grounds],
    ) -> Notification:
        """Decide later: nobody is given it until then, and the server's rules still decide at its ``route_by``."""
        return self._call(calls.hold(notification_id, until, grounds), deadline)

    def suppress(
        self, notification_id: NotificationId, *, deadline: float | None = None, **grounds: Unpack[Grounds]
    ) -> Notification:
        """Decide to send nothing: the notification fails."""
        return self._call(calls.suppress(notification_id, grounds), deadline)

    def lease_undecided(
        self, *, deadline: float | None = None, **options: Unpack[LeaseOptions]
    ) -> tuple[Undecided, ...]:
        """Take notifications that wait for a decision, under leases; `LeaseOptions` describes the arguments.

        With ``wait`` it returns as soon as there is something. Give a ``deadline`` that is longer than that.
        """
        return self._call(calls.lease_undecided(options), deadline)

    def preview(
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
        """Return what would become of a decision if it were made now; None if the caller has made it already.

        Its arguments are those of `route`, `hold` and `suppress`, of which it is one. It raises what they would, and
        changes nothing.
        """
        call = calls.preview(notification_id, channels, strategy, escalate_after, hold_until, suppress, grounds)
        return self._call(call, deadline)

    def who_am_i(self, *, deadline: float | None = None) -> Caller:
        """Return as whom the caller is known, and what its credentials allow."""
        return self._call(calls.who_am_i(), deadline)

    def explain(self, notification_id: NotificationId, *, deadline: float | None = None) -> tuple[Decision, ...]:
        """Return who decided about a notification, oldest first."""
        return self._call(calls.explain(notification_id), deadline)

    def cancel(self, notification_id: NotificationId, *, deadline: float | None = None) -> Notification:
        """Stop what is still to come; what is being sent at this moment may still go out."""
        return self._call(calls.cancel(notification_id), deadline)

    def retry(
        self, notification_id: NotificationId, channels: Sequence[str] = (), *, deadline: float | None = None
    ) -> Notification:
        """Revive failed channels, with a new budget of attempts; none named means all that failed."""
        return self._call(calls.retry(notification_id, channels), deadline)

    # -- reading -----------------------------------------------------------------------------------

    def get(self, notification_id: NotificationId, *, deadline: float | None = None) -> Notification:
        """Return a notification with its channels."""
        return self._call(calls.get(notification_id), deadline)

    def list(self, *, page_token: str = "", deadline: float | None = None, **conditions: Unpack[ListFilter]) -> Page:
        """Return one page of the notifications that match, newest first; `ListFilter` describes the conditions."""
        return self._call(calls.list_page(conditions, page_token), deadline)

    def iterate(self, *, deadline: float | None = None, **conditions: Unpack[ListFilter]) -> Iterator[Notification]:
        """Iterate over all notifications that match, newest first, reading page after page as they are used.

        ``deadline`` is that of each page.
        """
        page_token = ""
        while True:
            page = self.list(page_token=page_token, deadline=deadline, **conditions)
            yield from page.notifications
            page_token = page.next_page_token
            if not page_token:
                return

    def mark_read(
        self,
        ids: Sequence[NotificationId] | NotificationId = (),
        *,
        recipient: RecipientLike | None = None,
        up_to_cursor: str = "",
        deadline: float | None = None,
    ) -> MarkedRead:
        """Mark as read: either these ids, all of one recipient, or a recipient's feed up to a cursor or whole."""
        return self._call(calls.mark_read(ids, recipient, up_to_cursor), deadline)

    def count_unread(self, recipient: RecipientLike, *, deadline: float | None = None) -> UnreadCount:
        """Return how many notifications in the recipient's feed are unread, and as of which place in it."""
        return self._call(calls.count_unread(recipient), deadline)

    def subscribe(
        self, recipient: RecipientLike, cursor: str = "", *, on_interruption: OnInterruption | None = None
    ) -> Subscription:
        """Follow a recipient's feed live, from after ``cursor`` or, if that is empty, from now on.

        ``on_interruption`` is called, in the iterating thread, when a stream ended and another will follow: with
        the error, and the seconds until then. If it raises, the iteration ends with that. Without it, the log
        (``tocsin_client``) has a warning for each outage.
        """
        self._check_open()
        resumption = resume.Resumption(recipient, cursor, self._reconnect, renewable=callable(self._token))
        subscription = Subscription(self._open_stream, resumption, self._silence, on_interruption)
        self._subscriptions.add(subscription)
        self._connection.subscriptions.add(subscription)
        return subscription

    # -- rules -------------------------------------------------------------------------------------

    def simulate(
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
        return self._call(calls.simulate(Draft(recipient, title, message, **options), rules), deadline)

    def backtest(
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
        return self._call(calls.backtest(rules, since, until, category, limit), deadline)

    # -- contacts ----------------------------------------------------------------------------------

    def put_contact(
        self,
        recipient: RecipientLike,
        addresses: Mapping[str, str],
        *,
        locale: str = "",
        time_zone: str = "",
        deadline: float | None = None,
    ) -> Contact:
        """Create or replace as a whole how a registered recipient can be reached.

        Args:
            recipient: Whose contact; one that is put with an external id shows it.
            addresses: By channel, such as ``{"email": "ann@example.org"}``. What is left out is gone afterwards.
            locale: Language and region as a BCP 47 tag, such as ``"pt-BR"``.
            time_zone: A name of the IANA database, such as ``"Europe/Lisbon"``.
            deadline: Seconds for the call.
        """
        return self._call(calls.put_contact(recipient, addresses, locale, time_zone), deadline)

    def get_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> Contact:
        """Return a recipient's contact."""
        return self._call(calls.get_contact(recipient), deadline)

    def delete_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> None:
        """Delete a recipient's contact; raises `NotFound` if there is none."""
        self._call(calls.delete_contact(recipient), deadline)

    def list_contacts(
        self, recipient_type: str | None = None, *, page_size: int = 0, deadline: float | None = None
    ) -> Iterator[Contact]:
        """Iterate over all contacts, of one type of recipient or of all, reading page after page as they are used.

        ``deadline`` is that of each page.
        """
        page_token = ""
        while True:
            page = self._call(calls.list_contacts(recipient_type, page_size, page_token), deadline)
            yield from page.contacts
            page_token = page.next_page_token
            if not page_token:
                return

    # -- operating ---------------------------------------------------------------------------------

    def pause_channel(self, channel: str, *, reason: str = "", deadline: float | None = None) -> PausedChannel:
        """Stop sending by a channel, on all replicas within two seconds; what is due stays in the queue.

        Args:
            channel: ``"email"``, ``"telegram"`` or ``"sms"``. One that is paused already keeps that pause.
            reason: Why, up to 500 characters, for whoever looks at the queue.
            deadline: Seconds for the call.
        """
        return self._call(calls.pause_channel(channel, reason), deadline)

    def resume_channel(self, channel: str, *, deadline: float | None = None) -> bool:
        """Let a paused channel send again; tells whether it was paused."""
        return self._call(calls.resume_channel(channel), deadline)

    def get_queue(self, *, deadline: float | None = None) -> QueueState:
        """Return how full the queue is, which providers are left alone, and which channels are paused."""
        return self._call(calls.get_queue(), deadline)

    def erase(
        self, recipient: RecipientLike, *, address: tuple[str, str] | None = None, deadline: float | None = None
    ) -> Erasure:
        """Erase what is stored of a person; returns the note that remains, which says nothing of whom.

        Args:
            recipient: Whom; registered, or not and with an ``address``.
            address: Channel and address, such as ``("sms", "+15550100")``, of somebody who is not registered.
            deadline: Seconds for the call, which takes long if there is much. A call that fails has erased a part.
        """
        return self._call(calls.erase(recipient, address), deadline)

    def export(
        self, recipient: RecipientLike, *, address: tuple[str, str] | None = None, deadline: float | None = None
    ) -> Iterator[str]:
        """Iterate over what is stored of a person, as `erase` takes it: a JSON object in a line for each row.

        ``deadline`` is for all of it; without one it may take as long as there is more.
        """
        self._check_open()
        call = calls.export(recipient, address)
        metadata = transport.credentials_metadata(self._token)
        try:
            for answer in self._connection.methods[call.rpc](call.request, timeout=deadline, metadata=metadata):
                yield call.read(answer)
        except grpc.RpcError as problem:
            raise transport.error_from_rpc(problem) from problem

    # -- the connection ----------------------------------------------------------------------------

    def with_token(self, token: transport.Token, *, insecure: bool = False) -> Self:
        """Return a client that uses this one's connection with another token; for programs that act for many.

        It costs next to nothing. Closing it ends its own subscriptions; closing this one closes all made from it.

        Args:
            token: Bearer token, a function that gives the current one, or None.
            insecure: Send the token to another machine even if the connection is not encrypted.

        Raises:
            ValueError: If a token would travel unencrypted to another machine, and ``insecure`` is not set.
        """
        self._check_open()
        if not insecure:
            self._connection.check_token(token)
        other = copy.copy(self)
        vars(other).update(_token=token, _owns_connection=False, _subscriptions=Subscriptions())
        return other

    def close(self) -> None:
        """End the subscriptions and close the connection; no thread of theirs is left. May be called repeatedly."""
        self._closed = True
        (self._connection.subscriptions if self._owns_connection else self._subscriptions).close()
        if self._owns_connection:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed or self._connection.closed:
            raise RuntimeError("the client is closed")

    def _call(self, call: Call[Answer], deadline: float | None) -> Answer:
        self._check_open()
        attempts = Attempts(self._retry, self._deadline if deadline is None else deadline, time.monotonic())
        while True:
            try:
                answer = self._connection.methods[call.rpc](
                    call.request,
                    timeout=attempts.remaining(time.monotonic()),
                    metadata=transport.credentials_metadata(self._token),
                )
            except grpc.RpcError as problem:
                error = transport.error_from_rpc(problem)
                # A call that closing the client has cancelled ends as if the server had done it.
                repeatable = call.repeatable and not self._connection.closed
                delay = attempts.delay_after(error, time.monotonic()) if repeatable else None
                if delay is None:
                    raise error from problem
            else:
                return call.read(answer)
            time.sleep(delay)

    def _start(self, call: Call[Answer], timeout: float) -> Any:
        self._check_open()
        method: Any = self._connection.methods[call.rpc]
        return method.future(call.request, timeout=timeout, metadata=transport.credentials_metadata(self._token))

    def _open_stream(self, request: object) -> object:
        metadata = transport.credentials_metadata(self._token)
        return self._connection.methods[calls.SUBSCRIBE](request, metadata=metadata)
