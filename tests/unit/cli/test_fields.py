"""What a server refuses is told by the options that were typed, not by the fields of the API."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from helpers.commands import USER, Tocsin
from helpers.scripted_server import Refusal, ScriptedServer
from tocsin_client import Violation
from tocsin_server.cli import fields

SENT: dict[str, Any] = {
    "to": USER,
    "title": "T",
    "channel": ["websocket", "sms=0123"],
    "address": ["email=ann"],
    "metadata": None,
    "key": "",
    "expires_at": "",
    "strategy": "",
    "escalate_after": "1m",
    "defer": False,
    "route_by": "",
}


@pytest.mark.parametrize(
    ("field", "said", "line"),
    [
        ("title", "must be given", "--title: must be given"),
        ("channels[1].address", "must be a phone number", "--channel sms=0123: must be a phone number"),
        ("channels", "must be empty with routing.deferred", "--channel: must be empty with --defer"),
        ("addresses[0].address", "must be an e-mail address", "--address: must be an e-mail address"),
        ("metadata.a[3].b", "is too long", "--metadata: is too long"),
        ("expires_at", "must lie in the future", "--expires-at: must lie in the future"),
        ("idempotency_key", "is too long", "--key: is too long"),
        (
            "strategy.escalate_after",
            "must come with STRATEGY_KIND_FALLBACK",
            "--escalate-after: must come with --strategy fallback",
        ),
        ("routing.route_by", "must come with routing.deferred", "--route-by: must come with --defer"),
        ("title", "must be earlier than until", "--title: must be earlier than until"),
        ("owner", "is no option", "owner: is no option"),
        ("", "is wrong as a whole", "is wrong as a whole"),
    ],
)
def test_a_field_is_told_as_its_option(field: str, said: str, line: str) -> None:
    assert fields.told(Violation(field, said), SENT) == line


def test_an_id_that_is_no_uuid_leads_to_ids_of_ones_own() -> None:
    bad = Violation("recipient.id", "must be a UUID")
    assert fields.told(bad, {"to": "user:42"}) == ("--to: must be a UUID; an id of your own is written user:ext:42")


def test_an_argument_is_told_by_its_place_in_the_usage() -> None:
    assert fields.told(Violation("id", "must be a UUID"), {"notification_id": "1"}) == "ID: must be a UUID"


def test_an_address_that_nobody_knows_is_asked_for_by_options(tocsin: Tocsin, server: ScriptedServer) -> None:
    said = "no sms address is known for the recipient: give it in channels or in addresses"
    server.script("Send", Refusal(grpc.StatusCode.FAILED_PRECONDITION, said, reason="ADDRESS_UNKNOWN"))
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--channel", "sms")
    assert (result.exit_code, result.stderr) == (
        1,
        "tocsin: no sms address is known for the recipient: give it in --channel or by --address\n",
    )


def test_what_the_server_says_of_two_fields_names_both_options() -> None:
    given = {"since": "1d", "before": "5d", "lease": ""}
    bad = Violation("since", "must be earlier than until")
    assert fields.told(bad, given) == "--since: must be earlier than --before"
    held = fields.in_options("leased until 9: only its lease_token decides it before", given)
    assert held == "leased until 9: only --lease with its token decides it before"
