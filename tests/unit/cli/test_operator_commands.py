"""``tocsin queue``, ``pause`` and ``resume`` as they are typed, against a scripted server."""

from __future__ import annotations

import json

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import operator_service_pb2 as operator_pb

from helpers.commands import Tocsin
from helpers.scripted_server import ScriptedServer, timestamp

LONG = "smtp://" + "relay-" * 20 + ".example:587"


def full_queue() -> operator_pb.GetQueueResponse:
    paused = operator_pb.PausedChannel(
        channel=pb.CHANNEL_TYPE_EMAIL, paused_at=timestamp(), paused_by="ops", reason="x" * 500
    )
    provider = operator_pb.ProviderQueue(
        provider=LONG,
        retrying_count=10_000,
        open_breaker_count=12,
        breaker_open_since=timestamp(),
        breaker_code="ConnectionRefusedError",
    )
    email = operator_pb.ChannelQueue(
        channel=pb.CHANNEL_TYPE_EMAIL,
        due_count=10_000,
        oldest_due_at=timestamp(),
        leased_count=10_000,
        waiting_count=10_000,
        paused=paused,
        providers=[provider, operator_pb.ProviderQueue(provider="smtp://b\x1b[31m")],
    )
    return operator_pb.GetQueueResponse(
        channels=[operator_pb.ChannelQueue(channel=pb.CHANNEL_TYPE_WEBSOCKET), email],
        undecided_count=10_000,
        undecided_late_count=7,
    )


def test_a_queue_fits_into_a_hundred_columns_whatever_is_in_it(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("GetQueue", full_queue())
    result = tocsin("queue")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in result.stdout
    assert lines[1].split() == ["websocket", "sends", "0", "-", "0", "0"]
    assert lines[2].split()[:3] == ["email", "paused", "10000+"]
    assert "left alone by 12" in lines[5]
    assert lines[6].split()[1:] == ["email", "0", "works"]
    assert lines[-2].startswith("email is paused since")
    assert lines[-1] == (
        "10000+ wait for a decision about their channels, 7 of them for more than half the time that they may"
    )


def test_json_has_all_of_it(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("GetQueue", full_queue())
    told = json.loads(tocsin("queue", "--json").stdout)
    assert told["channels"][1]["providers"][0]["provider"] == LONG
    assert told["channels"][1]["paused"]["reason"] == "x" * 500
    assert told["undecided_late_count"] == 7


def test_pause_and_resume_say_which_channel(tocsin: Tocsin, server: ScriptedServer) -> None:
    paused = operator_pb.PausedChannel(channel=pb.CHANNEL_TYPE_SMS, paused_at=timestamp(), reason="why")
    server.script("PauseChannel", operator_pb.PauseChannelResponse(paused_channel=paused))
    server.script("ResumeChannel", operator_pb.ResumeChannelResponse(was_paused=True))
    assert tocsin("pause", "sms", "--reason", "why").stdout.startswith("sms is paused since")
    assert json.loads(tocsin("resume", "sms", "--json").stdout) == {"channel": "sms", "was_paused": True}
    [asked] = server.calls("PauseChannel")
    assert (asked.request.channel, asked.request.reason) == (pb.CHANNEL_TYPE_SMS, "why")


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_channel_that_cannot_be_paused_is_refused_before_anything_is_asked(
    tocsin: Tocsin, server: ScriptedServer, command: str
) -> None:
    result = tocsin(command, "websocket")
    assert result.exit_code == 2
    assert "email, telegram, sms" in result.stderr
    assert not server.calls("PauseChannel")
