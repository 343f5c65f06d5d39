"""The client commands as they are typed, against a scripted server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from typer.testing import CliRunner, Result

from helpers.scripted_server import (
    CREATED,
    NOTIFICATION_ID,
    SILENCE,
    USER_ID,
    Refusal,
    ScriptedServer,
    arrived,
    channel,
    notification,
    read_changed,
    struct,
    subscribed,
    timestamp,
)
from tocsin_client import Backoff, resume
from tocsin_server.cli import client_commands, output, send_command

USER = f"user:{USER_ID}"
COMMANDS = ["send", "get", "list", "read", "watch", "cancel", "retry"]

# A shell that starts the tests in the background makes them, and what they start, ignore SIGINT.
SCRIPT = """
import signal
import typer
signal.signal(signal.SIGINT, signal.default_int_handler)
from tocsin_server.cli import client_commands
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
client_commands.register(app)
app(prog_name="tocsin")
"""

Tocsin = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def tocsin(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Tocsin:
    """Give a function that runs a command in this process, with the server as TOCSIN_SERVER and without waits."""
    monkeypatch.setattr(resume, "STREAM_BACKOFF", Backoff(initial=0))
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    client_commands.register(app)
    monkeypatch.setattr(output, "utc_now", lambda: CREATED)
    monkeypatch.delenv("TOCSIN_TOKEN", raising=False)

    def run(*words: str, stdin: str | None = None, **environment: str) -> Result:
        result = CliRunner().invoke(app, words, input=stdin, env={"TOCSIN_SERVER": server.address, **environment})
        # SystemExit is how a command ends; anything else would be a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return run


def start(server: ScriptedServer, *words: str, **streams: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    environment = {**os.environ, "TOCSIN_SERVER": server.address, "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        env=environment,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


# -- send ------------------------------------------------------------------------------------------


def test_send_sends_what_is_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Send", service_pb.SendResponse(notification=notification(channels=[channel("email")])))
    result = tocsin(
        *("send", "--to", USER, "--title", "Shipped", "--message", "Tuesday"),
        *("--channel", "websocket", "--channel", "email=ann@example.org", "--address", "sms=+15550100"),
        *("--metadata", '{"order_id": "A1"}', "--metadata", "shop=north", "--key", "order-A1"),
        *("--send-at", "2026-03-01T12:00:00Z", "--expires-at", "+10m"),
        *("--strategy", "fallback", "--escalate-after", "90s"),
    )
    assert result.exit_code == 0
    assert result.stdout.startswith(f"notification {NOTIFICATION_ID}\n")
    request = server.calls("Send")[0].request
    assert request.recipient == pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID)
    assert (request.title, request.message, request.idempotency_key) == ("Shipped", "Tuesday", "order-A1")
    assert [(target.channel, target.address) for target in request.channels] == [(1, ""), (2, "ann@example.org")]
    assert [(entry.channel, entry.address) for entry in request.addresses] == [(4, "+15550100")]
    assert request.metadata == struct({"order_id": "A1", "shop": "north"})
    assert request.send_at.ToJsonString() == "2026-03-01T12:00:00Z"
    assert request.expires_at.seconds - int(CREATED.timestamp()) == 600
    assert request.strategy.kind == pb.STRATEGY_KIND_FALLBACK
    assert request.strategy.escalate_after.seconds == 90


def test_send_reads_the_message_from_standard_input_and_defers(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Send", service_pb.SendResponse(notification=notification()))
    words = ("send", "--to", "other", "--title", "T", "--message", "-", "--defer", "--route-by", "+1h")
    assert tocsin(*words, stdin="from a pipe\n").exit_code == 0
    request = server.calls("Send")[0].request
    assert request.message == "from a pipe"
    assert request.routing.deferred
    assert request.routing.HasField("route_by")
    assert not request.HasField("metadata")
    assert not request.HasField("strategy")


def test_send_prints_the_answer_as_json(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Send", service_pb.SendResponse(notification=notification(), duplicate=True))
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--json")
    answer = json.loads(result.stdout)
    assert list(answer) == ["notification", "duplicate"]
    assert answer["duplicate"] is True
    assert answer["notification"]["status"] == "sent"
    assert answer["notification"]["created_at"] == "2026-01-31T08:15:00.250000Z"


@pytest.mark.parametrize(("ends_as", "exit_code"), [("sent", 0), ("failed", 2)])
def test_send_with_wait_polls_until_nothing_is_pending(
    ends_as: str, exit_code: int, tocsin: Tocsin, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_command, "POLL_FIRST", 0)

    def state(whole: str, first: str, second: str) -> pb.Notification:
        channels = [channel("email", first), channel("sms", second)]
        return notification(status=pb.Status.Value(f"STATUS_{whole.upper()}"), channels=channels)

    halfway = "sent" if ends_as == "sent" else "pending"
    server.script("Send", service_pb.SendResponse(notification=state("pending", "pending", "pending")))
    server.script("Get", service_pb.GetResponse(notification=state(halfway, ends_as, "pending")))
    server.script("Get", service_pb.GetResponse(notification=state(ends_as, ends_as, "failed")))
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--wait")
    assert result.exit_code == exit_code
    assert f"status    {ends_as}" in result.stdout
    assert len(server.calls("Get")) == 2


def test_send_whose_outcome_stays_open_tells_the_key_to_repeat_it_with(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "Send", *[Refusal(grpc.StatusCode.UNAVAILABLE, "the database is away", reason="DATABASE_UNAVAILABLE")] * 3
    )
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M")
    assert result.exit_code == 1
    keys = {received.request.idempotency_key for received in server.calls("Send")}
    assert len(keys) == 1
    assert f"--key {keys.pop()}" in result.stderr
    assert result.stderr.endswith("tocsin: the database is away\n")


# -- get, list, read, cancel, retry ----------------------------------------------------------------


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


def test_retry_names_the_channels_that_are_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Retry", service_pb.RetryResponse(notification=notification()))
    assert tocsin("retry", NOTIFICATION_ID, "--channel", "email", "--channel", "sms").exit_code == 0
    assert list(server.calls("Retry")[0].request.channels) == [pb.CHANNEL_TYPE_EMAIL, pb.CHANNEL_TYPE_SMS]


def test_list_asks_for_what_is_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("List", service_pb.ListResponse(notifications=[notification()]))
    result = tocsin(
        *("list", "--to", USER, "--feed", "--unread", "--status", "sent", "--failed", "--channel", "sms"),
        *("--since", "24h", "--before", "2026-01-31T00:00:00Z", "--limit", "7"),
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
    server.script("MarkRead", *[service_pb.MarkReadResponse(marked_count=2, unread_count=5)] * 2)
    assert tocsin("read", "a", "b").stdout == "2 marked as read, 5 unread\n"
    result = tocsin("read", "--to", USER, "--up-to", "c7", "--json")
    assert json.loads(result.stdout) == {"marked_count": 2, "unread_count": 5}
    ids, feed = [received.request for received in server.calls("MarkRead")]
    assert list(ids.ids) == ["a", "b"]
    assert (feed.recipient.id, feed.up_to_cursor) == (USER_ID, "c7")


# -- watch -----------------------------------------------------------------------------------------


def test_watch_prints_each_event_and_ends_after_its_count(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), read_changed("c2", "a"), arrived("c3"), SILENCE])
    result = tocsin("watch", "--to", USER, "--cursor", "start", "--count", "2")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.splitlines()[-1] == "tocsin: to resume: --cursor c2"
    assert server.calls("Subscribe")[0].request.cursor == "start"


def test_watch_prints_events_as_json_with_their_start(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0", recovered=False), arrived("c1", unread=3), SILENCE])
    result = tocsin("watch", "--to", USER, "--count", "1", "--json")
    start_event, new = [json.loads(line) for line in result.stdout.splitlines()]
    assert start_event == {"type": "subscribed", "cursor": "c0", "unread_count": 0, "recovered": False}
    assert (new["type"], new["cursor"], new["unread_count"]) == ("notification", "c1", 3)
    assert new["notification"]["id"] == NOTIFICATION_ID


def test_watch_carries_on_after_an_interruption_and_says_so(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "Subscribe",
        [subscribed("c0"), arrived("c1"), Refusal(grpc.StatusCode.UNAVAILABLE, "restarting", reason="SHUTTING_DOWN")],
        Refusal(grpc.StatusCode.UNAVAILABLE, "one: another"),
        [subscribed("c1"), Refusal(grpc.StatusCode.UNAVAILABLE, "all failed: last error: Connection reset")],
        [subscribed("c1"), arrived("c2"), SILENCE],
    )
    result = tocsin("watch", "--to", USER, "--count", "2")
    assert result.exit_code == 0
    outages = [line for line in result.stderr.splitlines() if "stream ended" in line]
    assert outages == [
        "tocsin: the stream ended (restarting); resuming",
        "tocsin: the stream ended (Connection reset); resuming",
    ]
    assert [received.request.cursor for received in server.calls("Subscribe")] == ["", "c1", "c1", "c1"]


def test_watch_fails_at_once_when_it_never_could_begin(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "Subscribe", Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "32 streams already", reason="TOO_MANY_STREAMS")
    )
    result = tocsin("watch", "--to", USER)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "tocsin: 32 streams already\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_ends_cleanly_on_signals_and_tells_the_cursor(number: int, server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), arrived("c2"), SILENCE])
    process = start(server, "watch", "--to", USER)
    assert process.stdout is not None
    for _ in range(2):
        assert NOTIFICATION_ID in process.stdout.readline()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "")
    following, resume = errors.splitlines()
    assert following == "tocsin: following the feed [0 unread]"
    # A signal in the moment after an event was printed may leave its cursor out: it is seen twice rather than never.
    assert resume in {"tocsin: to resume: --cursor c1", "tocsin: to resume: --cursor c2"}
    server.wait_for_departures(1)


def test_watch_ends_cleanly_when_nobody_reads_on_and_counts_only_what_was_read(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE])
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        process = start(server, "watch", "--to", USER, stdout=closed)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors.splitlines() == ["tocsin: following the feed [0 unread]", "tocsin: to resume: --cursor c0"]


# -- failures --------------------------------------------------------------------------------------


def test_every_bad_field_is_named_in_one_line(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "Send",
        Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            reason="INVALID_FIELD",
            violations=[("title", "must have 1 to 255 characters"), ("recipient.id", "must be a UUID")],
        ),
    )
    result = tocsin("send", "--to", "user:1", "--title", "", "--message", "M")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "tocsin: title: must have 1 to 255 characters; recipient.id: must be a UUID\n"


@pytest.mark.parametrize("command", [["get", "x"], ["list"], ["watch", "--to", USER], ["read", "x"], ["cancel", "x"]])
def test_an_unreachable_server_is_named_with_what_to_do(command: list[str], tocsin: Tocsin) -> None:
    result = tocsin(*command, "--server", "127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "tocsin: cannot reach a server at 127.0.0.1:1 (Connection refused); is one running there? "
        "To start one: tocsin serve\n"
    )


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (
            Refusal(grpc.StatusCode.NOT_FOUND, "no such notification", reason="NOTIFICATION_NOT_FOUND"),
            "no such notification",
        ),
        (
            Refusal(grpc.StatusCode.UNAUTHENTICATED, "credentials needed", reason="UNAUTHENTICATED"),
            "credentials needed (give a token with --token or TOCSIN_TOKEN)",
        ),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "not yours", reason="PERMISSION_DENIED"), "not yours"),
        (Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "late"), "no answer from {server} in time"),
        (Refusal(grpc.StatusCode.UNIMPLEMENTED, "what?"), "what? (is {server} a Tocsin server of this version?)"),
        (Refusal(grpc.StatusCode.INTERNAL, "evil\x1b[2J\nlines", reason="INTERNAL"), r"evil\x1b[2J\x0alines"),
        (Refusal(grpc.StatusCode.ABORTED, ""), "aborted"),
    ],
)
def test_a_failed_call_is_one_line_and_status_1(
    refusal: Refusal, line: str, tocsin: Tocsin, server: ScriptedServer
) -> None:
    server.script("Get", refusal)
    result = tocsin("get", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"tocsin: {line.format(server=server.address)}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["send", "--to", "usr:1", "--title", "T", "--message", "M"], "--to: 'usr' is not one of user"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--strategy", "x"], "--strategy: 'x' is neither"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--send-at", "soon"], "--send-at: 'soon' is neither"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--metadata", "x"], "--metadata: 'x' is neither"),
        (["list", "--feed"], "--feed needs --to"),
        (["list", "--status", "lost"], "--status: 'lost' is not one of pending, sent, failed"),
        (["list", "--channel", "fax"], "--channel: 'fax' is not one of websocket"),
        (["read"], "give either ids or --to"),
        (["read", "a", "--to", USER], "give either ids or --to"),
        (["read", "a", "--up-to", "c"], "--up-to needs --to"),
        (["watch", "--to", "nobody"], "--to: 'nobody' is not one of user"),
        (["retry", "a", "--channel", "fax"], "--channel: 'fax' is not one of"),
        (["get", "a", "--server", "tocsin.example:50051", "--token", "s3cr3t"], "refusing to send a token"),
        (["get", "a", "--tls-ca", "/does/not/exist"], "cannot read /does/not/exist: No such file"),
        (["get", "a", "--tls-cert", __file__], "certificate and private_key belong together"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(words: list[str], line: str, tocsin: Tocsin) -> None:
    result = tocsin(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tocsin: {line}")
    assert result.stderr.count("\n") == 1
    assert "s3cr3t" not in result.stderr


@pytest.mark.parametrize("words", [["send"], ["get"], ["watch"], ["list", "--limit", "0"], ["get", "x", "--colour"]])
def test_missing_and_unknown_options_are_wrong_use_too(words: list[str], tocsin: Tocsin) -> None:
    result = tocsin(*words)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_bytes_that_are_not_text_are_refused_without_a_traceback(server: ScriptedServer) -> None:
    process = start(server, "get", os.fsdecode(b"\xff"))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors == "tocsin: an argument, or the input, is not valid UTF-8\n"


# -- connection, help, start-up --------------------------------------------------------------------


def test_the_token_comes_from_the_environment_or_the_option(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Get", *[service_pb.GetResponse(notification=notification())] * 3)
    tocsin("get", "x")
    tocsin("get", "x", TOCSIN_TOKEN="from-environment")
    tocsin("get", "x", "--token", "typed", TOCSIN_TOKEN="from-environment")
    tokens = [received.metadata.get("authorization") for received in server.calls("Get")]
    assert tokens == [None, "Bearer from-environment", "Bearer typed"]


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


def test_the_commands_import_nothing_of_the_server() -> None:
    folder = Path(client_commands.__file__).parent
    for name in ("client_commands", "send_command", "watch_command", "connection", "arguments", "describe", "output"):
        for line in (folder / f"{name}.py").read_text("utf-8").splitlines():
            if "tocsin_server" in line and "import" in line:
                assert line.startswith("from tocsin_server.cli"), line
