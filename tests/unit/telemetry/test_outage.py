"""Telling of what fails: once when it begins, once when it is over."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.telemetry.outage import Outage, Trouble


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name.startswith("tocsin_server")]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tocsin_server")


def test_an_outage_is_two_lines_however_many_calls_meet_it(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("gone", "it is gone", "back", "it is back", channel="email")
    for _ in range(100):
        outage.met("no route to host")
    assert outage.on
    for _ in range(3):
        outage.over(time.monotonic())
    assert not outage.on
    begun, ended = lines(caplog)
    assert (begun["event"], begun["levelname"], begun["cause"], begun["channel"]) == (
        "gone",
        "WARNING",
        "no route to host",
        "email",
    )
    assert (ended["event"], ended["failures"], ended["channel"]) == ("back", 100, "email")


def test_what_was_under_way_before_an_outage_does_not_end_it() -> None:
    outage = Outage("gone", "it is gone", "back", "it is back")
    before = time.monotonic()
    outage.met("cut")
    outage.over(before)
    assert outage.on


def test_trouble_with_work_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble("claim", "looking for due rows", channel="sms")
    trouble.worked()
    for _ in range(10):
        trouble.failed(DatabaseUnavailable("away"))
    trouble.worked()
    trouble.worked()
    assert [(line["event"], line["channel"]) for line in lines(caplog)] == [
        ("claim_failed", "sms"),
        ("claim_works", "sms"),
    ]
    assert lines(caplog)[0]["cause"] == "DATABASE_UNAVAILABLE"


def test_a_fault_of_ours_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble("claim", "looking for due rows")
    fault = KeyError("x")
    trouble.failed(fault)
    trouble.worked()
    [line] = lines(caplog)
    assert (line["event"], line["levelname"], line["exc_info"][1]) == ("claim_failed", "ERROR", fault)
