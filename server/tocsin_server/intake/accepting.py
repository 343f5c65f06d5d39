"""Taking in what is to be sent: each submission is routed, and stored with the channels that this gives it.

A Send that names channels and has their addresses costs nothing more than that where no policy is about them: no
contact is read, and no decision is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import InvalidArgument, TocsinError, Violation
from tocsin_server.domain.fallback import is_fallback
from tocsin_server.domain.limiting import no_route
from tocsin_server.domain.model import (
    PARALLEL,
    Accepted,
    ChannelType,
    Contact,
    DecidedBy,
    Decision,
    Micros,
    NotificationDraft,
    Recipient,
    Submission,
)
from tocsin_server.domain.ports import AcceptanceStore, ContactStore
from tocsin_server.routing.book import CurrentRules, RuleBook
from tocsin_server.routing.deciding import Decided, by_caller, by_rules
from tocsin_server.routing.facts import facts_of, known_addresses
from tocsin_server.routing.named import choose_channels
from tocsin_server.telemetry.observer import UNOBSERVED, Observer, PoliciesDenied

UNDECIDED = Decided((), PARALLEL, None)
"""What is refused or deferred goes out by nothing yet."""


class NoContacts:
    """A `ContactStore` where no contacts are kept."""

    async def contact(self, recipient: Recipient) -> Contact | None:  # noqa: ARG002 - as the protocol says
        """Return none."""
        return None

    async def contacts(self, recipients: Sequence[Recipient]) -> Mapping[Recipient, Contact]:  # noqa: ARG002
        """Return none."""
        return {}


class Intake:
    """Routes and stores.

    Args:
        store: Where to.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel that has none.
        clock: The present time.
        rules: Those in force, which may be replaced at any time.
        contacts: How recipients can be reached.
        observer: Is told which policies refuse something.
    """

    def __init__(
        self,
        store: AcceptanceStore,
        configured: Mapping[ChannelType, bool],
        required_settings: Mapping[ChannelType, str],
        clock: Clock,
        rules: CurrentRules | None = None,
        contacts: ContactStore | None = None,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._store = store
        self._observer = observer
        self._configured = configured
        self._required_settings = required_settings
        self.clock = clock
        self._rules = rules or CurrentRules()
        self._contacts = contacts or NoContacts()

    async def accept(self, submission: Submission) -> Accepted:
        """Route and store one; raises the `TocsinError` for which it is refused."""
        book = self._rules.book
        contact = None
        if needs_contact(submission, book):
            contact = await self._contacts.contact(submission.recipient)
        [accepted] = await self._store.accept([self.route(submission, self.clock(), book, contact)])
        if isinstance(accepted, TocsinError):
            tell_denials(self._observer, accepted)
            raise accepted
        return accepted

    async def accept_all(self, submissions: Sequence[Submission | TocsinError]) -> list[Accepted | TocsinError]:
        """Route and store several at once; one result for each, in order. What is refused already keeps its error."""
        book = self._rules.book
        contacts = await self._contacts_for(submissions, book)
        now = self.clock()
        results: list[Accepted | TocsinError | None] = []
        drafts: list[NotificationDraft] = []
        for submission in submissions:
            if isinstance(submission, TocsinError):
                results.append(submission)
                continue
            drafts.append(self.route(submission, now, book, contacts.get(submission.recipient)))
            results.append(None)
        accepted = await self._store.accept(drafts) if drafts else ()
        for one in accepted:
            if isinstance(one, TocsinError):
                tell_denials(self._observer, one)
        left = iter(accepted)
        return [next(left) if known is None else known for known in results]

    async def _contacts_for(
        self, submissions: Sequence[Submission | TocsinError], book: RuleBook
    ) -> Mapping[Recipient, Contact]:
        wanted = {
            submission.recipient
            for submission in submissions
            if not isinstance(submission, TocsinError) and needs_contact(submission, book)
        }
        return await self._contacts.contacts(sorted(wanted)) if wanted else {}

    def route(
        self, submission: Submission, now: Micros, book: RuleBook, contact: Contact | None = None
    ) -> NotificationDraft:
        """Choose the channels of a submission.

        What cannot be done as things stand becomes the draft's refusal and is left to the store, since an earlier
        acceptance of the same key goes before it.
        """
        decided = UNDECIDED
        refusal: TocsinError | None = None
        try:
            decided = self._decide(submission, now, book, contact)
        except TocsinError as problem:
            refusal = problem
        return NotificationDraft(
            submission.recipient,
            submission.title,
            submission.message,
            submission.metadata,
            decided.channels,
            submission.send_at,
            submission.expires_at,
            submission.caller,
            submission.idempotency_key,
            submission.digest,
            submission.metadata_json,
            refusal,
            submission.category,
            decided.strategy,
            submission.route_by,
            submission.addresses,
            decided.decision,
            decided.limits,
            submission.traceparent,
        )

    def _decide(self, submission: Submission, now: Micros, book: RuleBook, contact: Contact | None) -> Decided:
        """Let the caller decide, or the rules; raises why it cannot be done as things stand."""
        if submission.expires_at is not None and submission.expires_at <= now:
            raise InvalidArgument([Violation("expires_at", "must lie in the future")])
        if submission.route_by is not None:
            if submission.route_by <= now:
                raise InvalidArgument([Violation("routing.route_by", "must lie in the future")])
            return UNDECIDED
        if submission.named:
            decided = self._named(submission, now, book, contact)
        else:
            decided = by_rules(book, facts_of(submission, contact, now), self._configured)
            if not decided.channels:
                assert decided.decision is not None  # noqa: S101 - rules always say what they decided
                raise no_route(submission.recipient, decided.decision)
        return decided

    def _named(self, submission: Submission, now: Micros, book: RuleBook, contact: Contact | None) -> Decided:
        """Give the channels that the caller named their addresses, and see what policies say."""
        channels = choose_channels(
            submission.recipient,
            submission.named,
            known_addresses(submission.addresses, contact),
            self._configured,
            self._required_settings,
        )
        decided = Decided(channels, submission.strategy, None)
        if book.policies:
            decided = by_caller(book, facts_of(submission, contact, now), channels, submission.strategy)
        if decided.decision is None and is_fallback(decided.strategy):
            # The notification does not show the steps that have not begun.
            return decided._replace(decision=Decision(DecidedBy.CALLER, submission.caller, decided.channels))
        return decided


def needs_contact(submission: Submission, book: RuleBook) -> bool:
    """Whether a submission cannot be routed without looking up how the recipient can be reached."""
    if not submission.recipient.registered or submission.route_by is not None:
        return False
    if not submission.named:
        return True
    for draft in submission.named:
        if (
            draft.address is None
            and draft.channel != ChannelType.WEBSOCKET
            and draft.channel not in submission.addresses
        ):
            return True
    return bool(book.policies) and book.policies_need_contact([draft.channel for draft in submission.named])


def tell_denials(observer: Observer, error: TocsinError) -> None:
    """Report which policies are the cause of a refusal."""
    if error.policies:
        observer.report(PoliciesDenied(Counter(error.policies)))
