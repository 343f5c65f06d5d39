"""From a file to rules and policies, or to every mistake in it."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.decisions import facts
from helpers.drafts import ADDRESSES, EMAIL, NOON, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.domain.model import PARALLEL, ChannelDraft, ChannelType, Goal, Strategy, StrategyKind
from tocsin_server.routing.policies import Each, Limit
from tocsin_server.routing.reading import MOST_MISTAKES, MOST_POLICIES, MOST_RULES, BadRules, read_table, read_text

GOOD = """
[[rules]]
name = "codes"
when = 'category == "auth.code"'
channels = ["sms", "email"]
strategy = "fallback"
escalate_after = "30s"
goal = "sent"

[[rules]]
name = "all"
channels = ["websocket"]

[[policies]]
name = "no texts"
when = 'category.startsWith("marketing.")'
deny = ["sms", "telegram"]

[[policies]]
name = "three"
channels = ["sms"]
limit = { count = 3, per = "1d", each = "caller" }

[[policies]]
name = "daytime"
hours = { from = "08:00", to = "24:00", time_zone = "recipient", otherwise = "Europe/London" }

[[policies]]
name = "home"
countries = ["GB"]
"""


def test_a_good_file_is_read_whole() -> None:
    book = read_text(GOOD)
    codes, everything = book.rules
    assert (codes.name, codes.channels) == ("codes", (SMS, EMAIL))
    assert codes.strategy == Strategy(StrategyKind.FALLBACK, 30_000_000, Goal.SENT)
    assert (everything.when, everything.channels, everything.strategy) == (None, (WEBSOCKET,), PARALLEL)
    denies, three, daytime, home = book.policies
    assert denies.denied == {SMS, TELEGRAM}
    assert not denies.channels
    assert three.limit == Limit(3, 86_400_000_000, Each.CALLER)
    assert three.channels == {SMS}
    assert daytime.channels == {EMAIL, SMS, TELEGRAM}
    assert daytime.needs_contact
    assert home.channels == {SMS}
    assert home.country is not None
    narrowed = book.narrow(facts(), [ChannelDraft(channel, ADDRESSES.get(channel)) for channel in ChannelType])
    assert [denial.policy for denial in narrowed.denied] == ["home"]


def test_nothing_is_no_mistake() -> None:
    assert read_text("").rules == ()


TEN = """
[[rules]]
name = "codes"
when = 'categry == "auth.code" && "smss" in addresses'
channels = ["sms", "pager"]
strategy = "fallbak"

[[rules]]
name = "codes"
chanels = ["sms"]
channels = ["websocket", "email"]
strategy = "fallback"

[[rules]]
when = 'category == '
channels = ["email"]
escalate_after = "30s"

[[policies]]
name = "daytime"
channels = ["sms"]
hours = { from = "08:00", to = "08:00", otherwise = "Europe/Londn" }

[[policies]]
name = "countries"
countries = ["UK", "gb", "ZZ"]

[[policies]]
name = "idle"
"""


def test_every_mistake_of_a_file_is_named_at_once_with_its_place_and_what_would_be_right() -> None:
    with pytest.raises(BadRules) as refused:
        read_text(TEN)
    assert [str(mistake) for mistake in refused.value.mistakes] == [
        "rule 'codes', channels: there is no channel 'pager'; there is websocket, email, telegram, sms",
        "rule 'codes', when, column 1: there is no variable 'categry'; did you mean 'category'?",
        "rule 'codes', when, column 27: no address is of a channel 'smss'; did you mean 'sms'?",
        "rule 'codes', strategy: there is no 'fallbak'; did you mean 'fallback'?",
        "rule 2, name: 'codes' is that of rule 1 already; names differ",
        "rule 2: there is no 'chanels'; did you mean 'channels'?",
        "rule 2, escalate_after: must be given, since websocket waits for its subscriber instead of failing",
        "rule 3, name: must be a text of 1 to 100 characters on one line",
        "rule 3, when, column 13: the condition ends where something must follow",
        'rule 3, escalate_after: must come with strategy = "fallback"',
        "policy 'daytime', hours: has no time in it, since from and to are the same; leave hours out for the whole day",
        "policy 'daytime', hours.otherwise: 'Europe/Londn' is no time zone; give one of the IANA's, such as Asia/Tokyo",
        "policy 'countries', countries: 'UK' is no country code of ISO 3166; did you mean 'GB'?",
        "policy 'countries', countries: 'gb' is no country code of ISO 3166; did you mean 'GB'?",
        "policy 'countries', countries: 'ZZ' is no country code of ISO 3166; give two capital letters, such as GB",
        "policy 'idle': must say what it forbids or limits, by one of deny, limit, hours, countries",
    ]


def _rule(**fields: Any) -> dict[str, Any]:
    return {"rules": [{"name": "a", "channels": ["email"], **fields}]}


def _policy(**fields: Any) -> dict[str, Any]:
    return {"policies": [{"name": "a", **fields}]}


LIMIT = {"count": 3, "per": "1d"}
HOURS = {"from": "08:00", "to": "21:00"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rule": []}, "there is no 'rule'; did you mean 'rules'?"),
        ({"rules": {"name": "a"}}, "each beginning with [[rules]]"),
        ({"policies": [3]}, "each beginning with [[policies]]"),
        ({"rules": [{}] * (MOST_RULES + 1)}, f"at most {MOST_RULES} rules"),
        ({"policies": [{}] * (MOST_POLICIES + 1)}, f"at most {MOST_POLICIES} policies"),
        (_rule(name=""), "rule 1, name"),
        (_rule(name="x" * 101), "name: must be a text"),
        (_rule(name="a\nb"), "name: must be a text"),
        (_rule(name=7), "name: must be a text"),
        (_rule(name="built-in"), "is that of the last rule"),
        (_rule(when=True), "must be a condition in quotes"),
        (_rule(channels=[]), "must be a list of channels"),
        (_rule(channels="sms"), "must be a list of channels"),
        (_rule(channels=["sms", "sms"]), "names sms a second time"),
        ({"rules": [{"name": "a"}]}, "channels: must be given"),
        (_rule(strategy=5), "there is no '5'"),
        (_rule(strategy="fallback", escalate_after="soon"), "is not a duration"),
        (_rule(strategy="fallback", escalate_after="0s"), "from 1s to 366d"),
        (_rule(strategy="fallback", escalate_after=float("nan")), "from 1s to 366d"),
        (_rule(strategy="fallback", goal="delivered"), "there is no 'delivered'"),
        (_rule(goal="sent"), "must come with strategy"),
        (_policy(deny=["sms"], channels=["sms"]), "says nothing beside deny"),
        (_policy(deny=[]), "deny: must be a list of channels"),
        (_policy(limit=3), "limit: must be a table"),
        (_policy(limit={**LIMIT, "count": 0}), "limit.count: must be a whole number"),
        (_policy(limit={**LIMIT, "count": True}), "limit.count"),
        (_policy(limit={"count": 3}), "limit.per: must be given"),
        (_policy(limit={**LIMIT, "per": "900d"}), "limit.per: must be a duration"),
        (_policy(limit={**LIMIT, "each": "user"}), "limit.each: there is no 'user'; there is recipient"),
        (_policy(limit={**LIMIT, "cuont": 1}), "limit: there is no 'cuont'; did you mean 'count'?"),
        (_policy(hours={**HOURS, "from": "8"}), "hours.from: must be a time of day"),
        (_policy(hours={**HOURS, "from": "24:00"}), "hours.from"),
        (_policy(hours={**HOURS, "to": "24:01"}), "hours.to"),
        (_policy(hours={"from": "08:00"}), "hours.to"),
        (_policy(hours={**HOURS, "from": "00:00", "to": "24:00"}), "no time in it"),
        (_policy(hours={**HOURS, "time_zone": "Mars"}), "'Mars' is no time zone"),
        (_policy(hours={**HOURS, "time_zone": 3}), "is no time zone"),
        (_policy(hours={**HOURS, "time_zone": "UTC", "otherwise": "UTC"}), "must come with time_zone"),
        (_policy(hours=HOURS, channels=["websocket"]), "a feed waits"),
        (_policy(countries=["GB"], channels=["email"]), "must name sms"),
        (_policy(countries=[]), "must be a list of country codes"),
        (_policy(countries="GB"), "must be a list of country codes"),
    ],
)
def test_each_mistake_says_what_would_be_right(table: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRules) as refused:
        read_table(table)
    assert said in str(refused.value)


def test_mistakes_have_an_end() -> None:
    with pytest.raises(BadRules) as refused:
        read_table({"rules": [{} for _ in range(MOST_RULES)]})
    assert len(refused.value.mistakes) == MOST_MISTAKES


@pytest.mark.parametrize("text", ["[[rules]", "a = " + "[" * 5_000, "a" * 60_000, "\x00"])
def test_what_is_no_toml_is_said(text: str) -> None:
    with pytest.raises(BadRules, match="is not TOML"):
        read_text(text)


def test_hours_of_a_file_put_off() -> None:
    book = read_table(_policy(hours={"from": "13:00", "to": "21:00", "time_zone": "UTC"}))
    [draft] = book.narrow(facts(), [ChannelDraft(SMS, ADDRESSES[SMS])]).channels
    assert draft.not_before == NOON + 3_600_000_000
