"""What each channel did since the start."""

from __future__ import annotations

from helpers.drafts import EMAIL, NOON, SMS, TELEGRAM
from tocsin_server.telemetry.observer import AttemptEnded, ConditionUnjudged, KeptOut, LeaseLost, Observer, TakenOver
from tocsin_server.telemetry.tally import KEPT_OUT, LEASE_LOST, TAKEN_OVER, Tally


def test_what_is_reported_is_counted_by_channel() -> None:
    observer = Observer()
    tally = Tally(observer)
    ended = AttemptEnded(EMAIL, "row", "notification", "relay", "accepted", "250", 1, 0.1, NOON, NOON)
    for report in (ended, ended, ended._replace(outcome="unknown"), TakenOver(SMS, "row")):
        observer.report(report)
    for report_of_sms in (LeaseLost(SMS, "row"), KeptOut(SMS, "row")):
        observer.report(report_of_sms)
    assert tally.counts[EMAIL] == {"accepted": 2, "unknown": 1}
    assert tally.counts[SMS] == {TAKEN_OVER: 1, LEASE_LOST: 1, KEPT_OUT: 1}
    assert tally.counts[TELEGRAM] == {}


def test_conditions_that_could_not_be_judged_are_counted_by_the_name_of_their_rule() -> None:
    observer = Observer()
    tally = Tally(observer)
    for name in ("codes", "codes", "no texts"):
        observer.report(ConditionUnjudged(name))
    assert tally.unjudged == {"codes": 2, "no texts": 1}
