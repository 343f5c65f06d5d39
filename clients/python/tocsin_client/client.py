"""The synchronous client. `tocsin_client.aio` has the same verbs for asyncio."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc

from tocsin_client import calls, resume, transport
from tocsin_client.backoff import Attempts, Backoff
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
from tocsin_client.subscription import OnInterruption, Subscription, Subscriptions

Answer = TypeVar("Answer")


class _Line:
    """What a client shares with those that `Client.with_token` makes of it."""

    def __init__(self, target: str, tls: transport.Tls | None, options: transport.Options) -> None:
        self._target, self._tls = target, tls
        self._channel = transport.open_channel(target, tls, options)
        self.methods = transport.methods(self._channel)
        self.subscriptions = Subscriptions()
        self.closed = False

    def check_token(self, token: transport.Token) -> None:
        """Raise ValueError for a token that must not travel on this line."""
        transport.check_token(self._target, token, self._tls)

    def close(self) -> None:
        """End every call. May be called repeatedly."""
        self.closed = True
        self._channel.close()


class Client:
    """A connection to a Tocsin server; safe to share between threads, and meant to be kept.

    It connects when it is first used. Use it as a context, or close it: that ends its subscriptions too.

    Args:
        target: Where the server is, in gRPC's terms: ``host:port``, ``unix:/path``, ``dns:///name:port``.
        token: Bearer token, or a function that gives the current one.
        tls: How to protect the line; None sends in the clear.
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
        self._token = token
        self._deadline = deadline
        self._retry = retry or Backoff()
        self._reconnect = reconnect or resume.STREAM_BACKOFF
        self._silence = silence
        self._line = _Line(target, tls, options)
        self._owns_line = True
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

    def route(
        self,
        notification_id: NotificationId,
        channels: Sequence[ChannelLike],
        *,
        strategy: str | None = None,
        escalate_after: Seconds | None = None,
        deadline: float | None = None,
    ) -> Notification:
        """Decide the channels of a notification that was sent with ``deferred``; the first decision wins."""
        return self._call(calls.route(notification_id, channels, strategy, escalate_after), deadline)

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

    def count_unread(self, recipient: RecipientLike, *, deadline: float | None = None) -> int:
        """Return how many notifications in the recipient's feed are unread."""
        return self._call(calls.count_unread(recipient), deadline)

    def subscribe(
        self, recipient: RecipientLike, cursor: str = "", *, on_interruption: OnInterruption | None = None
    ) -> Subscription:
        """Follow a recipient's feed live, from after ``cursor`` or, if that is empty, from now on.

        ``on_interruption`` is called, in the iterating thread, when a stream ended and another will follow: with
        the error, and the seconds until then. If it raises, the iteration ends with that.
        """
        self._check_open()
        resumption = resume.Resumption(recipient, cursor, self._reconnect, renewable=callable(self._token))
        subscription = Subscription(self._open_stream, resumption, self._silence, on_interruption)
        self._subscriptions.add(subscription)
        self._line.subscriptions.add(subscription)
        return subscription

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
        """Create or replace as a whole how a registered recipient can be reached: addresses by channel."""
        return self._call(calls.put_contact(recipient, addresses, locale, time_zone), deadline)

    def get_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> Contact:
        """Return a recipient's contact."""
        return self._call(calls.get_contact(recipient), deadline)

    def delete_contact(self, recipient: RecipientLike, *, deadline: float | None = None) -> None:
        """Delete a recipient's contact; raises `NotFound` if there is none."""
        self._call(calls.delete_contact(recipient), deadline)

    # -- the line ----------------------------------------------------------------------------------

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
            self._line.check_token(token)
        other = copy.copy(self)
        vars(other).update(_token=token, _owns_line=False, _subscriptions=Subscriptions())
        return other

    def close(self) -> None:
        """End the subscriptions and close the connection; no thread of theirs is left. May be called repeatedly."""
        self._closed = True
        (self._line.subscriptions if self._owns_line else self._subscriptions).close()
        if self._owns_line:
            self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed or self._line.closed:
            raise RuntimeError("the client is closed")

    def _call(self, call: Call[Answer], deadline: float | None) -> Answer:
        self._check_open()
        attempts = Attempts(self._retry, self._deadline if deadline is None else deadline, time.monotonic())
        while True:
            try:
                answer = self._line.methods[call.rpc](
                    call.request,
                    timeout=attempts.remaining(time.monotonic()),
                    metadata=transport.credentials_metadata(self._token),
                )
            except grpc.RpcError as problem:
                error = transport.error_from_rpc(problem)
                # A call that closing the client has cancelled ends as if the server had done it.
                repeatable = call.repeatable and not self._line.closed
                delay = attempts.delay_after(error, time.monotonic()) if repeatable else None
                if delay is None:
                    raise error from problem
            else:
                return call.read(answer)
            time.sleep(delay)

    def _open_stream(self, request: object) -> object:
        metadata = transport.credentials_metadata(self._token)
        return self._line.methods["Subscribe"](request, metadata=metadata)
