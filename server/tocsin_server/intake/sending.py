"""Looking at policies once more, just before a row is sent: those that are in force at that moment.

Limits are not: they were counted when the row was made. Of the addresses that conditions see, the row's own and the
contact's are known here; what else came with the notification is not kept once it is decided.
"""

from __future__ import annotations

from tocsin_server.domain.model import ClaimedChannel, Denial, Micros
from tocsin_server.domain.ports import ContactStore
from tocsin_server.routing.book import CurrentRules
from tocsin_server.routing.facts import Facts, known_addresses


class PoliciesOfTheMoment:
    """See `SendingPolicies`.

    Args:
        rules: Those in force, which may be replaced at any time.
        contacts: Asked where a policy looks at the recipient's contact.
    """

    def __init__(self, rules: CurrentRules, contacts: ContactStore) -> None:
        self._rules = rules
        self._contacts = contacts

    @property
    def any(self) -> bool:
        """Whether there is a policy at all."""
        return bool(self._rules.book.policies)

    async def ruling(self, claim: ClaimedChannel, now: Micros) -> Denial | Micros | None:
        """Return what denies a row, or the later time at which hours let it be sent; None if it may be sent now."""
        book, contact = self._rules.book, None
        if claim.recipient.registered and book.policies_need_contact((claim.channel,)):
            contact = await self._contacts.contact(claim.recipient)
        addresses = known_addresses({claim.channel: claim.address}, contact)
        facts = Facts(
            claim.recipient, claim.category, claim.title, claim.metadata, addresses, contact, now,
            expires_at=claim.expires_at,
        )  # fmt: skip
        denial = book.denied_now(facts, claim.channel, claim.address)
        if denial is not None:
            return denial
        opens_at = book.opens_at(facts, claim.channel)
        return opens_at if opens_at > now else None
