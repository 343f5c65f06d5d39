"""What no decider can do, whatever it asks for, and that nothing stays leased to one that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest

from helpers.drafts import ADDRESSES, EMAIL, NOON, SMS, TELEGRAM, WEBSOCKET, dice, notification
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import DatabaseUnavailable, PreconditionFailed
from tocsin_server.domain.limiting import CountKey, count_key
from tocsin_server.domain.model import (
    PARALLEL,
    ChannelDraft,
    ChannelType,
    Contact,
    LimitUse,
    Notification,
    Recipient,
)
from tocsin_server.domain.undecided import (
    RecipientActivity,
    Ruling,
    UndecidedFilter,
    UndecidedItem,
    UndecidedKind,
    UndecidedLease,
    Waiting,
)
from tocsin_server.intake.deciding import Authority, Deciding, Wish
from tocsin_server.intake.waiting import Waiters
from tocsin_server.routing.book import CurrentRules, RuleBook
from tocsin_server.routing.policies import Each, Limit, Policy

DECISIONS = 10_000
PATIENCE = 60.0
FOREIGN = {EMAIL: "mallory@example.org", SMS: "+15550199", TELEGRAM: "@mallory"}
KNOWN: Mapping[ChannelType, str] = MappingProxyType(ADDRESSES)


class Shelf:
    """A store with one notification that stays undecided, and notes what is to be carried out."""

    def __init__(self) -> None:
        self.item = UndecidedItem(notification(route_by=NOON + micros(600)), {EMAIL: KNOWN[EMAIL]}, NOON)
        self.carried_out: list[Ruling] = []

    async def undecided(self, _notification_id: str) -> UndecidedItem | None:
        return self.item

    async def contact(self, recipient: Recipient) -> Contact | None:
        return Contact(recipient, None, {SMS: KNOWN[SMS], TELEGRAM: KNOWN[TELEGRAM]})

    async def decide(self, ruling: Ruling) -> Notification:
        self.carried_out.append(ruling)
        return self.item.notification


class Counter(Shelf):
    """A shelf that leases, and counts how often limits are looked at."""

    def __init__(self, used: int) -> None:
        super().__init__()
        self.used = used
        self.looks = 0

    async def lease_undecided(self, _lease: UndecidedLease) -> list[UndecidedItem]:
        return [self.item]

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        return {recipient: Contact(recipient, None, {SMS: KNOWN[SMS]}) for recipient in recipients}

    async def activity(self, _recipient: Recipient) -> RecipientActivity:
        return RecipientActivity(0, {})

    async def limits_used(self, uses: Sequence[LimitUse]) -> Mapping[CountKey, int]:
        self.looks += 1
        return {count_key(use): self.used for use in uses}


class Leasing(Counter):
    """A shelf whose leases are written when told so, and that notes what comes back."""

    def __init__(self, item: bool = True) -> None:
        super().__init__(0)
        self.offered = [self.item] if item else []
        self.asked, self.written, self.given_back = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.fails: Exception | None = None

    async def lease_undecided(self, _lease: UndecidedLease) -> list[UndecidedItem]:
        self.asked.set()
        await self.written.wait()
        return self.offered

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        if self.fails is not None:
            raise self.fails
        return await super().contacts(recipients)

    async def give_back_undecided(self, items: Sequence[UndecidedItem]) -> None:
        assert list(items) == [self.item]
        self.given_back.set()

    async def waiting_undecided(self, _limit: int) -> Waiting:
        return Waiting([UndecidedKind("", self.item.notification.recipient.type)], None)


def leasing(shelf: Leasing) -> tuple[Deciding, Waiters]:
    waiters = Waiters(shelf, lambda: NOON)
    return Deciding(shelf, waiters, {EMAIL: True}, {}, lambda: NOON, CurrentRules()), waiters  # type: ignore[arg-type]


ASK = UndecidedLease(UndecidedFilter(), 10, micros(60), "router")


async def test_what_is_leased_to_a_call_that_was_broken_off_meanwhile_comes_back() -> None:
    shelf = Leasing()
    call = asyncio.create_task(leasing(shelf)[0].lease(ASK, 0.0))
    await shelf.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not shelf.given_back.is_set()
    shelf.written.set()
    await asyncio.wait_for(shelf.given_back.wait(), PATIENCE)


async def test_what_is_leased_comes_back_when_it_cannot_be_told() -> None:
    shelf = Leasing()
    shelf.written.set()
    shelf.fails = DatabaseUnavailable("away")
    with pytest.raises(DatabaseUnavailable):
        await leasing(shelf)[0].lease(ASK, 0.0)
    await asyncio.wait_for(shelf.given_back.wait(), PATIENCE)


async def test_what_is_leased_while_the_server_stops_is_given() -> None:
    shelf = Leasing(item=False)
    shelf.written.set()
    deciding, waiters = leasing(shelf)
    call = asyncio.create_task(deciding.lease(ASK, PATIENCE))
    await shelf.asked.wait()
    shelf.asked.clear()
    shelf.written.clear()
    waiters.start()
    try:
        await shelf.asked.wait()
        waiters.close()
        shelf.offered = [shelf.item]
        shelf.written.set()
        [offer] = await call
        assert offer.item is shelf.item
    finally:
        await waiters.stop()


@pytest.mark.parametrize(("used", "limited", "reasons", "looks"), [
    (2, True, [], 1),
    (3, True, ["few texts"], 1),
    (3, False, [], 0),
])  # fmt: skip
async def test_an_option_names_the_policy_whose_limit_is_reached(
    used: int, limited: bool, reasons: list[str], looks: int
) -> None:
    shelf = Counter(used)
    limit = Limit(3, micros(60), Each.RECIPIENT) if limited else None
    rules = CurrentRules(RuleBook(policies=[Policy("few texts", None, frozenset({SMS}), limit=limit)]))
    waiters = Waiters(shelf, lambda: NOON)  # type: ignore[arg-type]  # nobody waits
    deciding = Deciding(shelf, waiters, {EMAIL: True, SMS: True}, {}, lambda: NOON, rules)  # type: ignore[arg-type]
    [offer] = await deciding.lease(UndecidedLease(UndecidedFilter(), 10, micros(60), "router"), 0.0)
    denied = {option.channel: list(option.denied_by) for option in offer.options}
    assert denied == {WEBSOCKET: [], EMAIL: [], SMS: reasons, TELEGRAM: ["NOT_CONFIGURED"]}
    assert shelf.looks == looks


async def test_of_ten_thousand_adversarial_decisions_none_has_a_forbidden_channel_or_a_foreign_address() -> None:
    dicer, shelf, by = dice(14), Shelf(), Authority("router", anywhere=False, explains_all=False)
    rules = CurrentRules()
    waiters = Waiters(shelf, lambda: NOON)  # type: ignore[arg-type]  # nobody waits
    configured = {EMAIL: True, SMS: True}
    deciding = Deciding(shelf, waiters, configured, dict.fromkeys(ChannelType, "X"), lambda: NOON, rules)  # type: ignore[arg-type]
    refused = 0
    for number in range(DECISIONS):
        denied = frozenset(dicer.sample(list(ChannelType), dicer.randint(0, 4)))
        rules.book = RuleBook(policies=[Policy("never", None, denied, denied)])
        named = [
            ChannelDraft(channel, dicer.choice([None, KNOWN.get(channel), FOREIGN.get(channel)]))
            for channel in dicer.sample(list(ChannelType), dicer.randint(1, 4))
        ]
        before = len(shelf.carried_out)
        wish = Wish("id", named, PARALLEL, None, False, "", "", "", str(number))
        try:
            await deciding.decide(wish, by)
        except PreconditionFailed:
            refused += 1
            assert len(shelf.carried_out) == before
            continue
        chosen = shelf.carried_out[-1].decision.channels
        assert chosen
        for draft in chosen:
            assert draft.channel not in denied
            assert draft.channel in {WEBSOCKET, *configured}
            assert draft.address == KNOWN.get(draft.channel)
    assert DECISIONS // 10 < refused < DECISIONS
