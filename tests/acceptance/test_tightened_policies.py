"""Policies that are tightened while messages wait: nothing that they forbid reaches a provider."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path

from tocsin.v1 import notification_pb2 as pb

from helpers import twilio_api
from helpers.calls import FAILED, SENT, SMS, Api, at, channel_of, request, user
from helpers.process import ServerProcess, serving
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

BEFORE = """
[[policies]]
name = "no letters to partners"
when = 'recipient.type == "partner"'
deny = ["email"]
"""

AFTER = (
    BEFORE
    + """
[[policies]]
name = "no texts about orders"
when = 'category.startsWith("order.")'
deny = ["sms"]

[[policies]]
name = "numbers of these countries only"
channels = ["sms"]
countries = ["GB"]
"""
)

ALLOWED, OTHER_KIND, ELSEWHERE = ("auth.code", "+447400123456"), ("order.late", "+447400123457"), ("", "+353861234567")


def settings_of(twilio: TwilioApi, rules: Path) -> Mapping[str, str]:
    return {
        "TOCSIN_RULES": str(rules),
        "TOCSIN_TWILIO_ACCOUNT_SID": twilio_api.ACCOUNT_SID,
        "TOCSIN_TWILIO_AUTH_TOKEN": twilio_api.AUTH_TOKEN,
        "TOCSIN_TWILIO_FROM": twilio_api.FROM,
        "TOCSIN_TWILIO_API_URL": twilio.url,
    }


def reloaded(server: ServerProcess, times: int) -> None:
    """Wait until the log says so often that rules were read again."""
    eventually(lambda: server.errors.count("were read again") >= times)


def test_what_policies_forbid_by_now_reaches_no_provider_and_explain_names_them(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    with TwilioApi() as twilio:
        rules.write_text(BEFORE)
        with serving(tmp_path, **settings_of(twilio, rules)) as server, Api(server.address) as api:
            for turn, wait in enumerate((5.0, 20.0, 60.0), 1):
                rules.write_text(BEFORE)
                server.signal(signal.SIGHUP)
                reloaded(server, 2 * turn - 1)
                sent = []
                due = at(wait)
                for _ in range(20):
                    for category, number in (ALLOWED, OTHER_KIND, ELSEWHERE):
                        wanted = request(user(), (SMS, number))
                        wanted.category = category
                        wanted.send_at.CopyFrom(due)
                        sent.append(api.send(wanted))
                rules.write_text(AFTER)
                server.signal(signal.SIGHUP)
                reloaded(server, 2 * turn)
                if at(0).ToMicroseconds() < due.ToMicroseconds():
                    break  # else the machine was too slow for this to show anything
                twilio.requests.clear()
            rows = eventually(lambda: settled(api, [one.id for one in sent]), timeout=wait + 60)
        reached = [one.form["To"] for one in twilio.requests]
        assert reached == [ALLOWED[1]] * 20
        for place, row in enumerate(rows):
            assert row.status == (SENT if place % 3 == 0 else FAILED)
            if place % 3:
                assert row.response["reason"] == "POLICY_DENIED"
                assert row.attempts == 0
        found = server.database.rows("SELECT decided_by, name, denied FROM decisions WHERE decided_by = 'policy'")
        assert sorted(name for _, name, _ in found) == [
            *["no texts about orders"] * 20,
            *["numbers of these countries only"] * 20,
        ]
        assert {json.loads(denied)[0]["channel"] for *_, denied in found} == {"sms"}


def settled(api: Api, ids: list[str]) -> list[pb.Channel]:
    """Return the rows once all are settled."""
    rows = [channel_of(api.get(one), SMS) for one in ids]
    assert all(row.status in (SENT, FAILED) for row in rows)
    return rows
