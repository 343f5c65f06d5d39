"""What is still to come of a notification, in words; what happened to it is tried with what commands print."""

from __future__ import annotations

from helpers.scripted_server import CREATED, channel, notification
from tocsin_client import ChannelTarget, ChannelType, DecidedBy, Decision, Denied, convert
from tocsin_server.cli import describe


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
    assert describe.still_to_come(begun, []) == []
