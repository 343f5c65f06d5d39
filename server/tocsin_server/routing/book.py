"""The rules and policies that are in force, and what they say about a notification. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tocsin_server.domain.errors import AddressUnknown, ChannelNotConfigured, RecipientNotRegistered
from tocsin_server.domain.model import PARALLEL, ChannelDraft, ChannelType, Denial, Micros, Strategy
from tocsin_server.routing.conditions import Condition, ConditionFailed
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.narrowing import Narrowed, narrow, opening_of
from tocsin_server.routing.policies import Policy

BUILT_IN: Final = "built-in"
"""Name of the last rule: the feed of registered recipients, and every channel with provider and address."""


class Rule(NamedTuple):
    """Channels for notifications of which ``when`` holds (None: all of them)."""

    name: str
    when: Condition | None
    channels: tuple[ChannelType, ...]
    strategy: Strategy = PARALLEL


class Trial(NamedTuple):
    """How a rule fared with a notification; ``why`` it did not match, empty if it did."""

    rule: str
    matched: bool
    why: str


class Choice(NamedTuple):
    """What the rules choose: by the rule of that name, channels with their addresses, possibly none.

    ``left_out`` are channels of the rule by which the recipient cannot be reached, and why. ``trials`` are the rules
    up to the one that matched, in order.
    """

    rule: str
    channels: list[ChannelDraft]
    strategy: Strategy
    left_out: list[Denial]
    trials: list[Trial]


class RuleBook:
    """Rules and policies. Never changes; others take its place as a whole, see `CurrentRules`.

    Args:
        rules: Tried in order; the built-in one comes after them.
        policies: All that apply bind.
    """

    def __init__(self, rules: Sequence[Rule] = (), policies: Sequence[Policy] = ()) -> None:
        self.rules: Final = tuple(rules)
        self.policies: Final = tuple(policies)
        self.failed: Callable[[str], None] = lambda _: None
        """Is told the name of a rule or policy whose condition cannot be judged for a notification."""
        # As many as there are ways to name four channels in some order.
        self._about: Final[dict[tuple[ChannelType, ...], list[Policy]]] = {}
        self._about_contacts: Final = frozenset(
            channel for policy in policies if policy.needs_contact for channel in policy.concerned
        )

    def unreachable(self) -> list[tuple[str, str]]:
        """Return the rules that no notification comes to, each with the one before that takes everything."""
        for number, rule in enumerate(self.rules):
            if rule.when is None:
                return [(hidden.name, rule.name) for hidden in self.rules[number + 1 :]]
        return []

    def policies_need_contact(self, channels: Iterable[ChannelType]) -> bool:
        """Whether what policies say about channels can depend on the recipient's contact."""
        return bool(self._about_contacts) and not self._about_contacts.isdisjoint(channels)

    def choose(self, facts: Facts, configured: Mapping[ChannelType, bool]) -> Choice:
        """Let the first rule that matches choose. Needs the contact, since channels take their addresses from it."""
        trials: list[Trial] = []
        for rule in self.rules:
            why = self._mismatch(rule, facts)
            trials.append(Trial(rule.name, why is None, why or ""))
            if why is None:
                return _chosen(rule, facts, configured, trials)
        trials.append(Trial(BUILT_IN, matched=True, why=""))
        possible = tuple(channel for channel in ChannelType if not hindrance(channel, facts, configured))
        return _chosen(Rule(BUILT_IN, None, possible), facts, configured, trials)

    def narrow(self, facts: Facts, channels: Sequence[ChannelDraft], *, keep_late: bool = False) -> Narrowed:
        """Take out what policies deny, and put off what has to wait.

        What can only be sent after it has expired is denied. With ``keep_late`` it stays, to be due when it expires
        and then to fail with ``EXPIRED``: a caller who named several channels gets the others.
        """
        policies = [policy for policy in self._concerned(channels) if self._binds(policy, facts)]
        return narrow(policies, facts, channels, keep_late=keep_late) if policies else Narrowed(channels)

    def denied_now(self, facts: Facts, channel: ChannelType, address: str | None) -> Denial | None:
        """Look again just before sending: return what denies the channel now, None if nothing does."""
        for policy in self._concerned((ChannelDraft(channel, address),)):
            objection = policy.objection(channel, address)
            if objection is not None and self._binds(policy, facts):
                return Denial(channel, policy.name, objection)
        return None

    def opens_at(self, facts: Facts, channel: ChannelType) -> Micros:
        """Return when hours let a channel be sent by: ``facts.goes_out_at`` if that is in them, else later.

        Hours that never meet are those of `narrow`, and stop nothing here.
        """
        policies = [policy for policy in self._concerned((ChannelDraft(channel, None),)) if self._binds(policy, facts)]
        opening = opening_of(policies, channel, facts)
        return facts.goes_out_at if opening.at is None else opening.at

    def _mismatch(self, rule: Rule, facts: Facts) -> str | None:
        """Return why a rule does not match, None if it does. One that cannot be judged does not."""
        if rule.when is None:
            return None
        try:
            return None if rule.when.holds(facts) else "the condition is false"
        except ConditionFailed as failed:
            self.failed(rule.name)
            return f"the condition failed: {failed}"

    def _binds(self, policy: Policy, facts: Facts) -> bool:
        """Whether a policy applies. One that cannot be judged does: nothing gets by since a key is missing."""
        try:
            return policy.when is None or policy.when.holds(facts)
        except ConditionFailed:
            self.failed(policy.name)
            return True

    def _concerned(self, channels: Sequence[ChannelDraft]) -> list[Policy]:
        if not self.policies:
            return []
        named = tuple([draft.channel for draft in channels])
        concerned = self._about.get(named)
        if concerned is None:
            concerned = [policy for policy in self.policies if not policy.concerned.isdisjoint(named)]
            self._about[named] = concerned
        return concerned


class CurrentRules:
    """The rules that are in force now. Whoever routes reads ``book`` anew for each notification.

    Args:
        book: The first ones.
        failed: Is told the name of a rule or policy whose condition cannot be judged for a notification.
    """

    __slots__ = ("_failed", "book")

    def __init__(self, book: RuleBook | None = None, failed: Callable[[str], None] = lambda _: None) -> None:
        self._failed = failed
        self.replace(book or RuleBook())

    def replace(self, book: RuleBook) -> None:
        """Put others in their place."""
        book.failed = self._failed
        self.book = book


def _chosen(rule: Rule, facts: Facts, configured: Mapping[ChannelType, bool], trials: list[Trial]) -> Choice:
    choice = Choice(rule.name, [], rule.strategy, [], trials)
    for channel in rule.channels:
        if found := hindrance(channel, facts, configured):
            choice.left_out.append(Denial(channel, "", found))
        else:
            choice.channels.append(ChannelDraft(channel, facts.addresses.get(channel)))
    return choice


def hindrance(channel: ChannelType, facts: Facts, configured: Mapping[ChannelType, bool]) -> str:
    """Return the reason for which a channel cannot be used as things stand; an empty text if it can."""
    if channel == ChannelType.WEBSOCKET:
        return "" if facts.recipient.registered else RecipientNotRegistered.reason
    if not configured.get(channel):
        return ChannelNotConfigured.reason
    return "" if facts.addresses.get(channel) else AddressUnknown.reason
