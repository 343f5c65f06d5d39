"""What policies of the moment say of a row that is about to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from helpers.drafts import EMAIL, GUEST, NOON, SMS, claim, user
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ClaimedChannel, Contact, Denial, Micros, Recipient
from tocsin_server.intake.sending import PoliciesOfTheMoment
from tocsin_server.routing.book import CurrentRules, RuleBook
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.policies import Each, Limit, Policy

HOUR = micros(3_600)
ANN = user()


class Category(NamedTuple):
    """The condition that the category is the one given."""

    category: str
    needs_contact: bool = False

    def holds(self, facts: Facts) -> bool:
        return facts.category == self.category


class German(NamedTuple):
    """The condition that the contact reads German."""

    needs_contact: bool = True

    def holds(self, facts: Facts) -> bool:
        return facts.contact is not None and facts.contact.locale == "de"


class OpenAt(NamedTuple):
    """Hours that begin at a time and never end."""

    begin: Micros
    needs_contact: bool = False

    def opens(self, _: Facts, at: Micros) -> Micros:
        return max(at, self.begin)


class Contacts:
    """Contacts that note who was asked for."""

    def __init__(self) -> None:
        self.asked: list[Recipient] = []

    async def contact(self, recipient: Recipient) -> Contact | None:
        self.asked.append(recipient)
        return Contact(recipient, None, {}, locale="de")

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        raise AssertionError(recipients)


def text(**changes: object) -> ClaimedChannel:
    return claim(**{"channel": SMS, "address": "+15550100", "category": "marketing", "recipient": ANN, **changes})


def denying(when: object = None) -> Policy:
    return Policy("no texts", when, frozenset(), denied=frozenset([SMS]))  # type: ignore[arg-type]


def policies(*several: Policy) -> PoliciesOfTheMoment:
    return PoliciesOfTheMoment(CurrentRules(RuleBook((), several)), Contacts())


async def test_those_in_force_are_asked_each_time() -> None:
    rules = CurrentRules()
    asked = PoliciesOfTheMoment(rules, Contacts())
    assert not asked.any
    assert await asked.ruling(text(), NOON) is None
    rules.book = RuleBook((), [denying()])
    assert asked.any
    assert await asked.ruling(text(), NOON) == Denial(SMS, "no texts", "denied")


async def test_a_condition_sees_what_the_row_is_about() -> None:
    asked = policies(denying(Category("marketing")))
    assert isinstance(await asked.ruling(text(), NOON), Denial)
    assert await asked.ruling(text(category="auth"), NOON) is None
    assert await asked.ruling(text(channel=EMAIL), NOON) is None


@pytest.mark.parametrize(("recipient", "denied"), [(ANN, True), (GUEST, False)])
async def test_the_contact_is_read_where_a_policy_about_the_channel_looks_at_it(
    recipient: Recipient, denied: bool
) -> None:
    contacts = Contacts()
    asked = PoliciesOfTheMoment(CurrentRules(RuleBook((), [denying(German())])), contacts)
    assert isinstance(await asked.ruling(text(recipient=recipient), NOON), Denial) == denied
    assert await asked.ruling(text(channel=EMAIL), NOON) is None
    assert contacts.asked == ([ANN] if denied else [])


async def test_outside_hours_it_says_when_they_begin() -> None:
    asked = policies(Policy("hours", None, frozenset([SMS]), hours=OpenAt(NOON)))
    assert await asked.ruling(text(), NOON - HOUR) == NOON
    assert await asked.ruling(text(send_at=NOON + HOUR), NOON) is None  # it is due, whatever another clock says
    assert await asked.ruling(text(), NOON + HOUR) is None


async def test_limits_are_not_looked_at_again() -> None:
    asked = policies(Policy("none", None, frozenset([SMS]), limit=Limit(0, HOUR, Each.ALL)))
    assert await asked.ruling(text(), NOON) is None
