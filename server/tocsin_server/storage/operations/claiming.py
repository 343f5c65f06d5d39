"""Holding rows of the queue, which is ``notification_channels`` itself: claiming what is due, renewing, giving back.

Every claim carries a token of its own and every later write names it, so that a worker whose lease has run out cannot
overwrite what its successor did.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import peewee
from peewee import SQL

from tocsin_server.domain.fallback import ends_by_reading
from tocsin_server.domain.model import ChannelType, ClaimedChannel, Micros, Recipient, RecipientType
from tocsin_server.storage.databases.batches import RowLookup, RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Selection, Statement, compiled, parameter, time_parameter
from tocsin_server.storage.json_text import load_json
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.queries.due import DUE
from tocsin_server.storage.queries.rows import PENDING, bounded, on_channel
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction, one_by_one


class Claim(NamedTuple):
    """Ask for up to ``limit`` due rows of one channel but ``held``, leased for ``lease`` microseconds."""

    channel: ChannelType
    limit: int
    lease: Micros
    held: Sequence[str] = ()


class Haste(NamedTuple):
    """Ask that up to ``limit`` rows of one channel wait less, by ``by`` microseconds; see `Store.hasten`."""

    channel: ChannelType
    later_than: Micros
    by: Micros
    limit: int


class Holding(NamedTuple):
    """A row held under a token, and what to do with it: in ``lease`` microseconds from now it is due."""

    channel_id: str
    token: str
    lease: Micros = 0


def tokens_of(on: Dialect) -> RowLookup:
    """Return the lookup of rows with the tokens under which they are held, which locks them in order."""
    return RowLookup(
        on,
        NotificationChannels,
        ("id",),
        ("id", "claim_token"),
        locked=("notification_channels.id", "notification_channels"),
    )


class Claiming:
    """Its methods are handlers of the writer."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    # One statement for each channel, see `on_channel`.
    _due = compiled(
        lambda on: {
            channel: Selection(
                on,
                on.locking(
                    NotificationChannels.select(
                        NotificationChannels.id,
                        NotificationChannels.notification_id,
                        NotificationChannels.address,
                        Notifications.title,
                        Notifications.message,
                        Notifications.metadata,
                        NotificationChannels.attempts,
                        NotificationChannels.attempt_limit,
                        NotificationChannels.response,
                        NotificationChannels.created_at,
                        Notifications.expires_at,
                        NotificationChannels.claim_token,
                        Notifications.cancelled_at,
                        Notifications.send_at,
                        Notifications.category,
                        Notifications.recipient_type,
                        Notifications.recipient_id,
                        Notifications.goal,
                        Notifications.traceparent,
                    )
                    .join(Notifications)
                    .where(PENDING, on_channel(channel), DUE, on.none_of(NotificationChannels.id, "held"))
                    .order_by(NotificationChannels.due_at)
                    .limit(parameter("limit")),
                    NotificationChannels,
                    skip_locked=True,
                ),
            )
            for channel in ChannelType
        }
    )
    _lease = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(
                claim_token=parameter("token"),
                due_at=time_parameter("lease_until"),
                attempts=NotificationChannels.attempts
                + peewee.Case(None, [(NotificationChannels.claim_token.is_null(), SQL("0"))], SQL("1")),
            ).where(on.among(NotificationChannels.id, "ids")),
        )
    )

    @one_by_one
    def claim(self, transaction: Transaction, claim: Claim) -> list[ClaimedChannel]:
        """Lease due rows. A row whose lease ran out counts as one more attempt, of unknown outcome."""
        now, channel, token = transaction.now, claim.channel, new_id()
        lease_until = now + claim.lease
        due = self._due[channel].rows(transaction.cursor, now=now, limit=claim.limit, held=claim.held)
        claimed = []
        for (
            row_id, notification_id, address, title, message, metadata, attempts, attempt_limit, response, created_at,
            expires_at, earlier_token, cancelled_at, send_at, category, recipient_type, recipient_id, goal,
            traceparent,
        ) in due:  # fmt: skip
            taken_over = earlier_token is not None
            # By place: names would cost as much as the rest of the loop.
            claimed.append(
                ClaimedChannel(
                    row_id, notification_id, channel, address or "", title, message, load_json(metadata),
                    attempts + taken_over, attempt_limit, load_json(response), created_at, bounded(expires_at),
                    token, lease_until, taken_over, cancelled_at is not None, bounded(send_at),
                    ends_by_reading(goal, is_read=True), category=category,
                    recipient=Recipient(RecipientType(recipient_type), recipient_id), traceparent=traceparent,
                )
            )  # fmt: skip
        if claimed:
            self._lease.run(transaction.cursor, token=token, lease_until=lease_until, ids=[row.id for row in claimed])
        return claimed

    _put_off = compiled(
        lambda on: {
            channel: Statement(
                on,
                on.locking(
                    NotificationChannels.select(NotificationChannels.id, NotificationChannels.due_at)
                    .join(Notifications)
                    .where(
                        PENDING,
                        on_channel(channel),
                        NotificationChannels.due_at > time_parameter("later_than"),
                        NotificationChannels.claim_token.is_null(),
                        # Not what waits for the time that its caller named.
                        Notifications.send_at.is_null() | (NotificationChannels.due_at != Notifications.send_at),
                    )
                    .order_by(NotificationChannels.due_at)
                    .limit(parameter("limit")),
                    NotificationChannels,
                    skip_locked=True,
                ),
            )
            for channel in ChannelType
        }
    )
    _set_due = compiled(lambda on: RowUpdate(on, NotificationChannels, ("id", "due_at")))

    @one_by_one
    def hasten(self, transaction: Transaction, call: Haste) -> Micros | None:
        """Let rows that wait for another attempt wait less; rows that somebody else works on are left to them."""
        found = self._put_off[call.channel].run(transaction.cursor, later_than=call.later_than, limit=call.limit)
        latest: Micros | None = None
        sooner: list[tuple[str, Micros]] = []
        for row_id, due_at in found:
            sooner.append((row_id, max(transaction.now, due_at - call.by)))
            latest = due_at
        self._set_due.run(transaction.cursor, sorted(sooner))
        return latest

    _tokens = compiled(tokens_of)

    def _kept(self, transaction: Transaction, holdings: Sequence[Holding]) -> list[bool]:
        """Lock rows in the order of their ids, and tell which are held still.

        An update of many rows locks them as it finds them, which in a small table is the order on the disk.
        """
        found = self._tokens.run(transaction.cursor, [(holding.channel_id,) for holding in holdings])
        tokens: dict[str, str | None] = dict(found)
        return [tokens.get(holding.channel_id) == holding.token for holding in holdings]

    def renew(self, transaction: Transaction, holdings: Sequence[Holding]) -> list[bool]:
        """Extend leases; false for a row that is not held any more."""
        kept = self._kept(transaction, holdings)
        self._set_due.run(
            transaction.cursor,
            [(holding.channel_id, transaction.now + holding.lease) for holding in itertools.compress(holdings, kept)],
        )
        return kept

    _release = compiled(
        lambda on: RowUpdate(
            on, NotificationChannels, ("id", "claim_token", "due_at"), expressions={"claim_token": "NULL"}
        )
    )

    def release(self, transaction: Transaction, holdings: Sequence[Holding]) -> list[None]:
        """Give rows back unsent: due at once, and the attempt not counted."""
        kept = itertools.compress(holdings, self._kept(transaction, holdings))
        self._release.run(
            transaction.cursor, [(holding.channel_id, holding.token, transaction.now) for holding in kept]
        )
        return [None] * len(holdings)

    _free_all = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(due_at=time_parameter("now")).where(
                PENDING, NotificationChannels.claim_token.is_null(is_null=False)
            ),
        )
    )

    @one_by_one
    def free_all(self, transaction: Transaction, _: None) -> int:
        """Make every leased row due at once; right only when no other process can hold leases.

        The token stays: the row's next claim then counts the attempt that its holder may have made.
        """
        freed: int = self._free_all.run(transaction.cursor, now=transaction.now).rowcount
        return freed
