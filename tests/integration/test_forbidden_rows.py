"""No decision makes a forbidden row: thousands of them, made to get by policies, on the real store.

What is forbidden is said here a second time, in plain Python that knows nothing of how the server decides.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from helpers.drafts import EMAIL, SMS, TELEGRAM, WEBSOCKET, dice
from helpers.store import BACKENDS, StoreBench
from tocsin_server.channels.registry import REQUIRED_SETTING
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import (
    ChannelDraft,
    ChannelType,
    Contact,
    Goal,
    Micros,
    Notification,
    Recipient,
    RecipientType,
    Strategy,
    StrategyKind,
    Submission,
)
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.deciding import Authority, Deciding, Wish
from tocsin_server.intake.waiting import Waiters
from tocsin_server.routing.book import CurrentRules
from tocsin_server.routing.reading import read_text

DECISIONS = 10_000
AT_ONCE = 100
DAY = micros(86_400)
MINUTE = micros(60)
LONDON = ZoneInfo("Europe/London")

RULES = """
[[rules]]
name = "login codes"
when = 'category == "auth.code"'
channels = ["sms", "telegram"]

[[rules]]
name = "marketing everywhere"
when = 'category.startsWith("marketing.") && metadata.loud'
channels = ["sms", "email", "telegram", "websocket"]

[[rules]]
name = "texts first"
when = '"sms" in addresses'
channels = ["sms", "websocket"]

[[policies]]
name = "guests get no marketing by SMS"
when = 'category.startsWith("marketing.") && recipient.type == "guest"'
deny = ["sms"]

[[policies]]
name = "codes go by no chat"
when = 'category.startsWith("auth.")'
deny = ["telegram"]

[[policies]]
name = "what is blocked goes by no letter"
when = 'metadata.blocked'
deny = ["email"]

[[policies]]
name = "partners have no feed"
when = 'recipient.type == "partner"'
deny = ["websocket"]

[[policies]]
name = "numbers of these countries only"
channels = ["sms"]
countries = ["GB", "IE", "DE"]

[[policies]]
name = "texts in the daytime"
when = '!category.startsWith("auth.")'
channels = ["sms", "telegram"]
hours = { from = "08:00", to = "21:00", time_zone = "Europe/London" }

[[policies]]
name = "three SMS a day for each recipient"
channels = ["sms"]
limit = { count = 3, per = "1d" }

[[policies]]
name = "chats in all"
channels = ["telegram"]
limit = { count = 40, per = "1d", each = "all" }

[[policies]]
name = "a caller's marketing"
when = 'category.startsWith("marketing.")'
limit = { count = 60, per = "1d", each = "caller" }
"""

CATEGORIES = ("", "auth.code", "auth", "authority.news", "marketing.sale", "marketing", "marketing.auth.code", "order")
NUMBERS = {
    "+447400123456": True,
    "+353861234567": True,
    "+4915112345678": True,
    "+15550100": False,
    "+33612345678": False,
    "+436641234567": False,
}
"""Whether texts may go there."""

RECIPIENTS = [
    Recipient(kind, f"01a20434-dac1-761b-a8d4-00000000{number:04d}" if number else None)
    for number in range(40)
    for kind in (RecipientType.USER, RecipientType.GUEST, RecipientType.PARTNER)
]


@dataclass
class Contacts:
    """What is known of some recipients."""

    known: dict[Recipient, Contact] = field(default_factory=dict)

    async def contact(self, recipient: Recipient) -> Contact | None:
        return self.known.get(recipient)

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        return {recipient: self.known[recipient] for recipient in recipients if recipient in self.known}


def addresses(choices: random.Random) -> dict[ChannelType, str]:
    """Return some addresses of somebody."""
    possible = {EMAIL: "ann@example.org", TELEGRAM: "@ann_example", SMS: choices.choice(list(NUMBERS))}
    return {channel: address for channel, address in possible.items() if choices.random() < 0.7}


def submission(choices: random.Random, now: Micros, number: int) -> Submission:
    """Return something to send, whatever policies think of it."""
    given = addresses(choices)
    named = choices.sample(list(ChannelType), choices.choice([0, 0, 1, 1, 2, 3, 4]))
    send_at = now + choices.randrange(-DAY, 2 * DAY) if choices.random() < 0.3 else None
    expires_at = max(now, send_at or 0) + choices.randrange(MINUTE, DAY) if choices.random() < 0.3 else None
    fallback = named and choices.random() < 0.3
    deferred = not named and choices.random() < 0.5 and (expires_at is None or expires_at > now + MINUTE)
    return Submission(
        recipient=choices.choice(RECIPIENTS),
        title="Hello",
        message="Text",
        metadata=choices.choice(
            [None, {}, {"blocked": True}, {"blocked": False}, {"blocked": "no"}, {"loud": True, "blocked": False}]
        ),
        metadata_json=None,
        named=[
            ChannelDraft(
                channel,
                choices.choice([*NUMBERS, None]) if channel == SMS else None,
                escalate_after=MINUTE if fallback else None,
            )
            for channel in named
        ],
        addresses=given,
        send_at=send_at,
        expires_at=expires_at,
        caller=choices.choice(["shop", "billing"]),
        idempotency_key=str(choices.randrange(DECISIONS)) if choices.random() < 0.3 else "",
        digest=str(number % 3),
        category=choices.choice(CATEGORIES),
        strategy=Strategy(StrategyKind.FALLBACK, MINUTE, choices.choice(list(Goal))) if fallback else Strategy(),
        route_by=now + MINUTE if deferred else None,
    )


def wish(choices: random.Random, notification_id: str) -> Wish:
    """Return what a decider asks for, by whatever address."""
    named = choices.sample(list(ChannelType), choices.choice([1, 2, 3, 4]))
    chosen = [ChannelDraft(one, choices.choice([*NUMBERS, None]) if one == SMS else None) for one in named]
    return Wish(notification_id, chosen, Strategy(), None, False, "", "I know better", "an agent", str(named))


def in_daytime(at: Micros) -> bool:
    """Whether texts may go out at a time."""
    return 8 <= datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(LONDON).hour < 21


@dataclass
class Checker:
    """Says what is wrong with what was stored, row by row."""

    used: Counter[tuple[str, ...]] = field(default_factory=Counter)
    forbidden: list[str] = field(default_factory=list)
    rows: int = 0

    def check(self, stored: Notification, due: Mapping[str, Micros | None], now: Micros) -> None:
        """Check all rows of a notification that was decided at ``now``."""
        for row in stored.channels:
            self.rows += 1
            self._denials(stored, row.channel, row.address or "")
            due_at = due[row.id]
            goes_out = max(now, due_at or now)
            if stored.expires_at is not None and goes_out >= stored.expires_at:
                continue  # it waits for its end, and is never sent
            self._hours(stored, row.channel, goes_out)
            self._limits(stored, row.channel, row.address or "", now)

    def _denials(self, stored: Notification, channel: ChannelType, address: str) -> None:
        kind, category, metadata = stored.recipient.type, stored.category, stored.metadata or {}
        if channel == SMS and category[:10] == "marketing." and kind == RecipientType.GUEST:
            self._add(stored, "a guest's marketing")
        if channel == TELEGRAM and category[:5] == "auth.":
            self._add(stored, "a code in a chat")
        if channel == EMAIL and metadata.get("blocked", True) is not False:
            self._add(stored, "a letter that is blocked, or might be")
        if channel == WEBSOCKET and kind == RecipientType.PARTNER:
            self._add(stored, "a partner's feed")
        if channel == SMS and not NUMBERS[address]:
            self._add(stored, "another country")

    def _hours(self, stored: Notification, channel: ChannelType, goes_out: Micros) -> None:
        if channel in (SMS, TELEGRAM) and stored.category[:5] != "auth." and not in_daytime(goes_out):
            self._add(stored, f"a text at night, {datetime.fromtimestamp(goes_out / 1_000_000, UTC)}")

    def _limits(self, stored: Notification, channel: ChannelType, address: str, now: Micros) -> None:
        day = str(now // DAY)
        if channel == SMS:
            whose = stored.recipient.id or address
            self._count(stored, 3, "sms", stored.recipient.type, whose, day)
        if channel == TELEGRAM:
            self._count(stored, 40, "telegram", day)
        if stored.category[:10] == "marketing.":
            self._count(stored, 60, "marketing", stored.owner, day)

    def _count(self, stored: Notification, most: int, *key: str) -> None:
        self.used[key] += 1
        if self.used[key] > most:
            self._add(stored, f"more than {most} of {key}")

    def _add(self, stored: Notification, what: str) -> None:
        self.forbidden.append(f"{what}: {stored}")


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreBench]:
    with StoreBench(BACKENDS[request.param](tmp_path)) as bench:
        yield bench


def test_10_000_decisions_of_callers_rules_and_deciders_make_no_forbidden_row(bench: StoreBench) -> None:
    choices, checker, outcomes = dice(20_261_127), Checker(), Counter[str]()
    contacts = Contacts({one: Contact(one, None, addresses(choices)) for one in RECIPIENTS[3:60]})
    frozen, stored = bench.clock(), list[tuple[Notification, Micros]]()
    configured = dict.fromkeys([EMAIL, SMS, TELEGRAM], True)
    rules = CurrentRules(read_text(RULES))
    intake = Intake(bench.store, configured, REQUIRED_SETTING, lambda: frozen, rules, contacts)
    waiters = Waiters(bench.store, lambda: frozen)
    deciding = Deciding(bench.store, waiters, configured, REQUIRED_SETTING, lambda: frozen, rules)
    agent = Authority("agent", anywhere=True, explains_all=False)
    for first in range(0, DECISIONS, AT_ONCE):
        bench.clock.advance(choices.choice([0.0, 600.0, 3_600.0, 20_000.0]))
        frozen = bench.clock()
        wanted = [submission(choices, frozen, first + number) for number in range(AT_ONCE)]
        answers = bench.run(intake.accept_all(wanted))
        for answer in answers:
            if isinstance(answer, TocsinError):
                outcomes[answer.reason] += 1
            elif answer.duplicate:
                outcomes["duplicate"] += 1
            else:
                outcomes["accepted"] += 1
                stored.append((answer.notification, frozen))
                if answer.notification.route_by is not None:
                    try:
                        routed = bench.run(deciding.decide(wish(choices, answer.notification.id), agent))
                    except TocsinError as error:
                        outcomes[f"Route {error.reason}"] += 1
                    else:
                        outcomes["routed"] += 1
                        stored.append((routed, frozen))
    due = dict(bench.backend.database.rows("SELECT id, due_at FROM notification_channels"))
    for notification, decided_at in stored:
        checker.check(notification, due, decided_at)
    assert checker.forbidden == []
    assert checker.rows == bench.backend.database.counts()["notification_channels"]
    # Each way to be refused was met, and enough was let through.
    assert {"POLICY_DENIED", "POLICY_LIMIT", "NO_ROUTE", "duplicate", "routed"} <= set(outcomes)
    assert {"Route POLICY_DENIED", "Route POLICY_LIMIT"} <= set(outcomes)
    assert outcomes["accepted"] > DECISIONS / 10
