"""What no decider can do, whatever it asks for: use a channel that is denied, or an address that is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest

from helpers.drafts import ADDRESSES, EMAIL, NOON, SMS, TELEGRAM, WEBSOCKET, dice, notification
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import PreconditionFailed
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
from tocsin_server.domain.undecided import RecipientActivity, Ruling, UndecidedFilter, UndecidedItem, UndecidedLease
from tocsin_server.intake.deciding import Authority, Deciding, Wish
from tocsin_server.intake.waiting import Waiters
from tocsin_server.routing.book import CurrentRules, RuleBook
from tocsin_server.routing.policies import Each, Limit, Policy

DECISIONS = 10_000
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

    async def rule(self, ruling: Ruling) -> Notification:
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
