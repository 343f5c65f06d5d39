"""The heads of feeds, whose row locks make the order of sequences the order of commits.

Whatever changes a feed takes the next sequences from its row in ``recipient_feeds`` in the same transaction.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.model import FeedState, Recipient, RecipientType
from tocsin_server.storage.databases.batches import RowUpsert
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.new_ids import new_epoch
from tocsin_server.storage.operations.words import WORDS
from tocsin_server.storage.queries.feeds import HEAD_COLUMNS, MY_FEED, HeadRow
from tocsin_server.storage.schema.tables import RecipientFeeds


class FeedRange(NamedTuple):
    """Sequences up to ``last`` of a feed, taken in this transaction; ``unread_count`` is the feed's after the last."""

    epoch: int
    last: int
    unread_count: int


class FeedHeads:
    """Takes sequences from feeds, and locks them."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _take = compiled(
        lambda on: RowUpsert(
            on,
            RecipientFeeds,
            (
                "recipient_type",
                "recipient_id",
                "epoch",
                "last_sequence",
                "purged_sequence",
                "delivered_sequence",
                "unread_count",
            ),
            key=("recipient_type", "recipient_id"),
            add=("last_sequence", "unread_count"),
            wanted=("recipient_type", "recipient_id", "epoch", "last_sequence", "unread_count"),
        )
    )

    def take(
        self, cursor: Any, counts: Mapping[Recipient, int], unread: Mapping[Recipient, int] | None = None
    ) -> dict[Recipient, FeedRange]:
        """Take ``counts`` sequences of each feed; ``unread`` of them (None: all) are of newly unread notifications.

        A feed comes into being with its first. A count of 0 locks a feed, and creates it.
        """
        unread = counts if unread is None else unread
        taken = self._take.run(
            cursor,
            [
                (WORDS[recipient.type], recipient.id, new_epoch(), counts[recipient], 0, 0, unread.get(recipient, 0))
                for recipient in sorted(counts)
            ],
        )
        return {
            Recipient(RecipientType(recipient_type), recipient_id): FeedRange(*taken_range)
            for recipient_type, recipient_id, *taken_range in taken
        }

    _change = compiled(
        lambda on: Statement(
            on,
            RecipientFeeds.update(
                last_sequence=RecipientFeeds.last_sequence + parameter("count"),
                unread_count=RecipientFeeds.unread_count - parameter("count"),
            )
            .where(*MY_FEED)
            .returning(*HEAD_COLUMNS),
        )
    )

    def take_for_reading(self, cursor: Any, recipient: Recipient, count: int) -> FeedState:
        """Take the sequences of ``count`` notifications that are being read, and return the feed's state after that."""
        row = self._change.run(cursor, recipient_type=recipient.type, recipient_id=recipient.id, count=count).fetchone()
        return HeadRow._make(row).state()

    _locked = compiled(
        lambda on: Statement(
            on,
            on.locking(
                RecipientFeeds.select(RecipientFeeds.recipient_type, RecipientFeeds.recipient_id, *HEAD_COLUMNS).where(
                    functools.reduce(
                        operator.or_,
                        [RecipientFeeds.recipient_type == SQL(f"'{kind.value}'") for kind in RecipientType],
                    ),
                    on.among(RecipientFeeds.recipient_id, "ids"),
                ),
                RecipientFeeds,
                # Words sort by the alphabet in `take`, but in the order of their declaration as an enum.
                order_by=[RecipientFeeds.recipient_type.cast("TEXT"), RecipientFeeds.recipient_id],
            ),
        )
    )

    def lock(self, cursor: Any, recipients: Collection[Recipient]) -> dict[Recipient, HeadRow]:
        """Lock those of the feeds that exist, in order, and return the head of each."""
        ids = sorted({recipient.id for recipient in recipients if recipient.id is not None})
        locked = self._locked.run(cursor, ids=ids).fetchall() if ids else ()
        return {
            Recipient(RecipientType(recipient_type), recipient_id): HeadRow._make(head)
            for recipient_type, recipient_id, *head in locked
        }

    def lock_or_create(self, cursor: Any, recipients: Collection[Recipient]) -> None:
        """Lock feeds in order, those that do not exist yet too."""
        if not self._on.one_writer:
            self.take(cursor, dict.fromkeys(recipients, 0))
