"""The store on a SQL database; what the two databases do differently is left to `sqlite` and `postgresql`."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from tocsin_server.domain.clock import Clock, micros
from tocsin_server.domain.errors import DatabaseRefusal, NotificationNotFound, ShuttingDown, TocsinError
from tocsin_server.domain.limiting import CountKey
from tocsin_server.domain.model import (
    ANY_WEIGHT,
    Accepted,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    Contact,
    ContactPage,
    FeedPart,
    FeedPosition,
    FeedState,
    LimitUse,
    ListPart,
    Marked,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Page,
    Recipient,
    RecipientType,
)
from tocsin_server.domain.operating import (
    Erasure,
    OpenBreaker,
    Orders,
    Pause,
    Person,
    PersonPage,
    QueueNotes,
    Turn,
    UndecidedCounts,
)
from tocsin_server.domain.ports import CommitListener
from tocsin_server.domain.undecided import Explained, RecipientActivity, Ruling, UndecidedItem, UndecidedLease, Waiting
from tocsin_server.domain.upkeep import Purged, QueueCounts
from tocsin_server.storage.catalogue import Catalogue
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.operations.claiming import Claim, Haste, Holding
from tocsin_server.storage.operations.erasing import ErasedPart, Remains
from tocsin_server.storage.operations.interventions import Revival
from tocsin_server.storage.operations.marking import MarkFeed, MarkIds
from tocsin_server.storage.operations.operating import BreakerNote
from tocsin_server.storage.operations.pacing import TurnWanted
from tocsin_server.storage.operations.purging import LEAST_ID, Purge
from tocsin_server.storage.operations.settling import Settlement
from tocsin_server.storage.writer import Writer
from tocsin_server.telemetry.observer import UNOBSERVED, Observer

log = logging.getLogger(__name__)

R = TypeVar("R")


def refused_read(description: str) -> DatabaseRefusal:
    """Log that the database refuses to read something, and return what the caller is told."""
    incident = secrets.token_hex(4)
    log.error(
        "the database refuses what was to be read, incident %s",
        incident,
        extra={"event": "read_refused", "incident": incident, "cause": description},
    )
    return DatabaseRefusal(incident)


class SqlStore(ABC):
    """A `Store` whose statements are compiled for one database.

    Args:
        on: What they are compiled for.
        listener: Is told what was committed.
        attempt_limit: Attempts that a new channel row gets.
        lease: Seconds for which rows handed over at once are leased.
        readers: Threads that read.
        clock: Gives the time that decides what is due.
        writers: Threads that write.
        mixed: See `Writer`.
        observer: Likewise.
    """

    def __init__(
        self,
        on: Dialect,
        listener: CommitListener,
        *,
        attempt_limit: int,
        lease: float,
        readers: int,
        clock: Clock,
        writers: int = 1,
        mixed: bool = True,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._on = on
        self._do = Catalogue(on, attempt_limit=attempt_limit, lease=micros(lease))
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="tocsin-reader")
        self._closed = False
        self._clock = clock
        self._writer = Writer(self._transaction, listener, threads=writers, mixed=mixed, observer=observer)

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[tuple[Any, Micros]]:
        """Open a write transaction on the calling thread, see `Writer`."""

    @abstractmethod
    def _run_read(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        """Call ``function`` with a cursor of the calling thread; with ``snapshot`` all its selects see one state.

        Raises `DatabaseUnavailable`.
        """

    async def _read(self, function: Callable[[Any], R], *, snapshot: bool = True) -> R:
        if self._closed:
            raise ShuttingDown
        run = functools.partial(self._run_read, function, snapshot=snapshot)
        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        """See `Store.accept`."""
        return await self._writer.submit_all(self._do.accepting.accept, drafts)

    async def get(self, notification_id: str) -> Notification:
        """See `Store.get`."""
        found = await self._read(lambda cursor: self._do.notifications.get(cursor, notification_id))
        if found is None:
            raise NotificationNotFound(notification_id)
        return found

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPart:
        """See `Store.find`."""

        def read(cursor: Any) -> ListPart:
            state = self._do.feeds.state(cursor, wanted.recipient) if wanted.recipient is not None else None
            page: Page = self._do.listing.page(cursor, wanted, before, page_size)
            return ListPart(page, state)

        return await self._read(read)

    async def mark_read(self, ids: Sequence[str], owner: Recipient | None = None) -> Marked:
        """See `Store.mark_read`."""
        return await self._writer.submit(self._do.marking.mark_ids, MarkIds(ids, owner), weight=len(ids))

    async def mark_feed_read(self, recipient: Recipient, up_to: FeedPosition | None) -> Marked:
        """See `Store.mark_feed_read`."""
        marked = 0
        while True:
            chunk = await self._writer.submit(self._do.marking.mark_feed, MarkFeed(recipient, up_to), alone=True)
            marked += chunk.marked_count
            if not chunk.more:
                return Marked(marked, chunk.state.unread_count, chunk.state.head)
            up_to = chunk.up_to  # what arrives while this call works stays unread

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """See `Store.feed_state`."""
        return await self._read(lambda cursor: self._do.feeds.state(cursor, recipient), snapshot=False)

    async def feed_after(
        self, recipient: Recipient, position: FeedPosition, limit: int, weight: int = ANY_WEIGHT
    ) -> FeedPart:
        """See `Store.feed_after`."""
        return await self._read(lambda cursor: self._do.feeds.after(cursor, recipient, position, limit, weight))

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int, weight: int = ANY_WEIGHT) -> FeedPart:
        """See `Store.feed_waiting`."""
        return await self._read(lambda cursor: self._do.feeds.waiting(cursor, recipient, after, limit, weight))

    async def settle_feeds(self, positions: Mapping[Recipient, FeedPosition], response: dict[str, Any]) -> int:
        """See `Store.settle_feeds`."""
        text = to_json(response)
        settlements = [Settlement(recipient, position, text) for recipient, position in positions.items()]
        answers = await self._writer.submit_all(self._do.settling.settle, settlements, alone=True, stands_back=True)
        return sum(_present(answer) for answer in answers if not isinstance(answer, DatabaseRefusal))

    async def enter_due(self, limit: int) -> int:
        """See `Store.enter_due`."""
        now = self._clock()
        candidates = await self._read(lambda cursor: self._do.due.due_entries(cursor, now, limit), snapshot=False)
        answers = await self._writer.submit_all(self._do.entering.enter, candidates)
        refused = [row for row, answer in zip(candidates, answers, strict=True) if isinstance(answer, DatabaseRefusal)]
        if refused:
            answers = [*answers, *await self._writer.submit_all(self._do.entering.give_up, refused)]
        return sum(answer is True for answer in answers)

    async def limits_used(self, uses: Sequence[LimitUse]) -> Mapping[CountKey, int]:
        """See `Store.limits_used`."""
        return await self._read(lambda cursor: self._do.limit_reader.used(cursor, uses), snapshot=False)

    async def drop_ended_counts(self, limit: int) -> int:
        """See `Store.drop_ended_counts`."""
        return await self._writer.submit(self._do.limits.drop_ended, limit, weight=limit)

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """See `Store.next_due`."""
        return await self._read(lambda cursor: self._do.due.next_due(cursor, channel), snapshot=False)

    async def purge(self, before: Micros, after: str | None, limit: int) -> Purged:
        """See `Store.purge`."""
        part = Purge(before, after or LEAST_ID, limit)
        return await self._writer.submit(self._do.purging.purge, part, weight=limit, alone=True)

    async def queue_counts(self, channel: ChannelType) -> QueueCounts:
        """See `Store.queue_counts`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.due.counts(cursor, channel, now), snapshot=False)

    async def claim(
        self, channel: ChannelType, limit: int, lease: Micros, held: Sequence[str] = ()
    ) -> list[ClaimedChannel]:
        """See `Store.claim`."""
        return await self._writer.submit(self._do.claiming.claim, Claim(channel, limit, lease, held), weight=limit)

    async def hasten(self, channel: ChannelType, later_than: Micros, by: Micros, limit: int) -> Micros | None:
        """See `Store.hasten`."""
        return await self._writer.submit(self._do.claiming.hasten, Haste(channel, later_than, by, limit), weight=limit)

    async def is_read(self, notification_id: str) -> bool:
        """See `Store.is_read`."""
        return await self._read(lambda cursor: self._do.notifications.is_read(cursor, notification_id), snapshot=False)

    async def next_step_due(self) -> Micros | None:
        """See `Store.next_step_due`."""
        return await self._read(self._do.escalating.next_due, snapshot=False)

    async def start_due_steps(self, limit: int) -> int:
        """See `Store.start_due_steps`."""
        now = self._clock()
        candidates = await self._read(lambda cursor: self._do.escalating.due(cursor, now, limit), snapshot=False)
        answers = await self._writer.submit_all(self._do.escalating.outwaited, candidates)
        return sum(answer is True for answer in answers)

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        """See `Store.renew`."""
        holdings = [Holding(row.id, row.token, lease) for row in held]
        kept = await self._writer.submit_all(self._do.claiming.renew, holdings)
        return {row.id for row, still in zip(held, kept, strict=True) if still is True}

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        """See `Store.release`."""
        holdings = [Holding(row.id, row.token) for row in held]
        for answer in await self._writer.submit_all(self._do.claiming.release, holdings):
            _present(answer)

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool | TocsinError]:
        """See `Store.record`."""
        return await self._writer.submit_all(self._do.recording.record, results)

    async def cancel(self, notification_id: str) -> Notification:
        """See `Store.cancel`."""
        return await self._writer.submit(self._do.interventions.cancel, notification_id, alone=True)

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        """See `Store.retry`."""
        revival = Revival(notification_id, channels, refusals)
        return await self._writer.submit(self._do.interventions.retry, revival, alone=True)

    async def lease_undecided(self, lease: UndecidedLease) -> list[UndecidedItem]:
        """See `Store.lease_undecided`."""
        return await self._writer.submit(self._do.deciding.lease, lease, weight=lease.limit)

    async def give_back_undecided(self, items: Sequence[UndecidedItem]) -> None:
        """See `Store.give_back_undecided`."""
        for answer in await self._writer.submit_all(self._do.deciding.give_back, items):
            _present(answer)

    async def waiting_undecided(self, limit: int) -> Waiting:
        """See `Store.waiting_undecided`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.undecided.waiting(cursor, now, limit))

    async def undecided(self, notification_id: str) -> UndecidedItem | None:
        """See `Store.undecided`."""

        def read(cursor: Any) -> UndecidedItem | None:
            found = self._do.undecided.item(cursor, notification_id)
            if found is None and self._do.notifications.get(cursor, notification_id) is None:
                raise NotificationNotFound(notification_id)
            return found

        return await self._read(read)

    async def decide(self, ruling: Ruling) -> Notification:
        """See `Store.decide`."""
        return await self._writer.submit(self._do.deciding.decide, ruling, alone=True)

    async def is_made(self, ruling: Ruling) -> bool:
        """See `DecisionStore.is_made`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.deciding.is_made(cursor, ruling, now))

    async def activity(self, recipient: Recipient) -> RecipientActivity:
        """See `Store.activity`."""
        return await self._read(lambda cursor: self._do.undecided.activity(cursor, recipient))

    async def explain(self, notification_id: str) -> Explained:
        """See `Store.explain`."""

        def read(cursor: Any) -> Explained:
            notification = self._do.notifications.get(cursor, notification_id)
            if notification is None:
                raise NotificationNotFound(notification_id)
            rows = self._do.decisions.of(cursor, notification_id)
            item = self._do.undecided.item(cursor, notification_id)
            callers = {row.caller for row in rows if row.digest is not None}
            if item is not None and item.lease_token and item.available_at > self._clock():
                callers.add(item.holder)
            return Explained(notification, [row.value() for row in rows], frozenset(callers))

        return await self._read(read)

    async def next_deadline(self) -> Micros | None:
        """See `Store.next_deadline`."""
        return await self._read(self._do.undecided.next_deadline, snapshot=False)

    async def overdue(self, limit: int) -> list[UndecidedItem]:
        """See `Store.overdue`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.undecided.overdue(cursor, now, limit), snapshot=False)

    async def fail_expired(self, ids: Sequence[str]) -> int:
        """See `Store.fail_expired`."""
        answers = await self._writer.submit_all(self._do.deciding.fail_expired, ids, alone=True)
        return sum(answer is True for answer in answers)

    async def contact(self, recipient: Recipient) -> Contact | None:
        """See `Store.contact`."""
        return (await self.contacts([recipient])).get(recipient)

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        """See `Store.contacts`."""
        registered = [recipient for recipient in recipients if recipient.registered]
        if not registered:
            return {}
        return await self._read(lambda cursor: self._do.contacts.of(cursor, registered), snapshot=False)

    async def find_contacts(
        self, recipient_type: RecipientType | None, after: Recipient | None, page_size: int
    ) -> ContactPage:
        """See `Store.find_contacts`."""
        return await self._read(lambda cursor: self._do.contacts.page(cursor, recipient_type, after, page_size))

    async def put_contact(self, contact: Contact) -> Contact:
        """See `Store.put_contact`."""
        return await self._writer.submit(self._do.contact_writing.put, contact)

    async def delete_contact(self, recipient: Recipient) -> None:
        """See `Store.delete_contact`."""
        await self._writer.submit(self._do.contact_writing.delete, recipient, alone=True)

    async def orders(self) -> Orders:
        """See `Store.orders`."""
        return await self._read(self._do.operating_reader.orders)

    async def pause(self, pause: Pause) -> Pause:
        """See `Store.pause`."""
        return await self._writer.submit(self._do.operating.pause, pause, alone=True)

    async def resume(self, channel: ChannelType) -> bool:
        """See `Store.resume`."""
        return await self._writer.submit(self._do.operating.resume, channel, alone=True)

    async def note_breakers(self, process: str, breakers: Sequence[OpenBreaker], lasting: Micros) -> None:
        """See `Store.note_breakers`."""
        note = BreakerNote(process, breakers, lasting)
        await self._writer.submit(self._do.operating.note_breakers, note, alone=True)

    async def queue_notes(self) -> QueueNotes:
        """See `Store.queue_notes`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.operating_reader.notes(cursor, now), snapshot=False)

    async def undecided_counts(self) -> UndecidedCounts:
        """See `Store.undecided_counts`."""
        now = self._clock()
        return await self._read(lambda cursor: self._do.operating_reader.undecided(cursor, now), snapshot=False)

    async def person_page(self, person: Person, after: str | None, limit: int) -> PersonPage:
        """See `Store.person_page`."""
        return await self._read(lambda cursor: self._do.persons.page(cursor, person, after or LEAST_ID, limit))

    async def person_rows(self, person: Person) -> list[str]:
        """See `Store.person_rows`."""
        return await self._read(lambda cursor: self._do.persons.rows_beside(cursor, person))

    async def notification_rows(self, ids: Sequence[str]) -> list[str]:
        """See `Store.notification_rows`."""
        return await self._read(lambda cursor: self._do.persons.rows_of(cursor, ids))

    async def erase_notifications(self, note_id: str, by: str, ids: Sequence[str]) -> Erasure:
        """See `Store.erase_notifications`."""
        part = ErasedPart(note_id, by, ids)
        return await self._writer.submit(self._do.erasing.part, part, weight=len(ids) + 1, alone=True)

    async def erase_remains(self, note_id: str, by: str, person: Person) -> Erasure:
        """See `Store.erase_remains`."""
        return await self._writer.submit(self._do.erasing.remains, Remains(note_id, by, person), alone=True)

    @property
    def shared(self) -> bool:
        """See `Store.shared`."""
        return not self._on.one_writer

    async def take_turn(self, name: str, interval: Micros, most: Micros) -> Turn:
        """See `Store.take_turn`."""
        return await self._writer.submit(self._do.pacing.take, TurnWanted(name, interval, most), alone=True)

    @property
    def away(self) -> bool:
        """See `Store.away`."""
        return self._writer.away

    async def probe(self, *, writing: bool) -> None:
        """See `Store.probe`."""
        if writing:
            await self._writer.submit(self._do.probing.write, None)
        else:
            await self._read(self._do.probing.read, snapshot=False)

    async def run(self) -> None:
        """See `Store.run`."""
        await self._writer.run()

    async def close(self) -> None:
        """See `Store.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()


def _present(answer: R | TocsinError) -> R:
    """Return the answer to an item, or raise the error that it is."""
    if isinstance(answer, TocsinError):
        raise answer
    return answer
