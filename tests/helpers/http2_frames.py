"""HTTP/2 frames (RFC 9113), written and read as they are, and a client that says whatever it is told to.

`Wire` is for what no library would send. The load generator of the benchmarks is made of the same frames.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED, PRIORITY = 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 4, 5

FRAME_HEAD = struct.Struct(">BHBBI")
"""Length in two parts, kind, flags, stream."""

SETTING = struct.Struct(">HI")

PATIENCE = 60.0
"""Seconds without a frame after which the server is taken to be silent."""

Header: TypeAlias = tuple[str | bytes, str | bytes]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    return FRAME_HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def grpc_frame(message: bytes) -> bytes:
    """Put gRPC's prefix before a message: not compressed, length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def header_block(path: str | bytes, authority: str, metadata: Sequence[Header] = ()) -> bytes:
    """Write a request's headers as HPACK literals without indexing (RFC 7541, 6.2.2): the same bytes for each call."""
    return literals([*request_headers(path, authority), *metadata])


def request_headers(path: str | bytes, authority: str) -> list[Header]:
    """Return the headers of a request, to be changed at will."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


def literals(headers: Sequence[Header]) -> bytes:
    """Write any headers in that form."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in headers)


def _string(text: str | bytes) -> bytes:
    """Write a string literal without Huffman coding (RFC 7541, 5.2)."""
    octets = text.encode("ascii") if isinstance(text, str) else text
    if len(octets) < 127:
        return bytes((len(octets),)) + octets
    length, rest = bytearray((127,)), len(octets) - 127
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    length.append(rest)
    return bytes(length) + octets


def decode_headers(block: bytes) -> dict[str, str]:
    """Decode a header block that refers to no dynamic table."""
    decoder = hpack.Decoder()
    decoder.header_table_size = 0
    return {_text(name): _text(value) for name, value in (header[:2] for header in decoder.decode(block, raw=True))}


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("ascii", "replace")


class Frame(NamedTuple):
    """A frame that was read."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Wire:
    """A connection that sends what it is told and reads what comes. Blocking.

    Args:
        address: ``host:port``.
        settings: By which it introduces itself.
    """

    def __init__(self, address: str, settings: Sequence[tuple[int, int]] = ()) -> None:
        host, _, port = address.rpartition(":")
        self.address = address
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        self._next_stream = 1
        self._decoder = hpack.Decoder()
        announced = b"".join(SETTING.pack(*item) for item in settings)
        self.send(PREFACE + frame(SETTINGS, 0, 0, announced))

    def send(self, octets: bytes) -> None:
        """Send octets; raises OSError when the server has hung up."""
        self.socket.sendall(octets)

    def request(self, block: bytes, payload: bytes | None = None) -> int:
        """Open a stream with a header block, and end it if there is a payload; returns its number."""
        stream = self._next_stream
        self._next_stream += 2
        octets = frame(HEADERS, END_HEADERS, stream, block)
        if payload is not None:
            octets += frame(DATA, END_STREAM, stream, payload)
        self.send(octets)
        return stream

    def long_request(self, block: bytes, payload: bytes) -> int:
        """Open a stream with a header block that takes several frames, and end it."""
        stream = self._next_stream
        self._next_stream += 2
        first, *more = (block[start : start + 16_000] for start in range(0, len(block), 16_000))
        octets = frame(HEADERS, 0 if more else END_HEADERS, stream, first)
        for number, part in enumerate(more, 1):
            octets += frame(CONTINUATION, END_HEADERS if number == len(more) else 0, stream, part)
        self.send(octets + frame(DATA, END_STREAM, stream, payload))
        return stream

    def frames(self, patience: float = PATIENCE) -> Iterator[Frame]:
        """Yield frames as they come, answering pings and settings, until the server hangs up or is silent for long."""
        deadline = time.monotonic() + patience
        while True:
            while len(self._read) < 9 or len(self._read) < 9 + _length(self._read):
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
                try:
                    chunk = self.socket.recv(65_536)
                except TimeoutError:
                    return
                except ConnectionError:
                    return
                if not chunk:
                    return
                self._read += chunk
            high, low, kind, flags, stream = FRAME_HEAD.unpack_from(self._read)
            end = 9 + (high << 16 | low)
            payload, self._read = self._read[9:end], self._read[end:]
            if kind in (SETTINGS, PING) and not flags & ACK:
                with contextlib.suppress(OSError):
                    self.send(frame(kind, ACK, 0, payload if kind == PING else b""))
            yield Frame(kind, flags, stream, payload)

    def heard(self, patience: float = PATIENCE) -> bool:
        """Wait until the server has read all that was said, and tell whether it has not hung up over it."""
        with contextlib.suppress(OSError):
            self.send(frame(PING, 0, 0, b"heard it"))
            return any(one.kind == PING and one.flags & ACK for one in self.frames(patience))
        return False

    def answer(self, stream: int, patience: float = PATIENCE) -> Answer:
        """Return how a stream ended."""
        headers: dict[str, str] = {}
        body = b""
        for one in self.frames(patience):
            if one.kind == HEADERS:
                block = {_text(name): _text(value) for name, value in self._decoder.decode(one.payload, raw=True)}
                if one.stream == stream:
                    headers |= block
            elif one.kind == DATA and one.stream == stream:
                body += one.payload
            elif one.kind == RST_STREAM and one.stream == stream:
                return Answer(headers, body, reset=int.from_bytes(one.payload, "big"))
            elif one.kind == GOAWAY:
                return Answer(headers, body, going_away=one.payload[8:])
            if one.stream == stream and one.kind in (HEADERS, DATA) and one.flags & END_STREAM:
                return Answer(headers, body)
        return Answer(headers, body, hung_up=True)

    def close(self) -> None:
        """Hang up. Idempotent."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Answer:
    """How a stream ended: with headers (a gRPC status among them), a reset, or the end of the connection."""

    headers: dict[str, str]
    body: bytes
    reset: int | None = None
    going_away: bytes | None = None
    hung_up: bool = False

    @property
    def status(self) -> str:
        """The gRPC status, empty without one."""
        return self.headers.get("grpc-status", "")


def _length(octets: bytes) -> int:
    return int.from_bytes(octets[:3], "big")
