"""``tocsin watch`` as it is typed, against a scripted server."""

from __future__ import annotations

import json
import os
import signal

import grpc
import pytest

from helpers.commands import USER, Tocsin, start
from helpers.scripted_server import (
    NOTIFICATION_ID,
    SILENCE,
    Refusal,
    ScriptedServer,
    arrived,
    read_changed,
    subscribed,
)


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
    rest, errors = process.communicate(timeout=60)
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
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors.splitlines() == ["tocsin: following the feed [0 unread]", "tocsin: to resume: --cursor c0"]


def test_watch_tells_of_a_server_that_does_not_answer(server: ScriptedServer) -> None:
    server.script("Subscribe", [SILENCE])
    process = start(server, "watch", "--to", USER)
    assert process.stderr is not None
    assert process.stderr.readline() == f"tocsin: no answer from {server.address} yet\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
