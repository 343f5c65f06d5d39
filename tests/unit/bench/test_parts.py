"""What the benchmarks are made of: requests, the sink, the tally, databases full of settled notifications."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tocsin.v1 import notification_pb2

from bench import usage
from bench.benchmark import Benchmark
from bench.catalogue import catalogue, chosen
from bench.load.payload import response_of_size, send_request
from bench.load.settled import FEED, fill, recipient, settled_database
from bench.peers.relays import Sink, smtp_sink
from bench.tally import Tally


def test_names_of_benchmarks_and_of_measures_are_unique() -> None:
    names = [entry.name for entry in catalogue()]
    assert len(names) == len(set(names))
    measures = [m.name for entry in catalogue() if isinstance(entry, Benchmark) for m in entry.measures]
    assert len(measures) == len(set(measures))


def test_benchmarks_are_chosen_by_their_whole_name() -> None:
    assert [entry.name for entry in chosen("b3, B1")] == ["B1", "B3"]
    with pytest.raises(KeyError, match="no benchmark b99"):
        chosen("B1,B99")


def test_requests_have_keys_and_recipients_of_their_own() -> None:
    requests = [send_request([notification_pb2.CHANNEL_TYPE_EMAIL]) for _ in range(100)]
    for values in (
        {request.idempotency_key for request in requests},
        {request.recipient.id for request in requests},
        {request.channels[0].address for request in requests},
    ):
        assert len(values) == 100


@pytest.mark.parametrize("size", [600, 727, 728, 1_000, 5_000])
def test_the_ready_answer_has_the_size_asked_for(size: int) -> None:
    assert abs(response_of_size(size).ByteSize() - size) <= 1


def test_a_tally_is_shared_between_those_who_opened_the_file(tmp_path: Path) -> None:
    mine = Tally(tmp_path / "tally", places=3)
    theirs = Tally(tmp_path / "tally", make=False)
    for number in (2, None, 7, 0):
        theirs.add(number)
    assert mine.count == 4
    first, second, third = mine.times()
    assert first >= third > second == 0
    mine.wait(4, patience=1)
    with pytest.raises(TimeoutError, match="4 of 5"):
        mine.wait(5, patience=0.01)
    mine.clear()
    assert (theirs.count, set(theirs.times())) == (0, {0.0})


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """A running sink."""
    with smtp_sink(tmp_path, places=10) as sink:
        yield sink


def _connect(sink: Sink) -> socket.socket:
    host, _, port = sink.process.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def _answers(connection: socket.socket, count: int) -> list[bytes]:
    octets = b""
    while octets.count(b"\r\n") < count:
        octets += connection.recv(4096)
    return [line[:3] for line in octets.split(b"\r\n")[:-1]]


def test_the_sink_takes_pipelined_commands_and_content_cut_anywhere(sink: Sink) -> None:
    with _connect(sink) as connection:
        connection.sendall(b"EHLO me\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<ann-7@example.org> SIZE=9\r\nDATA\r\n")
        # Of two lines, the second says that commands may be pipelined.
        assert _answers(connection, 6) == [b"220", b"250", b"250", b"250", b"250", b"354"]
        for part in (b"Subject: x\r\n\r\nMAIL\r", b"\n.\r", b"\nRSET\r\nQUIT\r\n"):
            connection.sendall(part)
        assert _answers(connection, 3) == [b"250", b"250", b"221"]
    sink.tally.wait(1, patience=10)
    assert [number for number, at in enumerate(sink.tally.times()) if at] == [7]


def test_settled_notifications_have_what_the_server_would_have_written(tmp_path: Path) -> None:
    path = settled_database(tmp_path, tmp_path / "cache", 10 * FEED)
    with closing(sqlite3.connect(path)) as connection:

        def one(query: str, *values: object) -> object:
            return connection.execute(query, values).fetchone()[0]

        assert one("SELECT count(*) FROM notifications") == 10 * FEED
        assert one("SELECT count(*) FROM notification_channels WHERE status = 'pending'") == 0
        assert one("SELECT count(*) FROM idempotency_keys") == 10 * FEED
        assert one("SELECT count(*) FROM notifications WHERE recipient_id = ?", recipient(3)) == FEED
        unread = "SELECT count(*) FROM notifications WHERE recipient_id = ? AND NOT is_read"
        feed = "SELECT unread_count FROM recipient_feeds WHERE recipient_id = ?"
        assert one(unread, recipient(3)) == one(feed, recipient(3))
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_settled_database_is_made_once_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    settled_database(tmp_path, cache, FEED)
    monkeypatch.setattr("bench.load.settled.fill", None)
    copy = settled_database(tmp_path, cache, FEED)
    assert copy.read_bytes() == next(cache.iterdir()).read_bytes()


def test_an_interrupted_fill_is_not_taken_for_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, count: int) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bench.load.settled.fill", interrupted)
        with pytest.raises(KeyboardInterrupt):
            settled_database(tmp_path, tmp_path / "cache", FEED)
    copy = settled_database(tmp_path, tmp_path / "cache", FEED)
    assert copy.stat().st_size > 10_000
    assert fill.__name__ == "fill"


def test_a_meter_tells_this_process_from_the_one_that_is_measured() -> None:
    with usage.Meter([os.getpid()]) as meter:
        sum(range(3_000_000))
    assert meter.usage.wall > 0
    assert meter.usage.helpers[usage.GENERATOR] > 0
    assert meter.usage.per_operation(10) == pytest.approx(meter.usage.server * 1e5)
    assert usage.resident(os.getpid()) > 1_000_000
