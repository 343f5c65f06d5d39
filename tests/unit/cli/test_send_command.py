"""``tocsin send`` as it is typed, against a scripted server."""

from __future__ import annotations

import json
import os
import signal

import grpc
import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.commands import USER, Tocsin, start
from helpers.scripted_server import (
    CREATED,
    NOTIFICATION_ID,
    SILENCE,
    USER_ID,
    Refusal,
    ScriptedServer,
    channel,
    notification,
    struct,
)
from tocsin_server.cli import send_command


def test_send_sends_what_is_typed(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Send", service_pb.SendResponse(notification=notification(channels=[channel("email")])))
    result = tocsin(
        *("send", "--to", USER, "--title", "Shipped", "--message", "Tuesday"),
        *("--channel", "websocket", "--channel", "email=ann@example.org", "--address", "sms=+15550100"),
        *("--metadata", '{"order_id": "A1"}', "--metadata", "shop=north", "--key", "order-A1"),
        *("--send-at", "2026-03-01T12:00:00Z", "--expires-at", "+10m"),
        *("--strategy", "fallback", "--escalate-after", "90s", "--goal", "sent"),
        *("--category", "order.shipped"),
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
    assert request.strategy.goal == pb.STRATEGY_GOAL_SENT
    assert request.category == "order.shipped"


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


def test_a_message_from_a_terminal_is_asked_for(
    tocsin: Tocsin, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script("Send", service_pb.SendResponse(notification=notification()))
    controller, terminal = os.openpty()
    with os.fdopen(terminal) as stdin:
        process = start(server, "send", "--to", "other", "--title", "T", "--message", "-", stdin=stdin)
    os.write(controller, b"typed\n\x04")
    _, errors = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == 0
    assert errors.startswith("tocsin: reading the message from the terminal; end it with Ctrl-D")
    assert server.calls("Send")[0].request.message == "typed"


def test_send_with_wait_prints_the_id_before_it_waits(server: ScriptedServer) -> None:
    waiting = notification(status=pb.STATUS_PENDING, channels=[channel("email", "pending")])
    server.script("Send", service_pb.SendResponse(notification=waiting))
    server.script("Get", SILENCE)
    process = start(server, "send", "--to", USER, "--title", "T", "--message", "M", "--wait")
    assert process.stdout is not None
    assert process.stdout.readline() == f"notification {NOTIFICATION_ID}\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_send_with_wait_and_json_tells_the_id_on_standard_error(
    tocsin: Tocsin, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_command, "POLL_FIRST", 0)
    waiting = notification(status=pb.STATUS_PENDING, channels=[channel("email", "pending")])
    server.script("Send", service_pb.SendResponse(notification=waiting))
    server.script("Get", service_pb.GetResponse(notification=notification(channels=[channel("email")])))
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--wait", "--json")
    assert result.stderr == f"tocsin: accepted as {NOTIFICATION_ID}\n"
    assert json.loads(result.stdout)["notification"]["status"] == "sent"


def test_send_gives_up_waiting_when_its_time_is_over(
    tocsin: Tocsin, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_command, "POLL_FIRST", 0)
    waiting = notification(status=pb.STATUS_PENDING, channels=[channel("email", "pending")])
    server.script("Send", service_pb.SendResponse(notification=waiting))
    server.script("Get", *[service_pb.GetResponse(notification=waiting)] * 1000)
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--wait", "--timeout", "50ms")
    assert result.exit_code == 3
    assert "status    pending" in result.stdout
    assert result.stderr == (
        "tocsin: email: being sent right now\n"
        f"tocsin: still pending after 50ms; ask again with: tocsin get {NOTIFICATION_ID}\n"
    )


def test_send_with_wait_outlives_a_server_that_restarts(
    tocsin: Tocsin, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_command, "POLL_FIRST", 0)
    waiting = notification(status=pb.STATUS_PENDING, channels=[channel("email", "pending")])
    away = Refusal(grpc.StatusCode.UNAVAILABLE, "the server is stopping", reason="SHUTTING_DOWN")
    server.script("Send", service_pb.SendResponse(notification=waiting))
    server.script("Get", *[away] * 6, service_pb.GetResponse(notification=notification(channels=[channel("email")])))
    result = tocsin("send", "--to", USER, "--title", "T", "--message", "M", "--wait")
    assert result.exit_code == 0
    assert "status    sent" in result.stdout
    assert result.stderr == ("tocsin: cannot ask after it at the moment (the server is stopping); waiting goes on\n")
