"""What is still to come of a notification, in words; what happened to it is tried with what commands print."""

from __future__ import annotations

import dataclasses

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.scripted_server import CREATED, channel, notification
from tocsin_client import ChannelTarget, ChannelType, DecidedBy, Decision, Denied, convert
from tocsin_server.cli import describe
from tocsin_server.cli.circumstances import Circumstances


def _decided(by: DecidedBy, *channels: ChannelType, denied: tuple[Denied, ...] = ()) -> Decision:
    return Decision(CREATED, by, "", tuple(map(ChannelTarget, channels)), denied, "", "")


def test_what_a_policy_puts_off_is_told_until_it_has_begun() -> None:
    hours = Denied(ChannelType.SMS, "texts in the daytime", "put off to 2026-03-02T08:00:00Z")
    other = Denied(ChannelType.TELEGRAM, "no telegram", "denied")
    decisions = [_decided(DecidedBy.RULE, ChannelType.SMS, denied=(hours, other))]
    waiting = convert.notification_from(notification(channels=[channel("sms", "pending", attempts=0)]))
    assert describe.still_to_come(waiting, decisions) == [
        "sms: put off to 2026-03-02T08:00:00Z, by the policy 'texts in the daytime'"
    ]
    tried = convert.notification_from(notification(channels=[channel("sms", "pending", attempts=1)]))
    assert describe.still_to_come(tried, decisions) == []


def test_a_step_that_has_begun_hides_none_that_follows() -> None:
    decisions = [
        _decided(DecidedBy.CALLER, ChannelType.EMAIL, ChannelType.SMS, ChannelType.TELEGRAM),
        _decided(DecidedBy.ESCALATION, ChannelType.SMS),
    ]
    begun = convert.notification_from(notification(channels=[channel("email"), channel("sms")]))
    [line] = describe.still_to_come(begun, decisions)
    assert line.startswith("telegram: ")
    assert line.endswith("not if it was cancelled")
    assert describe.still_to_come(begun, []) == []


def test_at_the_end_of_the_waiting_each_channel_that_is_left_tells_why() -> None:
    hours = Denied(ChannelType.SMS, "texts in the daytime", "put off to 2026-03-02T08:00:00Z")
    known = Circumstances([_decided(DecidedBy.CALLER, ChannelType.SMS, denied=(hours,))])
    rows = [channel("email"), channel("sms", "pending", attempts=0), channel("telegram", "pending", attempts=2)]
    sms, telegram = describe.outstanding(convert.notification_from(notification(channels=rows)), known, CREATED)
    assert sms == "sms: being sent right now; put off to 2026-03-02T08:00:00Z, by the policy 'texts in the daytime'"
    assert telegram == "telegram: being sent right now, 2 attempts so far"


def test_a_fallback_whose_next_step_has_not_begun_tells_of_that() -> None:
    known = Circumstances([_decided(DecidedBy.CALLER, ChannelType.EMAIL, ChannelType.SMS)])
    begun = convert.notification_from(notification(channels=[channel("email")]))
    assert describe.outstanding(begun, known, CREATED) == [
        "sms: only if what goes before it fails, or misses its goal; not if it was cancelled"
    ]


def test_where_nobody_has_decided_that_is_told() -> None:
    nothing = convert.notification_from(notification(status=pb.STATUS_PENDING, channels=[]))
    [line] = describe.outstanding(nothing, Circumstances(), CREATED)
    assert line == "none yet: nobody has decided how to send it"


@pytest.mark.parametrize(
    ("by", "name", "said"),
    [
        (DecidedBy.RULE, "orders: the feed", "rule 'orders: the feed'"),
        (DecidedBy.DECIDER, "shop", "decider shop"),
        (DecidedBy.CALLER, "", "caller"),
    ],
)
def test_who_decided_is_told_so_that_a_name_of_several_words_ends_where_it_ends(
    by: DecidedBy, name: str, said: str
) -> None:
    assert describe.decided_by(dataclasses.replace(_decided(by), name=name)) == said
