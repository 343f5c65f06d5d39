"""The sample of rules that documents quote: every rule and every policy of it does what it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.decisions import facts
from helpers.drafts import EMAIL, GUEST, NOON, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.domain.model import ChannelDraft, ChannelType, Strategy, StrategyKind
from tocsin_server.routing.reading import read_text

SHOP = Path(__file__).parents[3] / "server" / "deploy" / "rules-shop.toml"
BOOK = read_text(SHOP.read_text(encoding="utf-8"))
ALL = dict.fromkeys(ChannelType, True)
KNOWN = {EMAIL: "ann@example.org", TELEGRAM: "@ann_example", SMS: "+442079460000"}


@pytest.mark.parametrize(
    ("changes", "rule", "channels"),
    [
        ({"category": "auth.code"}, "login codes: SMS, after 30 s e-mail", [SMS, EMAIL]),
        ({"category": "auth.code", "addresses": {EMAIL: "a@example.org"}}, "built-in", [WEBSOCKET, EMAIL]),
        (
            {"category": "delivery.arriving"},
            "a courier is at the door: wherever they look first",
            [WEBSOCKET, TELEGRAM, SMS],
        ),
        (
            {"category": "order.paid", "metadata": {"total": 500}},
            "large orders: the feed, after an hour e-mail",
            [WEBSOCKET, EMAIL],
        ),
        ({"category": "order.paid", "metadata": {"total": 499.99}}, "orders: the feed", [WEBSOCKET]),
        ({"category": "order.paid"}, "orders: the feed", [WEBSOCKET]),
        ({"category": "order.paid", "recipient": GUEST}, "built-in", [EMAIL, TELEGRAM, SMS]),
        ({"category": "marketing.news"}, "marketing: e-mail", [EMAIL]),
        ({"category": ""}, "built-in", [WEBSOCKET, EMAIL, TELEGRAM, SMS]),
    ],
)
def test_each_rule_is_met_by_what_it_is_for(changes: dict[str, Any], rule: str, channels: list[ChannelType]) -> None:
    choice = BOOK.choose(facts(**{"addresses": KNOWN} | changes), ALL)
    assert (choice.rule, [draft.channel for draft in choice.channels]) == (rule, channels)


def test_codes_and_large_orders_take_one_channel_after_the_other() -> None:
    steps = [rule.strategy for rule in BOOK.rules if rule.strategy.kind == StrategyKind.FALLBACK]
    assert steps == [Strategy(StrategyKind.FALLBACK, 30_000_000), Strategy(StrategyKind.FALLBACK, 3_600_000_000)]


def _narrowed(*channels: ChannelType, **changes: Any) -> tuple[list[str], list[str], list[str]]:
    """Return names of policies: of those that deny, that put off, and that count."""
    found = BOOK.narrow(facts(**changes), [ChannelDraft(channel, KNOWN.get(channel)) for channel in channels])
    return ([of.policy for of in found.denied], [of.policy for of in found.put_off], [of.policy for of in found.limits])


NIGHT = NOON + 10 * 3_600_000_000
COUNTED = "three SMS a day for each recipient"


def test_each_policy_does_what_it_is_called() -> None:
    assert _narrowed(EMAIL, category="marketing.news", recipient=GUEST) == (["guests get no marketing"], [], [])
    assert _narrowed(EMAIL, category="marketing.news") == ([], [], [])
    assert _narrowed(SMS, category="order.paid") == ([], [], [COUNTED])
    assert _narrowed(SMS, category="order.paid", now=NIGHT) == ([], ["texts in the daytime"], [COUNTED])
    assert _narrowed(SMS, category="auth.code", now=NIGHT) == ([], [], [COUNTED])
    abroad = BOOK.narrow(facts(), [ChannelDraft(SMS, "+33123456789")])
    assert [denial.policy for denial in abroad.denied] == ["numbers of these countries only"]
