"""The raw HTTP/1.1 client of the benchmarks, against a server of the standard library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.load.http1 import Client, parse, post
from bench.load.http2 import CallsFailed

ANSWER = b"HTTP/1.1 201 Created\r\nserver: x\r\nContent-Length: 5\r\nx: y\r\n\r\nhello"


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500 if body == b"fail" else 201)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        # In two parts, so that some responses arrive in two reads.
        self.wfile.flush()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_response_is_read_whatever_case_its_headers_have() -> None:
    assert parse(ANSWER) == (201, b"hello")


def test_no_part_of_a_response_is_taken_for_all_of_it() -> None:
    assert all(parse(ANSWER[:size]) is None for size in range(len(ANSWER)))


def test_what_follows_a_response_is_not_lost_in_silence() -> None:
    with pytest.raises(CallsFailed, match="more than one"):
        parse(ANSWER + b"H")


def test_a_response_without_a_length_is_refused() -> None:
    with pytest.raises(CallsFailed, match="length"):
        parse(b"HTTP/1.1 200 OK\r\n\r\n")


def test_every_request_is_answered_once(address: str) -> None:
    with Client(address, connections=4) as client:
        requests = [post("/", address, str(number).encode()) for number in range(100)]
        outcome = client.closed_loop(requests, keep=100)
    assert outcome.bodies == [str(number).encode() for number in range(100)]
    assert min(outcome.latencies) > 0


def test_another_status_fails_the_load(address: str) -> None:
    with Client(address, connections=1) as client, pytest.raises(CallsFailed, match="1 requests: 500"):
        client.closed_loop([post("/", address, b"fail"), post("/", address, b"fine")])
