"""The short client commands as they are typed, against a scripted server; and what all of them have in common."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.commands import SCRIPT, USER, Tocsin
from helpers.scripted_server import (
    CREATED,
    NOTIFICATION_ID,
    USER_ID,
    ScriptedServer,
    channel,
    notification,
    struct,
    timestamp,
)
from tocsin_server.cli import client_commands

COMMANDS = ["send", "get", "list", "read", "watch", "cancel", "retry"]


def test_get_answers_what_happened_to_each_channel_and_when_it_is_tried_next(
    tocsin: Tocsin, server: ScriptedServer
) -> None:
    channels = [
        channel("email", "failed", attempts=3, response=struct({"outcome": "permanent", "code": "550"})),
        channel("sms", "pending", attempts=1, next_attempt_at=timestamp()),
    ]
    server.script("Get", service_pb.GetResponse(notification=notification(channels=channels)))
    result = tocsin("get", NOTIFICATION_ID)
    assert result.exit_code == 0
    assert "failed after 3 attempts; not tried again by itself" in result.stdout
    assert "last answer: refused for good: 550" in result.stdout
    assert "pending: due now, 1 attempt so far" in result.stdout


@pytest.mark.parametrize(
    ("words", "rpc", "answer"),
    [
        (["get", NOTIFICATION_ID], "Get", service_pb.GetResponse(notification=notification())),
        (["cancel", NOTIFICATION_ID], "Cancel", service_pb.CancelResponse(notification=notification())),
        (["retry", NOTIFICATION_ID], "Retry", service_pb.RetryResponse(notification=notification())),
    ],
)
def test_commands_about_one_notification_print_it(
    words: list[str], rpc: str, answer: Any, tocsin: Tocsin, server: ScriptedServer
) -> None:
    server.script(rpc, answer, answer)
    assert tocsin(*words).stdout.startswith(f"notification {NOTIFICATION_ID}\n")
    assert json.loads(tocsin(*words, "--json").stdout)["id"] == NOTIFICATION_ID
    assert server.calls(rpc)[0].request.id == NOTIFICATION_ID


def test_cancel_says_that_nothing_more_is_sent(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Cancel", *[service_pb.CancelResponse(notification=notification())] * 2)
    assert tocsin("cancel", NOTIFICATION_ID).stderr == "tocsin: cancelled; what was still to come is not sent\n"
    assert tocsin("cancel", NOTIFICATION_ID, "--json").stderr == ""


def test_retry_names_the_channels_that_are_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Retry", service_pb.RetryResponse(notification=notification()))
    assert tocsin("retry", NOTIFICATION_ID, "--channel", "email", "--channel", "sms").exit_code == 0
    assert list(server.calls("Retry")[0].request.channels) == [pb.CHANNEL_TYPE_EMAIL, pb.CHANNEL_TYPE_SMS]


def test_list_asks_for_what_is_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("List", service_pb.ListResponse(notifications=[notification()]))
    result = tocsin(
        *("list", "--to", USER, "--feed", "--unread", "--status", "sent", "--failed", "--channel", "sms"),
        *("--since", "24h", "--before", "2026-01-31T00:00:00Z", "--limit", "7", "--category", "order.*"),
    )
    assert result.exit_code == 0
    request = server.calls("List")[0].request
    assert request.recipient.id == USER_ID
    assert (request.feed_only, request.unread_only, request.unrouted_only) == (True, True, False)
    assert list(request.statuses) == [pb.STATUS_SENT, pb.STATUS_FAILED]
    assert list(request.channels) == [pb.CHANNEL_TYPE_SMS]
    assert int(CREATED.timestamp()) - request.created_after.seconds == 86400
    assert request.created_before.ToJsonString() == "2026-01-31T00:00:00Z"
    assert request.page_size == 8
    assert request.category == "order.*"


def test_list_stops_at_its_limit_and_says_that_there_is_more(tocsin: Tocsin, server: ScriptedServer) -> None:
    page = service_pb.ListResponse(notifications=[notification("a"), notification("b")], next_page_token="2")
    server.script("List", page, service_pb.ListResponse(notifications=[notification("c")]))
    result = tocsin("list", "--limit", "2")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ID", "a", "b"]
    assert result.stderr == "tocsin: more match than the 2 shown: see --limit and --all\n"


def test_list_all_reads_every_page_as_one_json_object_a_line(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "List",
        service_pb.ListResponse(notifications=[notification("a"), notification("b")], next_page_token="2"),
        service_pb.ListResponse(notifications=[notification("c")]),
    )
    result = tocsin("list", "--all", "--json")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["a", "b", "c"]
    assert [received.request.page_size for received in server.calls("List")] == [500, 500]


def test_list_says_when_nothing_matches(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("List", service_pb.ListResponse(), service_pb.ListResponse())
    result = tocsin("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "tocsin: nothing matches\n")
    assert tocsin("list", "--json").stdout == ""


def test_read_marks_ids_or_a_feed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("MarkRead", *[service_pb.MarkReadResponse(marked_count=2, unread_count=5, cursor="c8")] * 2)
    assert tocsin("read", "a", "b").stdout == "2 marked as read, 5 unread\n"
    result = tocsin("read", "--to", USER, "--up-to", "c7", "--json")
    assert json.loads(result.stdout) == {"marked_count": 2, "unread_count": 5, "cursor": "c8"}
    ids, feed = [received.request for received in server.calls("MarkRead")]
    assert list(ids.ids) == ["a", "b"]
    assert (feed.recipient.id, feed.up_to_cursor) == (USER_ID, "c7")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option_and_has_examples(command: str, tocsin: Tocsin) -> None:
    result = tocsin(command, "--help", TERMINAL_WIDTH="100")
    assert result.exit_code == 0
    text = result.stdout
    assert "Example" in text
    assert f"  tocsin {command} " in text
    for option in ("--server", "--token", "--tls-ca", "--json"):
        assert option in text
    assert "TOCSIN_SERVER" in text
    options = text.partition("Options:")[2]
    for line in options.splitlines():
        if line.startswith("  --"):
            assert len(line.split()) > 2 or "  " in line.strip(), f"{line!r} explains nothing"


def test_the_overview_names_every_command_with_a_whole_sentence(tocsin: Tocsin) -> None:
    text = tocsin("--help").stdout
    for command in COMMANDS:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {command} ")]
        assert line.endswith("."), f"{line!r} is cut short"
        assert not line.endswith("...")


def test_help_loads_nothing_heavy() -> None:
    script = SCRIPT.replace(
        "app(prog_name", "import sys; sys.argv[1:] = ['send', '--help']; app(standalone_mode=False, prog_name"
    )
    # (pydantic is not in this list because Typer itself loads it once it parses an option.)
    script += "\nheavy = {'grpc', 'google.protobuf', 'tocsin_client', 'rich', 'peewee', 'twilio', 'telegram'}\n"
    script += "import sys; print('loaded:', sorted(heavy & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "loaded: []"


def test_the_commands_import_nothing_of_the_server_but_how_files_for_tls_are_checked() -> None:
    folder = Path(client_commands.__file__).parent
    for name in (
        "client_commands",
        "send_command",
        "watch_command",
        "contact_command",
        "connection",
        "arguments",
        "circumstances",
        "describe",
        "output",
    ):
        for line in (folder / f"{name}.py").read_text("utf-8").splitlines():
            if "tocsin_server" in line and "import" in line:
                assert line.strip().startswith(("from tocsin_server.cli", "from tocsin_server.config.certificates")), (
                    line
                )
