"""Storing new notifications: the write path of Send and SendBatch.

Order inside the transaction, which is also the order in which rows are locked (each sorted by its key):

1. idempotency keys: repetitions within the round are answered from memory, then each key is inserted if absent;
   only what is new goes on, so that a repetition takes no sequence,
2. feeds: one range of sequences per recipient for what enters at once,
3. notifications, 4. channels.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import peewee
from uuid_utils import uuid7

from tocsin_server.errors import IdempotencyKeyReused, TocsinError
from tocsin_server.model import (
    NO_FEED,
    Accepted,
    Channel,
    ChannelType,
    ClaimedChannel,
    FeedEvent,
    Micros,
    Notification,
    NotificationDraft,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.storage.batches import RowInsert, RowInsertIfAbsent, RowLookup, RowUpsert
from tocsin_server.storage.rows import NotificationReader, dump_json
from tocsin_server.storage.tables import IdempotencyKeys, NotificationChannels, Notifications, RecipientFeeds
from tocsin_server.storage.writer import Transaction

EPOCH_BITS = 62
"""So that an epoch fits a signed column of 64 bits."""


WORDS = {word: word.value for word in (*RecipientType, *ChannelType)}
"""The same as plain strings, which the drivers bind without looking for an adapter first."""

PENDING_WORD = Status.PENDING.value


def new_id() -> str:
    """Return a new UUIDv7; those of one process rise strictly."""
    return str(uuid7())


def new_epoch() -> int:
    """Return a random epoch; 0 is kept for a feed that does not exist."""
    return NO_FEED.epoch + 1 + random.getrandbits(EPOCH_BITS)


def created_at_of(uuid7_text: str) -> Micros:
    """Return the time inside a UUIDv7: its first 48 bits are milliseconds since the Unix epoch (RFC 9562, 5.7)."""
    return int(uuid7_text[:8] + uuid7_text[9:13], 16) * 1000


class FeedRange(NamedTuple):
    """Sequences ``last - count + 1`` to ``last`` of a feed, taken in this transaction."""

    epoch: int
    last: int
    unread_count: int


class FeedSequencer:
    """Takes ranges of sequences from feeds, creating a feed at its first entry."""

    def __init__(self, database: peewee.Database) -> None:
        self._take = RowUpsert(
            database,
            RecipientFeeds,
            (
                "recipient_type", "recipient_id", "epoch", "last_sequence", "purged_sequence", "delivered_sequence",
                "unread_count",
            ),
            key=("recipient_type", "recipient_id"),
            add=("last_sequence", "unread_count"),
            wanted=("recipient_type", "recipient_id", "epoch", "last_sequence", "unread_count"),
        )  # fmt: skip

    def enter(
        self, cursor: Any, counts: Mapping[Recipient, int], unread: Mapping[Recipient, int] | None = None
    ) -> dict[Recipient, FeedRange]:
        """Take ``counts`` sequences of each feed; ``unread`` of them (None: all) are of newly unread notifications.

        A count of 0 locks a feed, and creates it.
        """
        unread = counts if unread is None else unread
        taken = self._take.run(
            cursor,
            [
                (
                    WORDS[recipient.type],
                    recipient.id,
                    new_epoch(),
                    counts[recipient],
                    0,
                    0,
                    unread.get(recipient, 0),
                )
                for recipient in sorted(counts)
            ],
        )
        return {Recipient(RecipientType(row[0]), row[1]): FeedRange(*row[2:]) for row in taken}


class Accepting:
    """Handler that stores drafts.

    Args:
        database: Where to.
        reader: Reads earlier notifications for repeated keys.
        attempt_limit: Attempts that a channel row gets.
        lease: Microseconds for which rows handed over at once are leased.
    """

    def __init__(
        self, database: peewee.Database, reader: NotificationReader, *, attempt_limit: int, lease: Micros
    ) -> None:
        self._reader = reader
        self._attempt_limit = attempt_limit
        self._lease = lease
        self._sequencer = FeedSequencer(database)
        self._insert_keys = RowInsertIfAbsent(database, IdempotencyKeys, ("caller", "key", "digest", "notification_id"))
        self._find_keys = RowLookup(
            database, IdempotencyKeys, ("caller", "key"), ("caller", "key", "digest", "notification_id")
        )
        self._insert_notifications = RowInsert(
            database,
            Notifications,
            (
                "id", "recipient_id", "recipient_type", "title", "message", "status", "metadata", "is_read",
                "created_at", "send_at", "expires_at", "entered_sequence", "sequence",
            ),
        )  # fmt: skip
        self._insert_channels = RowInsert(
            database,
            NotificationChannels,
            (
                "id", "notification_id", "channel", "status", "attempts", "created_at", "address",
                "attempt_limit", "due_at", "claim_token",
            ),
        )  # fmt: skip

    def __call__(
        self, transaction: Transaction, requests: Sequence[Sequence[NotificationDraft]]
    ) -> list[list[Accepted | TocsinError]]:
        """Store the drafts of several calls; one result per draft, in order."""
        drafts = [draft for request in requests for draft in request]
        results: list[Accepted | TocsinError | None] = [None] * len(drafts)
        repeats: list[tuple[int, NotificationDraft, str]] = []
        new = self._take_keys(transaction.cursor, drafts, results, repeats)
        self._store(transaction, drafts, new, results)
        self._repeat(transaction.cursor, repeats, results)
        answers = iter(results)
        return [[_present(next(answers)) for _ in request] for request in requests]

    def _take_keys(
        self,
        cursor: Any,
        drafts: Sequence[NotificationDraft],
        results: list[Accepted | TocsinError | None],
        repeats: list[tuple[int, NotificationDraft, str]],
    ) -> list[tuple[int, str]]:
        """Return place and new id of the drafts that are new; note the others in ``results`` or ``repeats``."""
        new: list[tuple[int, str]] = []
        keyed: dict[tuple[str, str], list[int]] = {}
        # Given out before the keys are sorted, so that ids rise in the order of the drafts, as feed sequences do.
        ids = [new_id() for _ in drafts]
        for place, draft in enumerate(drafts):
            if draft.idempotency_key:
                keyed.setdefault((draft.caller, draft.idempotency_key), []).append(place)
            elif draft.refusal is not None:
                results[place] = draft.refusal
            else:
                new.append((place, ids[place]))
        # Of drafts with the same key, the first that can be accepted stands for it.
        first = {
            key: acceptable[0]
            for key, places in keyed.items()
            if (acceptable := [place for place in places if drafts[place].refusal is None])
        }
        rows = [(*key, drafts[first[key]].digest, ids[first[key]]) for key in sorted(first)]
        if self._insert_keys.run(cursor, rows) == len(keyed) == sum(map(len, keyed.values())):
            new += [(place, ids[place]) for place in first.values()]
        else:
            stored = {row[:2]: row[2:] for row in self._find_keys.run(cursor, sorted(keyed))}
            for key, places in keyed.items():
                digest, earlier_id = stored.get(key, ("", ""))
                accepted = first.get(key)
                if accepted is not None and earlier_id == ids[accepted]:
                    new.append((accepted, earlier_id))
                    # Those before it were refused by themselves, those after it repeat it.
                    before, after = places[: places.index(accepted)], places[places.index(accepted) + 1 :]
                else:
                    before, after = ([], places) if earlier_id else (places, [])
                for place in before:
                    results[place] = drafts[place].refusal
                self._compare(drafts, after, digest, earlier_id, results, repeats)
        new.sort()
        return new

    @staticmethod
    def _compare(
        drafts: Sequence[NotificationDraft],
        places: Sequence[int],
        digest: str,
        earlier_id: str,
        results: list[Accepted | TocsinError | None],
        repeats: list[tuple[int, NotificationDraft, str]],
    ) -> None:
        """Tell repetitions of what was stored under a key from reuses of the key."""
        for place in places:
            draft = drafts[place]
            if draft.digest == digest:
                repeats.append((place, draft, earlier_id))
            else:
                results[place] = IdempotencyKeyReused(draft.idempotency_key, earlier_id)

    def _repeat(
        self,
        cursor: Any,
        repeats: Sequence[tuple[int, NotificationDraft, str]],
        results: list[Accepted | TocsinError | None],
    ) -> None:
        """Answer repetitions with what was stored."""
        stored = self._reader.get_several(cursor, sorted({earlier_id for _, _, earlier_id in repeats}))
        for place, draft, earlier_id in repeats:
            notification = stored.get(earlier_id)
            if notification is None:  # removed by hand: the key row outlived it
                results[place] = IdempotencyKeyReused(draft.idempotency_key, earlier_id)
            else:
                results[place] = Accepted(notification, duplicate=True)

    def _store(
        self,
        transaction: Transaction,
        drafts: Sequence[NotificationDraft],
        new: Sequence[tuple[int, str]],
        results: list[Accepted | TocsinError | None],
    ) -> None:
        now = transaction.now
        entering: dict[Recipient, int] = {}
        enters = [_enters_now(drafts[place], now) for place, _ in new]
        for place, _ in itertools.compress(new, enters):
            recipient = drafts[place].recipient
            entering[recipient] = entering.get(recipient, 0) + 1
        ranges = self._sequencer.enter(transaction.cursor, entering)
        # What is still to be given out of each range, counted down from its size.
        left = dict(entering)

        token = new_id()
        notification_rows: list[tuple[Any, ...]] = []
        channel_rows: list[tuple[Any, ...]] = []
        for (place, notification_id), enters_now in zip(new, enters, strict=True):
            draft = drafts[place]
            recipient = draft.recipient
            created_at = created_at_of(notification_id)
            sequence: int | None = None
            if enters_now:
                taken = ranges[recipient]
                left[recipient] -= 1
                sequence = taken.last - left[recipient]
            notification_rows.append(
                (
                    notification_id, recipient.id, WORDS[recipient.type], draft.title, draft.message, PENDING_WORD,
                    draft.metadata_json or dump_json(draft.metadata), False, created_at, draft.send_at,
                    draft.expires_at, sequence, sequence,
                )
            )  # fmt: skip
            notification = Notification(
                notification_id,
                recipient,
                draft.title,
                draft.message,
                Status.PENDING,
                draft.metadata,
                False,
                created_at,
                None,
                draft.send_at,
                draft.expires_at,
                sequence,
            )
            notification.channels = self._add_channels(transaction, draft, notification, token, channel_rows)
            results[place] = Accepted(notification, duplicate=False)
            if sequence is not None:
                transaction.events.append(
                    FeedEvent(
                        recipient,
                        taken.epoch,
                        sequence,
                        sequence,
                        taken.unread_count - left[recipient],
                        notification,
                    )
                )
        self._insert_notifications.run(transaction.cursor, notification_rows)
        self._insert_channels.run(transaction.cursor, channel_rows)

    def _add_channels(
        self,
        transaction: Transaction,
        draft: NotificationDraft,
        notification: Notification,
        token: str,
        rows: list[tuple[Any, ...]],
    ) -> list[Channel]:
        """Append the channel rows of one notification, leased where a lane of this process has a place."""
        now = transaction.now
        # Ids, and created_at with them, are made after the transaction took its time: most of a batch would be late.
        due_at = draft.send_at or min(notification.created_at, now)
        channels: list[Channel] = []
        for wanted in draft.channels:
            channel_id = new_id()
            claim_token: str | None = None
            row_due_at: Micros | None = due_at
            if wanted.channel == ChannelType.WEBSOCKET:
                if notification.sequence is not None:
                    row_due_at = draft.expires_at  # waits for a subscriber until then
            elif due_at <= now and transaction.reserve(wanted.channel):
                claim_token = token
                row_due_at = now + self._lease
                transaction.claims.append(
                    ClaimedChannel(
                        id=channel_id,
                        notification_id=notification.id,
                        channel=wanted.channel,
                        address=wanted.address or "",
                        title=draft.title,
                        message=draft.message,
                        metadata=draft.metadata,
                        attempts=0,
                        attempt_limit=self._attempt_limit,
                        response=None,
                        created_at=notification.created_at,
                        expires_at=draft.expires_at,
                        token=token,
                        lease_until=row_due_at,
                        taken_over=False,
                    )
                )
            rows.append(
                (
                    channel_id, notification.id, WORDS[wanted.channel], PENDING_WORD, 0, notification.created_at,
                    wanted.address, self._attempt_limit, row_due_at, claim_token,
                )
            )  # fmt: skip
            waiting = claim_token is not None or (
                wanted.channel == ChannelType.WEBSOCKET and notification.sequence is not None
            )
            channels.append(
                Channel(
                    channel_id, notification.id, wanted.channel, Status.PENDING, 0, None, notification.created_at,
                    wanted.address, None if waiting else row_due_at,
                )
            )  # fmt: skip
        return channels


def _enters_now(draft: NotificationDraft, now: Micros) -> bool:
    """Whether the notification enters its recipient's feed with this transaction."""
    if draft.send_at is not None and draft.send_at > now:
        return False
    return ChannelType.WEBSOCKET in [wanted.channel for wanted in draft.channels]


def _present(result: Accepted | TocsinError | None) -> Accepted | TocsinError:
    assert result is not None  # noqa: S101 - every draft is new, a repetition or refused
    return result
