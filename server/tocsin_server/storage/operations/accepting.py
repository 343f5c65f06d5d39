"""Storing new notifications: the write path of Send and SendBatch.

Order inside the transaction, which is also the order in which rows are locked (each sorted by its key):

1. idempotency keys: each that comes is inserted if it is absent; only what is new goes on, so that a repetition takes
   no sequence,
2. counts of limits, if there are any: a draft over one leaves nothing behind, its key included,
3. feeds: one range of sequences per recipient for what enters at once,
4. notifications, 5. what is undecided, the steps of fallbacks that begin later, and decisions, 6. channels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, TypeAlias, cast

from tocsin_server.domain.channel_row import first_due_at
from tocsin_server.domain.errors import IdempotencyKeyReused, TocsinError
from tocsin_server.domain.fallback import ends_by_reading, is_fallback, leads_on_at, steps_of
from tocsin_server.domain.ids import created_at_of
from tocsin_server.domain.limiting import admit, uses_of
from tocsin_server.domain.model import (
    PARALLEL,
    Accepted,
    Channel,
    ChannelDraft,
    ChannelType,
    Entered,
    Goal,
    Micros,
    Notification,
    NotificationDraft,
    Recipient,
    Status,
)
from tocsin_server.storage.databases.batches import RowDelete, RowInsert, RowInsertIfAbsent, RowLookup
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import compiled
from tocsin_server.storage.json_text import dump_json, to_json
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.operations.channels import ChannelRows, Channels
from tocsin_server.storage.operations.decisions import DecisionLog, NewDecision
from tocsin_server.storage.operations.heads import FeedHeads, FeedRange
from tocsin_server.storage.operations.limits import Limits
from tocsin_server.storage.operations.steps import StepList, Steps
from tocsin_server.storage.operations.words import PENDING_WORD, WORDS
from tocsin_server.storage.queries.rows import NotificationReader
from tocsin_server.storage.schema.tables import IdempotencyKeys, Notifications, Undecided
from tocsin_server.storage.writer import Transaction

_Key: TypeAlias = tuple[str, str]
"""An idempotency key, after the caller whose it is."""


_NOTIFICATION_COLUMNS = (
    "id", "recipient_id", "recipient_type", "title", "message", "status", "metadata", "created_at",
    "send_at", "expires_at", "entered_sequence", "sequence", "owner", "idempotency_key", "category",
    "route_by", "goal", "traceparent",
)  # fmt: skip

_UNDECIDED_COLUMNS = ("notification_id", "addresses", "available_at", "route_by", "holder")


class _Holder(NamedTuple):
    """Whose a key is: a notification, and the digest of the content that it was made from."""

    digest: str
    notification_id: str


class Accepting:
    """Its method that takes a `Transaction` is a handler of the writer.

    Args:
        on: The dialect of the database.
        reader: Reads earlier notifications for repeated keys.
        heads: Gives places in feeds.
        limits: Counts towards the limits of policies.
        channels: Makes channel rows.
        steps: Keeps the steps of fallbacks that begin later.
        log: Keeps decisions.
    """

    def __init__(
        self,
        on: Dialect,
        reader: NotificationReader,
        heads: FeedHeads,
        limits: Limits,
        channels: Channels,
        steps: Steps,
        log: DecisionLog,
    ) -> None:
        self._on = on
        self._reader = reader
        self._heads = heads
        self._limits = limits
        self._channels = channels
        self._steps = steps
        self._log = log

    def accept(self, transaction: Transaction, drafts: Sequence[NotificationDraft]) -> list[Accepted | TocsinError]:
        """Store drafts; one result for each, as if each key had been looked up in turn."""
        # Given out before the keys are sorted, so that ids rise in the order of the drafts, as feed sequences do.
        ids = [new_id() for _ in drafts]
        first, refused = _by_key(drafts)
        holders = self._take_keys(transaction.cursor, drafts, ids, first, refused)
        if any(draft.limits for draft in drafts):
            drafts = self._within_limits(transaction, drafts, ids, first, holders)
        results: list[Accepted | TocsinError | None] = [draft.refusal for draft in drafts]
        new: list[int] = []
        repeats: dict[int, str] = {}
        for place, draft in enumerate(drafts):
            holder: _Holder | None = None
            if draft.idempotency_key:
                key = (draft.caller, draft.idempotency_key)
                holder = holders.get(key)
                if holder is None and (earlier := first.get(key, place)) < place:
                    holder = _Holder(drafts[earlier].digest, ids[earlier])
            if holder is None:
                if draft.refusal is None:
                    new.append(place)
            elif holder.digest == draft.digest:
                repeats[place] = holder.notification_id
            else:
                results[place] = IdempotencyKeyReused(draft.idempotency_key, holder.notification_id)
        self._store(transaction, drafts, ids, new, results)
        self._repeat(transaction.cursor, drafts, repeats, results)
        return cast("list[Accepted | TocsinError]", results)  # each is new, a repetition or refused

    # -- keys ------------------------------------------------------------------------------------

    _insert_keys = compiled(
        lambda on: RowInsertIfAbsent(on, IdempotencyKeys, ("caller", "key", "digest", "notification_id"))
    )
    _find_keys = compiled(
        lambda on: RowLookup(on, IdempotencyKeys, ("caller", "key"), ("caller", "key", "digest", "notification_id"))
    )

    def _take_keys(
        self,
        cursor: Any,
        drafts: Sequence[NotificationDraft],
        ids: Sequence[str],
        first: Mapping[_Key, int],
        refused: AbstractSet[_Key],
    ) -> dict[_Key, _Holder]:
        """Insert the keys of the drafts at the places given; return the holders of those that were there before.

        Keys of which every draft is refused are looked up, and not taken.
        """
        inserted = self._insert_keys.run(
            cursor, [(*key, drafts[place].digest, ids[place]) for key, place in sorted(first.items())]
        )
        if inserted == len(first) and not refused:
            return {}
        holders: dict[_Key, _Holder] = {}
        for caller, name, digest, notification_id in self._find_keys.run(cursor, sorted(refused | first.keys())):
            place = first.get((caller, name))
            if place is None or ids[place] != notification_id:
                holders[caller, name] = _Holder(digest, notification_id)
        return holders

    def _repeat(
        self,
        cursor: Any,
        drafts: Sequence[NotificationDraft],
        repeats: Mapping[int, str],
        results: list[Accepted | TocsinError | None],
    ) -> None:
        """Answer repetitions, which are given by their places, with what was stored."""
        if not repeats:
            return
        stored = self._reader.get_several(cursor, sorted(set(repeats.values())))
        for place, notification_id in repeats.items():
            notification = stored.get(notification_id)
            if notification is None:  # removed by hand: the key row outlived it
                results[place] = IdempotencyKeyReused(drafts[place].idempotency_key, notification_id)
            else:
                results[place] = Accepted(notification, duplicate=True)

    # -- limits ----------------------------------------------------------------------------------

    _drop_keys = compiled(lambda on: RowDelete(on, IdempotencyKeys, ("caller", "key")))

    def _within_limits(
        self,
        transaction: Transaction,
        drafts: Sequence[NotificationDraft],
        ids: Sequence[str],
        first: dict[_Key, int],
        holders: Mapping[_Key, _Holder],
    ) -> Sequence[NotificationDraft]:
        """Count what is new, and return the drafts with the channels that limits leave, or with what refuses them.

        A key whose draft is refused goes to the next draft of that key that is not, in ``first`` and in the database.
        """
        cursor = transaction.cursor
        keys = [(draft.caller, draft.idempotency_key) for draft in drafts]
        new = [place for place, draft in enumerate(drafts) if draft.refusal is None and keys[place] not in holders]
        # Others of a key repeat the first one, and count nothing, if that is not refused.
        counted = [place for place in new if first.get(keys[place], place) == place]
        if self._limits.take_all(cursor, [use for place in counted for use in uses_of(drafts[place])]):
            return drafts
        uses = [use for place in new for use in uses_of(drafts[place])]
        counts = self._limits.open(cursor, uses)
        if len(counted) == len(new) and counts.hold(uses):
            return drafts
        left = list(drafts)
        taken: dict[_Key, int] = {}
        for place in new:
            draft, key = drafts[place], keys[place]
            if key in taken:
                continue  # it repeats, and counts nothing
            admitted = admit(draft, counts, transaction.now)
            if isinstance(admitted, TocsinError):
                left[place] = draft._replace(refusal=admitted)
                continue
            left[place] = admitted
            if draft.idempotency_key:
                taken[key] = place
        self._limits.close(cursor, counts)
        lost = sorted(key for key, place in first.items() if key not in holders and taken.get(key) != place)
        self._drop_keys.run(cursor, lost)
        for key in lost:
            del first[key]
        moved = [(key, taken[key]) for key in lost if key in taken]
        first.update(moved)
        self._insert_keys.run(cursor, [(*key, drafts[place].digest, ids[place]) for key, place in moved])
        return left

    # -- notifications and channels --------------------------------------------------------------

    _insert_notifications = compiled(lambda on: RowInsert(on, Notifications, _NOTIFICATION_COLUMNS))
    _insert_undecided = compiled(lambda on: RowInsert(on, Undecided, _UNDECIDED_COLUMNS))

    def _store(
        self,
        transaction: Transaction,
        drafts: Sequence[NotificationDraft],
        ids: Sequence[str],
        new: Sequence[int],
        results: list[Accepted | TocsinError | None],
    ) -> None:
        now = transaction.now
        enters = [_enters_now(drafts[place], now) for place in new]
        entering: dict[Recipient, int] = {}
        for place in itertools.compress(new, enters):
            recipient = drafts[place].recipient
            entering[recipient] = entering.get(recipient, 0) + 1
        ranges = self._heads.take(transaction.cursor, entering)
        batch = _Batch(transaction, ranges, entering, self._channels.begin(transaction))
        for place, enters_now in zip(new, enters, strict=True):
            results[place] = Accepted(batch.add(drafts[place], ids[place], enters_now), duplicate=False)
        self._insert_notifications.run(transaction.cursor, batch.notification_rows)
        if batch.undecided_rows:
            self._insert_undecided.run(transaction.cursor, batch.undecided_rows)
        if batch.lists:
            self._steps.keep(transaction, batch.lists)
        if batch.decisions:
            self._log.record(transaction, batch.decisions)
        batch.channels.insert()


def _by_key(drafts: Sequence[NotificationDraft]) -> tuple[dict[_Key, int], set[_Key]]:
    """Return the place of the first draft of each key that can be accepted, and the keys of which there is none."""
    first: dict[_Key, int] = {}
    refused: set[_Key] = set()
    for place, draft in enumerate(drafts):
        if draft.idempotency_key:
            key = (draft.caller, draft.idempotency_key)
            if draft.refusal is None:
                first.setdefault(key, place)
            else:
                refused.add(key)
    return first, refused - first.keys()


class _Batch:
    """The rows of new notifications, and what is to be told of them after the commit.

    Args:
        transaction: Is told, and gives places in lanes.
        ranges: Sequences for what enters its feed at once.
        left: How many of each are still to be given out; counted down.
        channels: The channel rows of the transaction.
    """

    def __init__(
        self,
        transaction: Transaction,
        ranges: Mapping[Recipient, FeedRange],
        left: dict[Recipient, int],
        channels: ChannelRows,
    ) -> None:
        self.notification_rows: list[Row] = []
        self.undecided_rows: list[Row] = []
        self.lists: list[StepList] = []
        self.decisions: list[NewDecision] = []
        self.channels = channels
        self._transaction = transaction
        self._ranges = ranges
        self._left = left

    def add(self, draft: NotificationDraft, notification_id: str, enters_now: bool) -> Notification:
        """Add a notification, and return it as it will be stored."""
        (
            recipient, title, message, metadata, chosen, send_at, expires_at, caller, key, _, metadata_json, _,
            category, strategy, route_by, _, decision, *_,
        ) = draft  # fmt: skip
        kind, recipient_id = recipient
        goal = strategy.goal if strategy is not PARALLEL and is_fallback(strategy) else None
        created_at = created_at_of(notification_id)
        sequence: int | None = None
        if enters_now:
            taken = self._ranges[recipient]
            left = self._left[recipient] = self._left[recipient] - 1
            sequence = taken.last - left
        self.notification_rows.append(
            (
                notification_id, recipient_id, WORDS[kind], title, message, PENDING_WORD,
                metadata_json or dump_json(metadata), created_at, send_at, expires_at, sequence, sequence,
                caller, key or None, category, route_by, goal and goal.value, draft.traceparent,
            )
        )  # fmt: skip
        notification = Notification(
            notification_id, recipient, title, message, Status.PENDING, metadata, False, created_at, None, send_at,
            expires_at, sequence, caller, (), category, route_by, draft.traceparent,
        )  # fmt: skip
        if goal is None or not chosen:
            notification.channels = self.channels.add(notification, chosen, created_at)
        else:
            notification.channels = self._begin(notification, steps_of(chosen, strategy), goal)
        if route_by is not None:
            self._leave_undecided(notification_id, draft.addresses, route_by)
        if decision is not None:
            self.decisions.append(NewDecision(notification_id, decision, created_at))
        elif chosen:
            self._transaction.by_callers += 1
        if sequence is not None:
            unread_count = taken.unread_count - left
            self._transaction.events.append(
                Entered(recipient, taken.epoch, sequence, sequence, unread_count, notification)
            )
        return notification

    def _begin(self, notification: Notification, steps: Sequence[ChannelDraft], goal: Goal) -> list[Channel]:
        """Add the first step of a fallback, and the list of the others."""
        first, *later = steps
        unless_read = ends_by_reading(goal, is_read=True)
        [row] = self.channels.add(notification, [first], notification.created_at, unless_read=unless_read)
        due_at = first_due_at(notification.send_at, notification.created_at, self._transaction.now)
        due_at = max(due_at, first.not_before or 0)
        self.lists.append(StepList(notification.id, later, row.id, leads_on_at(first, goal, due_at), goal))
        return [row]

    def _leave_undecided(
        self, notification_id: str, addresses: Mapping[ChannelType, str] | None, route_by: Micros
    ) -> None:
        """Let it wait for a decision, to be given to a decider at once."""
        known = to_json(dict(sorted(addresses.items()))) if addresses else None
        self.undecided_rows.append((notification_id, known, self._transaction.now, route_by, ""))
        self._transaction.deadlines.append(route_by)


def _enters_now(draft: NotificationDraft, now: Micros) -> bool:
    """Whether the notification enters its recipient's feed with this transaction."""
    if draft.send_at is not None and draft.send_at > now:
        return False
    begin = draft.channels
    if draft.strategy is not PARALLEL and is_fallback(draft.strategy):
        begin = begin[:1]
    for wanted in begin:
        if wanted.channel == ChannelType.WEBSOCKET:
            return wanted.not_before is None or wanted.not_before <= now
    return False
