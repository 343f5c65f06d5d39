"""Taking in: what was asked for stays as it is, what was chosen is another value, and refusals keep their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from helpers.decisions import Says, policy
from helpers.drafts import EMAIL, GUEST, NOON, SMS, WEBSOCKET, notification, user
from tocsin_server.domain.errors import (
    AddressUnknown,
    InvalidArgument,
    NoRoute,
    NotImplementedYet,
    PolicyDenied,
    TocsinError,
    Violation,
)
from tocsin_server.domain.model import (
    Accepted,
    ChannelDraft,
    Contact,
    DecidedBy,
    Decision,
    NotificationDraft,
    Recipient,
    Strategy,
    StrategyKind,
    Submission,
)
from tocsin_server.intake.accepting import Intake
from tocsin_server.routing.book import CurrentRules, Rule, RuleBook


class Shelf:
    """A store that accepts what has no refusal, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[NotificationDraft] = []

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        self.given += drafts
        return [draft.refusal or Accepted(notification(title=draft.title), duplicate=False) for draft in drafts]


def submission(*named: ChannelDraft, **changes: Any) -> Submission:
    """Return a good one, with other fields."""
    fields: dict[str, Any] = {
        "recipient": user(), "title": "Hello", "message": "Hello.", "metadata": {"n": 1}, "metadata_json": '{"n":1}',
        "named": named, "addresses": {}, "send_at": None, "expires_at": None, "caller": "shop",
        "idempotency_key": "k", "digest": "1:x",
    }  # fmt: skip
    return Submission(**(fields | changes))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def intake(shelf: Shelf) -> Intake:
    return Intake(shelf, {EMAIL: True}, {EMAIL: "TOCSIN_SMTP_URL", SMS: "TOCSIN_TWILIO_ACCOUNT_SID"}, lambda: NOON)


async def test_what_was_named_is_kept_and_what_was_chosen_is_stored(intake: Intake, shelf: Shelf) -> None:
    wanted = submission(ChannelDraft(EMAIL, None), ChannelDraft(WEBSOCKET, None), addresses={EMAIL: "ann@example.org"})
    before = wanted._asdict()
    await intake.accept(wanted)
    [draft] = shelf.given
    assert draft.channels == [ChannelDraft(EMAIL, "ann@example.org"), ChannelDraft(WEBSOCKET, None)]
    assert wanted._asdict() == before
    carried = set(NotificationDraft._fields) - {"channels", "refusal", "decision", "limits"}
    assert all(getattr(draft, name) == getattr(wanted, name) for name in carried)
    assert draft.refusal is None


@pytest.mark.parametrize("value", [submission(), ChannelDraft(EMAIL, None)])
def test_neither_can_be_changed(value: Any) -> None:
    for name in value._fields:
        with pytest.raises(AttributeError):
            setattr(value, name, None)


async def test_what_cannot_be_done_now_is_left_to_the_store_which_may_know_the_key(
    intake: Intake, shelf: Shelf
) -> None:
    for wanted, refusal in (
        (submission(ChannelDraft(EMAIL, None)), AddressUnknown),
        (submission(ChannelDraft(WEBSOCKET, None), expires_at=NOON), InvalidArgument),
    ):
        with pytest.raises(refusal):
            await intake.accept(wanted)
        assert isinstance(shelf.given[-1].refusal, refusal)


async def test_a_fallback_is_stored_with_a_decision_that_tells_all_its_steps(intake: Intake, shelf: Shelf) -> None:
    steps = [ChannelDraft(WEBSOCKET, None, 30), ChannelDraft(EMAIL, "ann@example.org")]
    fallback = Strategy(StrategyKind.FALLBACK)
    await intake.accept(submission(*steps, strategy=fallback, caller="shop"))
    await intake.accept(submission(*steps, caller="shop"))
    decisions = [draft.decision for draft in shelf.given]
    assert decisions == [Decision(DecidedBy.CALLER, "shop", steps), None]
    assert shelf.given[0].strategy == fallback
    # One step that is impossible is enough to refuse it as a whole.
    with pytest.raises(AddressUnknown):
        await intake.accept(submission(steps[0], ChannelDraft(EMAIL, None), strategy=fallback))


async def test_several_keep_their_places_whatever_becomes_of_each(intake: Intake, shelf: Shelf) -> None:
    refused = NotImplementedYet("routing.deferred", "Send")
    malformed = InvalidArgument([Violation("title", "must be given")])
    results = await intake.accept_all(
        [
            submission(ChannelDraft(WEBSOCKET, None), title="first"),
            malformed,
            refused,
            submission(ChannelDraft(EMAIL, None)),
            submission(ChannelDraft(WEBSOCKET, None), title="last"),
        ]
    )
    first, second, third, fourth, last = results
    assert isinstance(first, Accepted)
    assert first.notification.title == "first"
    assert second is malformed
    assert third is refused
    assert isinstance(fourth, AddressUnknown)
    assert isinstance(last, Accepted)
    assert last.notification.title == "last"
    assert len(shelf.given) == 3


async def test_nothing_is_stored_when_all_are_refused(intake: Intake, shelf: Shelf) -> None:
    malformed = InvalidArgument([Violation("title", "must be given")])
    assert await intake.accept_all([malformed, malformed]) == [malformed, malformed]
    assert shelf.given == []


class Contacts:
    """Everybody's e-mail address; remembers whom it was asked about."""

    def __init__(self) -> None:
        self.asked: list[Recipient] = []

    async def contact(self, recipient: Recipient) -> Contact | None:
        return (await self.contacts([recipient]))[recipient]

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:
        self.asked += recipients
        return {recipient: Contact(recipient, None, {EMAIL: "known@example.org"}) for recipient in recipients}


def _with(shelf: Shelf, book: RuleBook) -> tuple[Intake, Contacts]:
    contacts = Contacts()
    settings = {EMAIL: "TOCSIN_SMTP_URL", SMS: "TOCSIN_TWILIO_ACCOUNT_SID"}
    return Intake(shelf, {EMAIL: True, SMS: True}, settings, lambda: NOON, CurrentRules(book), contacts), contacts


LOOKS = policy("looks", channels=frozenset({SMS}), when=Says(True, needs_contact=True))


@pytest.mark.parametrize(
    ("named", "changes", "book", "asked"),
    [
        ((ChannelDraft(EMAIL, "ann@example.org"), ChannelDraft(WEBSOCKET, None)), {}, RuleBook((), [LOOKS]), False),
        ((ChannelDraft(EMAIL, None),), {"addresses": {EMAIL: "ann@example.org"}}, RuleBook(), False),
        ((ChannelDraft(EMAIL, None),), {}, RuleBook(), True),
        ((ChannelDraft(SMS, "+15550100"),), {}, RuleBook((), [LOOKS]), True),
        ((ChannelDraft(SMS, "+15550100"),), {"recipient": GUEST}, RuleBook((), [LOOKS]), False),
        ((), {}, RuleBook(), True),
        ((), {"recipient": GUEST, "addresses": {EMAIL: "ann@example.org"}}, RuleBook(), False),
    ],
)
async def test_a_contact_is_read_only_where_it_can_matter(
    shelf: Shelf, named: tuple[ChannelDraft, ...], changes: dict[str, Any], book: RuleBook, asked: bool
) -> None:
    intake, contacts = _with(shelf, book)
    wanted = submission(*named, **changes)
    await intake.accept(wanted)
    await intake.accept_all([wanted, wanted])
    assert contacts.asked == ([wanted.recipient] * 2 if asked else [])
    assert shelf.given[0] == shelf.given[1] == shelf.given[2]


async def test_an_address_that_nobody_gave_comes_from_the_contact(shelf: Shelf) -> None:
    intake, _ = _with(shelf, RuleBook())
    await intake.accept(submission(ChannelDraft(EMAIL, None)))
    assert shelf.given[0].channels == [ChannelDraft(EMAIL, "known@example.org")]


async def test_with_nothing_named_rules_decide_and_their_decision_is_kept(shelf: Shelf) -> None:
    intake, _ = _with(shelf, RuleBook([Rule("mail", None, (EMAIL, SMS))]))
    await intake.accept(submission())
    [draft] = shelf.given
    assert draft.channels == [ChannelDraft(EMAIL, "known@example.org")]
    assert draft.decision is not None
    assert (draft.decision.by, draft.decision.name) == (DecidedBy.RULE, "mail")


async def test_a_policy_refuses_what_a_caller_named_and_narrows_what_rules_chose(shelf: Shelf) -> None:
    intake, _ = _with(shelf, RuleBook((), [policy("no mail", denied=frozenset({EMAIL}))]))
    with pytest.raises(PolicyDenied):
        await intake.accept(submission(ChannelDraft(EMAIL, None), ChannelDraft(WEBSOCKET, None)))
    assert not shelf.given[-1].channels
    await intake.accept(submission())
    assert shelf.given[-1].channels == [ChannelDraft(WEBSOCKET, None)]
    with pytest.raises(NoRoute, match="built-in"):
        await intake.accept(submission(recipient=GUEST, addresses={EMAIL: "ann@example.org"}))
