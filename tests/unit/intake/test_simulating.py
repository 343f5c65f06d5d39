"""Trying rules: in bounds of rows and time, with contacts read in bulk, and others having their turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence

import pytest

from helpers.drafts import EMAIL, NOON, SMS, WEBSOCKET, notification, user
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import InvalidArgument, NoRoute, PolicyLimit
from tocsin_server.domain.limiting import CountKey, count_key
from tocsin_server.domain.model import (
    Channel,
    ChannelDraft,
    ChannelType,
    Contact,
    Denial,
    FeedState,
    LimitUse,
    ListPart,
    Notification,
    NotificationFilter,
    Page,
    Recipient,
    Status,
    Submission,
)
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.simulating import PAGE, Simulations, facts_of_stored
from tocsin_server.routing.book import CurrentRules, Rule, RuleBook
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.policies import Each, Limit, Policy

TEXTS = '[[rules]]\nname = "texts"\nwhen = \'"sms" in addresses\'\nchannels = ["sms"]\n'


def stored(channel: ChannelType, **changes: object) -> Notification:
    """Return a notification that went by one channel."""
    row = Channel("c", "n", channel, Status.SENT, 1, None, NOON, None if channel == WEBSOCKET else "an address", None)
    return notification(recipient=user(), channels=[row], **changes)


class Archive:
    """A store of notifications, newest first, that remembers how it was read."""

    def __init__(self, *kept: Notification) -> None:
        self.kept = list(kept)
        self.pages: list[int] = []
        self.asked: list[int] = []
        self.counted = 0
        self.used = 0

    async def get(self, notification_id: str) -> Notification:
        raise NotImplementedError

    async def feed_state(self, recipient: Recipient) -> FeedState:
        raise NotImplementedError

    async def accept(self, drafts: Sequence[object]) -> Sequence[object]:
        raise AssertionError("nothing is to be written")

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPart:
        self.pages.append(page_size)
        begin = int(before or 0)
        part = self.kept[begin : begin + page_size]
        end = begin + len(part)
        return ListPart(Page(part, [str(begin + place + 1) for place in range(len(part))], end < len(self.kept)), None)

    async def contact(self, recipient: Recipient) -> Contact | None:
        return None

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        self.asked.append(len(recipients))
        return {recipient: Contact(recipient, None, {SMS: "+15550100"}) for recipient in recipients}

    async def limits_used(self, uses: Sequence[LimitUse]) -> Mapping[CountKey, int]:
        self.counted += len(uses)
        return {count_key(use): self.used for use in uses}


def simulations(archive: Archive, seconds: float = 60.0, book: RuleBook | None = None) -> Simulations:
    rules = CurrentRules(book)
    configured = {EMAIL: True, SMS: True}
    intake = Intake(archive, configured, {}, lambda: NOON, rules, archive)  # type: ignore[arg-type]
    return Simulations(archive, intake, rules, configured, lambda: NOON, seconds)


async def test_contacts_are_read_once_for_each_page() -> None:
    archive = Archive(*[stored(WEBSOCKET) for _ in range(PAGE + 5)])
    found = await simulations(archive).backtest(TEXTS, NotificationFilter(), 1_000)
    assert (found.examined, found.agreed, found.truncated) == (PAGE + 5, 0, False)
    assert (found.added, found.removed) == ({SMS: PAGE + 5}, {WEBSOCKET: PAGE + 5})
    assert len(found.examples) == 50
    assert archive.asked == [PAGE, 5]


async def test_time_ends_it() -> None:
    found = await simulations(Archive(stored(EMAIL)), seconds=-1.0).backtest("", NotificationFilter(), 10)
    assert (found.examined, found.truncated) == (0, True)


async def test_what_nobody_has_decided_yet_is_left_out() -> None:
    archive = Archive(stored(EMAIL, route_by=NOON), stored(SMS))
    found = await simulations(archive).backtest(TEXTS, NotificationFilter(), 10)
    assert (found.examined, found.agreed) == (1, 1)


class Dear:
    """A condition that is judged until it is told to end, and then is false."""

    needs_contact = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.end = threading.Event()
        self.judged = 0

    def holds(self, _facts: Facts) -> bool:
        self.judged += 1
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self.end.wait(60)
        return False


def wanted(*named: ChannelType) -> Submission:
    drafts = [ChannelDraft(channel, None) for channel in named]
    addresses = {EMAIL: "ann@example.org", SMS: "+15550100"}
    return Submission(user(), "Title", "", None, None, drafts, addresses, None, None, "shop", "", "")


@pytest.mark.parametrize("backtest", [False, True])
async def test_others_are_answered_while_dear_conditions_are_judged(backtest: bool) -> None:
    dear = Dear()
    archive = Archive(stored(EMAIL))
    book = RuleBook([Rule("dear", dear, (EMAIL,))])
    trying = simulations(archive, book=book)
    call = asyncio.ensure_future(
        trying.backtest("", NotificationFilter(), 10) if backtest else trying.simulate(wanted(), "")
    )
    await dear.begun.wait()
    await archive.contacts([user()])
    assert not call.done()
    dear.end.set()
    await call


async def test_a_call_that_is_broken_off_judges_no_further_condition() -> None:
    dear = Dear()
    trying = simulations(Archive(), book=RuleBook([Rule(str(number), dear, (EMAIL,)) for number in range(9)]))
    call = asyncio.ensure_future(trying.simulate(wanted(), ""))
    await dear.begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    dear.end.set()
    await trying.simulate(wanted(EMAIL), "")  # has its turn when the thread has ended
    assert dear.judged == 1


async def test_rules_for_which_the_time_is_too_short_are_refused() -> None:
    trying = simulations(Archive(), seconds=0.0, book=RuleBook([Rule("any", Dear(), (EMAIL,))]))
    with pytest.raises(InvalidArgument, match="within 0 s"):
        await trying.simulate(wanted(), "")


FEW = RuleBook(
    [Rule("texts", None, (SMS, EMAIL))],
    [Policy("few texts", None, frozenset({SMS}), limit=Limit(3, micros(86_400), Each.RECIPIENT))],
)


async def test_limits_are_looked_at_as_they_stand() -> None:
    archive = Archive()
    archive.used = 3
    found = await simulations(archive, book=FEW).simulate(wanted(), "")
    assert found.refusal is None
    assert [draft.channel for draft in found.decision.channels] == [EMAIL]
    assert found.decision.denied == [Denial(SMS, "few texts", "limit 3 per 1d reached")]
    assert archive.counted == 1
    archive.used = 2
    found = await simulations(archive, book=FEW).simulate(wanted(), "")
    assert [draft.channel for draft in found.decision.channels] == [SMS, EMAIL]


async def test_what_a_caller_named_is_refused_whole_at_a_limit() -> None:
    archive = Archive()
    archive.used = 3
    found = await simulations(archive, book=FEW).simulate(wanted(EMAIL, SMS), "")
    assert isinstance(found.refusal, PolicyLimit)
    assert not found.decision.channels
    assert found.decision.denied == [Denial(SMS, "few texts", "limit 3 per 1d reached")]


async def test_rules_of_which_limits_leave_nothing_find_no_route() -> None:
    archive = Archive()
    archive.used = 3
    book = RuleBook([Rule("texts", None, (SMS,))], FEW.policies)
    found = await simulations(archive, book=book).simulate(wanted(), "")
    assert isinstance(found.refusal, NoRoute)
    assert (found.decision.reason, found.decision.channels) == ("NO_ROUTE", [])


async def test_without_limits_no_count_is_read() -> None:
    archive = Archive()
    await simulations(archive, book=FEW).simulate(wanted(EMAIL), "")
    assert archive.counted == 0


async def test_rules_that_are_wrong_are_refused_with_every_mistake() -> None:
    with pytest.raises(InvalidArgument) as refused:
        await simulations(Archive()).book('[[rules]]\nname = "a"\nchanels = []\n')
    assert len(refused.value.violations) == 2


def test_what_is_known_of_a_stored_one_is_what_was_known_then() -> None:
    item = stored(EMAIL, created_at=NOON, owner="shop", category="order.paid")
    facts = facts_of_stored(item, Contact(item.recipient, None, {EMAIL: "new@example.org", SMS: "+15550100"}))
    assert facts.addresses == {EMAIL: "an address", SMS: "+15550100"}
    assert (facts.now, facts.caller, facts.category) == (NOON, "shop", "order.paid")
