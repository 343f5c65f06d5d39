"""What the store offers, in slices: each part of the server names the slice that it needs, and the store is their sum.

Every method may be called from any event loop. A write returns after its commit. Every method raises
`DatabaseUnavailable` when the database does not answer, and `ShuttingDown` after `Store.close`; writes raise
`QueueFull` when too many are waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.limiting import CountKey
from tocsin_server.domain.model import (
    ANY_WEIGHT,
    Accepted,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    Contact,
    ContactPage,
    Denial,
    FeedEvent,
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
from tocsin_server.domain.undecided import Explained, RecipientActivity, Ruling, UndecidedItem, UndecidedLease, Waiting
from tocsin_server.domain.upkeep import Purged, QueueCounts

AddressProblem: TypeAlias = Callable[[ChannelType, str], str | None]
"""Says what would be right instead of an address, None if it has its channel's form. Each channel knows its own."""


class AcceptanceStore(Protocol):
    """Takes in what is to be sent."""

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        """Store drafts and queue them; one answer per draft.

        `IdempotencyKeyReused` where a key is taken, `DatabaseRefusal` where the database refuses what is in it.
        """


class FeedHeadStore(Protocol):
    """Knows how far each feed is."""

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """Read the head of a feed."""


class FeedStore(FeedHeadStore, Protocol):
    """Replays feeds."""

    async def feed_after(
        self, recipient: Recipient, position: FeedPosition, limit: int, weight: int = ANY_WEIGHT
    ) -> FeedPart:
        """Read what changed after a position, in order of change, each notification in its latest state.

        Reading ends after ``limit`` notifications, or with the one that makes their ``weight``, in bytes, complete.
        """

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int, weight: int = ANY_WEIGHT) -> FeedPart:
        """Read likewise what waits for a subscriber and has a sequence above ``after``."""


class LookupStore(Protocol):
    """Finds a notification."""

    async def get(self, notification_id: str) -> Notification:
        """Read one notification with its channels; raises `NotificationNotFound`."""


class ReadingStore(LookupStore, FeedHeadStore, Protocol):
    """Shows what is stored."""

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPart:
        """Read a page of what matches, newest first, below the position ``before`` (see `Page.positions`)."""


class ReadStateStore(Protocol):
    """Keeps what recipients have read."""

    async def mark_read(self, ids: Sequence[str], owner: Recipient | None = None) -> Marked:
        """Mark notifications of one recipient as read, all or none.

        Those of anybody but ``owner``, if one is given, count as not existing.
        Raises `NotificationNotFound`, and `InvalidArgument` when they belong to several recipients.
        """

    async def mark_feed_read(self, recipient: Recipient, up_to: FeedPosition | None) -> Marked:
        """Mark a feed as read up to a position (None: its head now), in chunks; raises `MalformedCursor`."""


class SettlementStore(Protocol):
    """Keeps how far feeds were received."""

    async def settle_feeds(self, positions: Mapping[Recipient, FeedPosition], response: dict[str, Any]) -> int:
        """Record that everything waiting in feeds up to a position was received; returns how many rows that settled."""


class DueTimeStore(Protocol):
    """Knows when there is something to do."""

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """Tell when the next pending row of a channel is due."""


class EntryStore(DueTimeStore, Protocol):
    """Lets notifications enter their feeds."""

    async def enter_due(self, limit: int) -> int:
        """Let due notifications enter their feeds and fail expired ones; returns how many rows were handled."""


class LimitCountStore(Protocol):
    """Knows how far limits of policies are used up."""

    async def limits_used(self, uses: Sequence[LimitUse]) -> Mapping[CountKey, int]:
        """Read how much is counted of each use, 0 where that is nothing; in one query, and none is counted."""


class LimitStore(Protocol):
    """Keeps how far limits of policies are used up."""

    async def drop_ended_counts(self, limit: int) -> int:
        """Remove up to ``limit`` counts whose windows ended a while ago; returns how many."""


class EscalationStore(Protocol):
    """Knows the steps of fallbacks that have not begun."""

    async def next_step_due(self) -> Micros | None:
        """Tell when a step that began last has had its time, of all; None if that is so of none."""

    async def start_due_steps(self, limit: int) -> int:
        """Start up to ``limit`` steps that are due, or end their fallbacks; returns how many were handled."""


class QueueStore(DueTimeStore, Protocol):
    """Gives out what is to be sent, and takes what came of it."""

    async def claim(
        self, channel: ChannelType, limit: int, lease: Micros, held: Sequence[str] = ()
    ) -> list[ClaimedChannel]:
        """Lease up to ``limit`` due rows of a channel for ``lease`` microseconds.

        None of ``held``, ids of rows that the caller still has in hand: whatever the clock says of their leases, to
        claim them again would be to send them twice.
        """

    async def hasten(self, channel: ChannelType, later_than: Micros, by: Micros, limit: int) -> Micros | None:
        """Bring rows that nobody holds ``by`` microseconds forward, at most to now.

        Takes ``limit`` at a time, in the order in which they are due, of those due later than ``later_than``; returns
        when the last of them was due, to go on from there, None if there was none. What waits for the time that its
        caller named is left alone.
        """

    async def is_read(self, notification_id: str) -> bool:
        """Tell whether a notification is read, which makes a row pointless that is ``unless_read``."""

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        """Extend the leases of held rows from now; returns the ids of those still held."""

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        """Give held rows back unsent: due at once, the attempt not counted."""

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool | TocsinError]:
        """Write results of attempts, each by itself; for each, false when its lease was lost, so that it was dropped.

        For one that the database refuses, and always will, the answer is `DatabaseRefusal`; for one that it does not
        take now, `Unavailable`, which is raised if that is so for all.
        """


class TurnStore(Protocol):
    """Gives out turns at providers that are asked by several processes."""

    @property
    def shared(self) -> bool:
        """Whether other processes may send what is in the queue, too."""

    async def take_turn(self, name: str, interval: Micros, most: Micros) -> Turn:
        """Take the next turn of a name, if it is no more than ``most`` away; any two are ``interval`` apart."""


class SendingPolicies(Protocol):
    """What policies say of a row just before it is sent. Any event loop may ask."""

    @property
    def any(self) -> bool:
        """Whether there is a policy at all; costs nothing."""

    async def ruling(self, claim: ClaimedChannel, now: Micros) -> Denial | Micros | None:
        """Return what denies a row, or the later time at which it may be sent; None if it may be sent now."""


class InterventionStore(Protocol):
    """Lets callers change what becomes of a notification."""

    async def cancel(self, notification_id: str) -> Notification:
        """Fail what is pending and not being sent; returns the notification as it is then.

        Raises `NotificationNotFound`, and `AlreadySettled` when nothing is left to cancel.
        """

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        """Revive failed channels (none named: all); returns the notification as it is then.

        ``refusals`` are the channels that cannot be sent by as things stand; reviving one raises its error.
        Raises also `NotificationNotFound`, `NotRetryable` and `Expired`.
        """


class DecisionStore(Protocol):
    """Gives out what is undecided, and takes decisions about it."""

    async def lease_undecided(self, lease: UndecidedLease) -> list[UndecidedItem]:
        """Lease what nobody holds, oldest first, each under a token of its own; about 1 MiB at most, or one.

        None that rules decide by now, or whose time is over.
        """

    async def give_back_undecided(self, items: Sequence[UndecidedItem]) -> None:
        """End leases that still stand; whoever comes first is given what they were for."""

    async def waiting_undecided(self, limit: int) -> Waiting:
        """Look at up to ``limit`` of what could be leased now, and at when there is more."""

    async def undecided(self, notification_id: str) -> UndecidedItem | None:
        """Read what is undecided, None if that is not so; raises `NotificationNotFound`."""

    async def decide(self, ruling: Ruling) -> Notification:
        """Carry a decision out, and return the notification as it is then; so, too, if it is repeated.

        Raises `NotificationNotFound`, `LeaseHeld`, `LeaseExpired`, `AlreadyRouted`, `AlreadySettled` and `Expired`.
        """

    async def is_made(self, ruling: Ruling) -> bool:
        """Tell whether the caller has made this very decision; raises what `decide` would, but for limits."""

    async def activity(self, recipient: Recipient) -> RecipientActivity:
        """Read what was lately sent to a registered recipient."""

    async def explain(self, notification_id: str) -> Explained:
        """Read who decided about a notification; raises `NotificationNotFound`."""


class DeadlineStore(Protocol):
    """Knows what rules are to decide since nobody did."""

    async def next_deadline(self) -> Micros | None:
        """Tell when rules next decide something."""

    async def overdue(self, limit: int) -> list[UndecidedItem]:
        """Read what rules are to decide by now, that first which has been so for longest."""

    async def decide(self, ruling: Ruling) -> Notification:
        """See `DecisionStore.decide`; raises `AlreadyRouted` also if another process was faster."""

    async def fail_expired(self, ids: Sequence[str]) -> int:
        """Fail those of these that are undecided and whose time is over; returns how many."""


class ContactStore(Protocol):
    """Knows how registered recipients can be reached."""

    async def contact(self, recipient: Recipient) -> Contact | None:
        """Read the contact of a recipient, None if there is none. Who is not registered has none, and costs nothing."""

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        """Read the contacts of recipients in one query; those who have none are left out."""


class ContactBookStore(ContactStore, Protocol):
    """Keeps contacts."""

    async def find_contacts(
        self, recipient_type: RecipientType | None, after: Recipient | None, page_size: int
    ) -> ContactPage:
        """Read a page of the contacts of a type (None: of all), by type and id, from behind a recipient."""

    async def put_contact(self, contact: Contact) -> Contact:
        """Create or replace a contact; returns it as stored."""

    async def delete_contact(self, recipient: Recipient) -> None:
        """Delete the contact of a registered recipient; raises `ContactNotFound`."""


class ProbeStore(Protocol):
    """Can be asked whether its database answers."""

    @property
    def away(self) -> bool:
        """Whether the database did not take what was written last."""

    async def probe(self, *, writing: bool) -> None:
        """Read something, or write and commit what changes nothing; raises `DatabaseUnavailable`."""


class RetentionStore(Protocol):
    """Removes what is older than it is kept for."""

    async def purge(self, before: Micros, after: str | None, limit: int) -> Purged:
        """Remove up to ``limit`` notifications created before a time, by id, from behind one (None: from the first).

        With them go their channels, idempotency keys, decisions and places in feeds. What is still to be sent, entered
        or decided stays.
        """


class QueueCountStore(Protocol):
    """Tells how full the queue is."""

    async def queue_counts(self, channel: ChannelType) -> QueueCounts:
        """Count the rows of a channel that are not settled."""

    async def undecided_counts(self) -> UndecidedCounts:
        """Count what waits for a decision."""


class OrderStore(Protocol):
    """Keeps what every process has to obey."""

    async def orders(self) -> Orders:
        """Read it."""


class BreakerStore(Protocol):
    """Keeps which providers processes leave alone."""

    async def note_breakers(self, process: str, breakers: Sequence[OpenBreaker], lasting: Micros) -> None:
        """Replace what is noted of a process, a UUID; it counts for ``lasting`` microseconds."""


class PersonStore(Protocol):
    """Shows and erases what is stored of a person."""

    async def person_page(self, person: Person, after: str | None, limit: int) -> PersonPage:
        """Read ids of notifications that are a person's, from behind one (None: from the first).

        About ``limit`` of them: a page may hold fewer, or none, and yet not be the last.
        """

    async def notification_rows(self, ids: Sequence[str]) -> list[str]:
        """Read all rows of notifications, each as a JSON object of its columns and the name of its ``table``."""

    async def person_rows(self, person: Person) -> list[str]:
        """Read likewise what is stored of a person beside notifications."""

    async def erase_notifications(self, note_id: str, by: str, ids: Sequence[str]) -> Erasure:
        """Erase notifications and all that belongs to them, and count them in a note, which is returned."""

    async def erase_remains(self, note_id: str, by: str, person: Person) -> Erasure:
        """Erase what is stored of a person beside notifications; likewise."""


class OperatorStore(OrderStore, QueueCountStore, Protocol):
    """What operators can ask for."""

    async def pause(self, pause: Pause) -> Pause:
        """Pause a channel as of now, unless it is paused; returns the pause that stands."""

    async def resume(self, channel: ChannelType) -> bool:
        """Let a channel go on; tells whether it was paused."""

    async def queue_notes(self) -> QueueNotes:
        """Read what there is to tell of the queue beside its counts."""


class ServiceStore(AcceptanceStore, ReadingStore, ReadStateStore, InterventionStore, ContactBookStore, Protocol):
    """What callers of the service can ask for."""


class Store(
    ServiceStore,
    DecisionStore,
    DeadlineStore,
    FeedStore,
    SettlementStore,
    EntryStore,
    LimitStore,
    LimitCountStore,
    EscalationStore,
    QueueStore,
    TurnStore,
    ProbeStore,
    RetentionStore,
    BreakerStore,
    OperatorStore,
    PersonStore,
    Protocol,
):
    """Keeps notifications."""

    async def run(self) -> None:
        """Wait until it can write no more, which is not before `close`; raises what ended that all the same."""

    async def close(self) -> None:
        """Write what is waiting and give up the connections. Idempotent."""


class CommitListener(Protocol):
    """Whom the store tells, on a thread that writes, what was committed. Must neither block nor raise."""

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place for a row to be inserted under a lease and handed over after the commit."""

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        """Give back places whose transaction was rolled back."""

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        """Take committed feed events in the order of their sequences, leased rows, and ids of what was cancelled.

        Of transactions that ran side by side, the one that was committed later may be told of first: whoever follows
        a feed has to look for gaps anyway.
        """

    def undecided(self, route_by: Micros) -> None:
        """Take note that notifications were committed which wait for a decision, the first of them until then."""

    def step_due(self, at: Micros) -> None:
        """Take note that a step of a fallback is due at a time, which may be the next one of all."""
