"""Deciding about what was deferred: giving it to deciders, carrying their decisions out, and deciding at the deadline.

Whoever decides, what comes of it is the server's to answer for: addresses are known ones, policies bind, and each
notification is decided once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tocsin_server.domain.channel_row import is_expired
from tocsin_server.domain.clock import Clock, isoformat
from tocsin_server.domain.errors import (
    AddressUnknown,
    ChannelNotConfigured,
    DatabaseRefusal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    ShuttingDown,
    TocsinError,
    Violation,
)
from tocsin_server.domain.limiting import Counts, limit_reached, without_full
from tocsin_server.domain.masking import mask
from tocsin_server.domain.model import (
    PARALLEL,
    ChannelDraft,
    ChannelType,
    Contact,
    DecidedBy,
    Decision,
    LimitUse,
    Micros,
    Notification,
    Strategy,
)
from tocsin_server.domain.ports import ContactStore, DeadlineStore, DecisionStore, LimitCountStore
from tocsin_server.domain.undecided import (
    HELD,
    REFUSED,
    SUPPRESSED,
    RecipientActivity,
    Ruling,
    UndecidedItem,
    UndecidedLease,
)
from tocsin_server.intake.accepting import tell_denials
from tocsin_server.intake.waiting import Waiters
from tocsin_server.routing.book import CurrentRules, RuleBook, hindrance
from tocsin_server.routing.deciding import by_rules, denied
from tocsin_server.routing.facts import Facts, facts_of_notification
from tocsin_server.routing.named import choose_channels
from tocsin_server.telemetry.observer import UNOBSERVED, Observer

_SHOWN_HINDRANCES = {ChannelNotConfigured.reason: "NOT_CONFIGURED"}
"""Of what stands in the way of a channel: where an option has another word for it than a refusal."""

_FIRST_DECIDERS = frozenset({DecidedBy.CALLER, DecidedBy.RULE, DecidedBy.DECIDER, DecidedBy.DEADLINE})
"""Who can choose the first channels of a notification. Others go by what was chosen."""


class Wish(NamedTuple):
    """What a decider asks for: exactly one of ``named`` channels, ``hold_until`` and ``suppress``.

    ``digest`` tells a repetition of it. ``decider`` is which program it is, as it says itself.
    """

    notification_id: str
    named: Sequence[ChannelDraft]
    strategy: Strategy
    hold_until: Micros | None
    suppress: bool
    lease_token: str
    reason: str
    decider: str
    digest: str


class Authority(NamedTuple):
    """Who decides, or wants to know: ``name`` is what a decision carries.

    ``anywhere`` lets addresses be used that are not known, ``explains_all`` lets be explained what others decided.
    """

    name: str
    anywhere: bool
    explains_all: bool


class Option(NamedTuple):
    """A channel that may be chosen, or why it may not; ``address`` is hidden."""

    channel: ChannelType
    denied_by: Sequence[str]
    address: str


class _Possible(NamedTuple):
    """A channel before limits are looked at: what is in its way, and what it would count towards."""

    channel: ChannelType
    address: str | None
    hindrances: Sequence[str]
    limits: Sequence[LimitUse]

    def option(self, counts: Counts) -> Option:
        """Return what a decider is told about it."""
        reached = dict.fromkeys(use.policy for use in counts.full(self.limits))
        address = mask(self.channel, self.address) if self.address else ""
        return Option(self.channel, [*self.hindrances, *reached], address)


class Offer(NamedTuple):
    """What a decider is given: a notification under a lease, and what to go by."""

    item: UndecidedItem
    options: Sequence[Option]
    contact: Contact | None
    activity: RecipientActivity
    now: Micros


class LeaseStore(DecisionStore, ContactStore, DeadlineStore, LimitCountStore, Protocol):
    """Keeps what is undecided, how recipients can be reached, and how far limits are used up."""


class Deciding:
    """The use cases of deciders, and of the deadline.

    Args:
        store: Where what is undecided is kept.
        waiters: Those who wait for it.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel that has none.
        clock: The present time.
        rules: Those in force.
        observer: Is told which policies refuse a decision.
    """

    def __init__(
        self,
        store: LeaseStore,
        waiters: Waiters,
        configured: Mapping[ChannelType, bool],
        required_settings: Mapping[ChannelType, str],
        clock: Clock,
        rules: CurrentRules,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._store = store
        self._observer = observer
        self._waiters = waiters
        self._configured = configured
        self._required_settings = required_settings
        self.clock = clock
        self._rules = rules
        self._returning: set[asyncio.Task[None]] = set()

    # -- giving out ------------------------------------------------------------------------------

    async def lease(self, ask: UndecidedLease, wait: float) -> list[Offer]:
        """Give out what is undecided, or wait for it for up to ``wait`` seconds.

        A call that is broken off leases nothing.

        Raises:
            TooManyStreams: Too many wait already.
            ShuttingDown: The server is about to stop.
        """
        items = await self._lease(ask)
        if not items and wait > 0:
            items = await self._wait_for(ask, wait)
        try:
            offers = await self._offers(items)
        except BaseException:
            self._give_back(items)
            raise
        if items:
            self._waiters.wake()  # it may be the next to end its lease
        return offers

    async def _wait_for(self, ask: UndecidedLease, wait: float) -> list[UndecidedItem]:
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        async with self._waiters.place(ask.wanted, ask.limit, ask.holder or None) as place:
            while (left := end - loop.time()) > 0:
                if not await place.woken(left):
                    break
                if self._waiters.closing:
                    raise ShuttingDown
                if items := await self._lease(ask):
                    return items
        return []

    async def _lease(self, ask: UndecidedLease) -> list[UndecidedItem]:
        call = asyncio.ensure_future(self._store.lease_undecided(ask))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            # The write goes on, and nobody is left who would decide what it leases.
            call.add_done_callback(lambda done: self._give_back([] if done.exception() else done.result()))
            raise

    def _give_back(self, items: Sequence[UndecidedItem]) -> None:
        if not items:
            return

        async def give_back() -> None:
            with contextlib.suppress(TocsinError):  # their leases end by themselves
                await self._store.give_back_undecided(items)

        task = asyncio.get_running_loop().create_task(give_back())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _offers(self, items: Sequence[UndecidedItem]) -> list[Offer]:
        if not items:
            return []
        recipients = sorted({item.notification.recipient for item in items if item.notification.recipient.registered})
        contacts = await self._store.contacts(recipients)
        found = await asyncio.gather(*(self._store.activity(recipient) for recipient in recipients))
        activities = dict(zip(recipients, found, strict=True))
        book, now = self._rules.book, self.clock()
        possible = [
            self._possible(book, facts_of(item, contacts.get(item.notification.recipient), now, item.holder))
            for item in items
        ]
        counts = await self._counts([use for channels in possible for channel in channels for use in channel.limits])
        offers = []
        for item, channels in zip(items, possible, strict=True):
            recipient = item.notification.recipient
            options = [channel.option(counts) for channel in channels]
            offers.append(Offer(item, options, contacts.get(recipient), activities.get(recipient, NO_ACTIVITY), now))
        return offers

    async def _counts(self, uses: Sequence[LimitUse]) -> Counts:
        return Counts(await self._store.limits_used(uses) if uses else {})

    def _possible(self, book: RuleBook, facts: Facts) -> list[_Possible]:
        possible = []
        for channel in ChannelType:
            address = facts.addresses.get(channel)
            found = hindrance(channel, facts, self._configured)
            hindrances: Sequence[str] = [_SHOWN_HINDRANCES.get(found, found)] if found else []
            limits: Sequence[LimitUse] = ()
            if not hindrances:
                narrowed = book.narrow(facts, [ChannelDraft(channel, address)])
                hindrances, limits = [denial.policy for denial in narrowed.denied], narrowed.limits
            possible.append(_Possible(channel, address, hindrances, limits))
        return possible

    # -- deciding --------------------------------------------------------------------------------

    async def decide(self, wish: Wish, by: Authority) -> Notification:
        """Carry a decision out; see `DecisionStore.decide` for what it raises.

        Raises also:
            InvalidArgument: It is to be held beyond its deadline.
            AddressUnknown: A channel has no address, or one that is not known.
            ChannelNotConfigured: A channel has no provider.
            RecipientNotRegistered: The websocket is chosen for somebody without an id.
            PolicyDenied: Policies leave nothing of it; it stays undecided.
        """
        try:
            return await self._store.decide(await self._ruling(wish, by))
        except TocsinError as error:
            tell_denials(self._observer, error)
            raise

    async def preview(self, wish: Wish, by: Authority) -> Decision | None:
        """Tell what would become of a decision as things stand; raises what `decide` would, and writes nothing.

        Returns None if the caller has made this very decision already.
        """
        ruling = await self._ruling(wish, by)
        if await self._store.is_made(ruling):
            return None
        decision = ruling.decision
        left, over = (await self._counts(ruling.limits)).narrow(decision.channels, ruling.limits, whole=False)
        if over and not left:
            raise limit_reached(over, self.clock())
        return without_full(decision, left, over)

    async def _ruling(self, wish: Wish, by: Authority) -> Ruling:
        """Return what a wish comes to, before limits are looked at."""
        item = await self._store.undecided(wish.notification_id)
        decision, strategy = Decision(DecidedBy.DECIDER, by.name, ()), PARALLEL
        ruling = Ruling(
            wish.notification_id, decision, strategy, wish.hold_until, by.name, wish.digest, wish.lease_token
        )
        if item is None:  # the store knows whether this very decision was made, or what came before it
            return ruling
        if wish.hold_until is not None:
            _check_hold(wish.hold_until, item.notification)
            return ruling._replace(decision=_without_channels(HELD, wish, by))
        if wish.suppress:
            return ruling._replace(decision=_without_channels(SUPPRESSED, wish, by))
        return await self._routed(ruling, wish, by, item)

    async def _routed(self, ruling: Ruling, wish: Wish, by: Authority, item: UndecidedItem) -> Ruling:
        """Give the channels of a wish their addresses, and take out what policies deny."""
        notification = item.notification
        contact = await self._store.contact(notification.recipient)
        facts = facts_of(item, contact, self.clock(), by.name)
        if not by.anywhere:
            _check_addresses(wish.named, item.addresses, contact)
        channels = choose_channels(
            notification.recipient, wish.named, facts.addresses, self._configured, self._required_settings
        )
        narrowed = self._rules.book.narrow(facts, channels)
        if not narrowed.channels:
            raise denied(narrowed.denied)
        decision = Decision(
            DecidedBy.DECIDER,
            by.name,
            narrowed.channels,
            [*narrowed.denied, *narrowed.put_off],
            wish.reason,
            wish.decider,
        )
        return ruling._replace(decision=decision, strategy=wish.strategy, limits=narrowed.limits)

    # -- the deadline ----------------------------------------------------------------------------

    async def decide_overdue(self, limit: int) -> int:
        """Let rules decide what nobody did in time, and fail what has expired; returns how many there were."""
        items = await self._store.overdue(limit)
        now = self.clock()
        expired = [item.notification.id for item in items if is_expired(item.notification.expires_at, now)]
        if expired:
            await self._store.fail_expired(expired)
        left = [item for item in items if item.notification.id not in set(expired)]
        contacts = await self._store.contacts([item.notification.recipient for item in left])
        await asyncio.gather(
            *(self._decide_by_rules(item, contacts.get(item.notification.recipient), now) for item in left)
        )
        return len(items)

    async def _decide_by_rules(self, item: UndecidedItem, contact: Contact | None, now: Micros) -> None:
        facts = facts_of(item, contact, now)
        decided = by_rules(self._rules.book, facts, self._configured, DecidedBy.DEADLINE)
        assert decided.decision is not None  # noqa: S101 - rules always say what they decided
        ruling = Ruling(item.notification.id, decided.decision, decided.strategy, limits=decided.limits)
        # Somebody else was faster, by a decision or in another process: that is what the transaction is for.
        with contextlib.suppress(PreconditionFailed, NotFound):
            try:
                await self._store.decide(ruling)
            except DatabaseRefusal:  # and always will be: it is not to come again for ever
                nothing = Decision(DecidedBy.DEADLINE, decided.decision.name, (), reason=REFUSED)
                await self._store.decide(Ruling(item.notification.id, nothing))

    # -- explaining ------------------------------------------------------------------------------

    async def explain(self, notification_id: str, by: Authority, rpc: str) -> list[Decision]:
        """Tell who decided about a notification, oldest first; raises `NotificationNotFound`, `PermissionDenied`."""
        notification, decisions, callers = await self._store.explain(notification_id)
        if not by.explains_all and by.name not in callers:
            raise PermissionDenied(
                "the scope route explains what the caller decided or holds alone; all else needs the scope read or "
                "simulate",
                rpc,
            )
        told = list(decisions)
        if not _FIRST_DECIDERS.intersection(one.by for one in told) and notification.channels:
            told.insert(0, _by_its_caller(notification))
        return told


NO_ACTIVITY = RecipientActivity(0, {})
"""Of somebody who is not registered."""


def facts_of(item: UndecidedItem, contact: Contact | None, now: Micros, decider: str = "") -> Facts:
    """Return what is known about what is undecided."""
    return facts_of_notification(item.notification, item.addresses, contact, now)._replace(decider=decider)


def _without_channels(word: str, wish: Wish, by: Authority) -> Decision:
    reason = f"{word}: {wish.reason}" if wish.reason else word
    return Decision(DecidedBy.DECIDER, by.name, (), reason=reason, decider=wish.decider)


def _check_hold(until: Micros, notification: Notification) -> None:
    """Raise InvalidArgument unless it ends before rules decide."""
    if notification.route_by is not None and until >= notification.route_by:
        problem = f"must be before the notification's route_by, {isoformat(notification.route_by)}"
        raise InvalidArgument([Violation("hold_until", problem)])


def _check_addresses(named: Sequence[ChannelDraft], given: Mapping[ChannelType, str], contact: Contact | None) -> None:
    """Raise AddressUnknown for an address that neither came with the notification nor is the contact's."""
    for draft in named:
        known = {given.get(draft.channel), contact.addresses.get(draft.channel) if contact is not None else None}
        if draft.address is not None and draft.address not in known:
            raise AddressUnknown(draft.channel, chosen=True)


def _by_its_caller(notification: Notification) -> Decision:
    """Return the decision that needs no row: the caller of Send named channels, and got them."""
    channels = [
        ChannelDraft(row.channel, row.address)
        for row in notification.channels
        if row.created_at == notification.created_at
    ]
    return Decision(DecidedBy.CALLER, notification.owner, channels, decided_at=notification.created_at)
