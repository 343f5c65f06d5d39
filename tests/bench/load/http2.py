"""A load generator for gRPC that costs next to nothing: HTTP/2 frames over plain sockets, made before the clock runs.

A client library spends as much on a call as the server that is to be measured, and would share the machine with it.
Here a request is two prepared byte strings and a stream number. Answers are cheap too, thanks to one announcement: with
SETTINGS_HEADER_TABLE_SIZE = 0 the server has nothing to refer back to, so that equal headers are equal bytes, which are
decoded once and looked up afterwards.

One thread, no TLS, and of HTTP/2 (RFC 9113) just what gRPC servers use::

    with Client("127.0.0.1:50051", connections=8) as client:
        outcome = UnaryLoad(client, "/tocsin.v1.NotificationService/Send", messages).closed_loop(in_flight=256)

    client.connections[0].call(header_block(path, authority), grpc_frame(b""), Messages(0, on_message))
    client.poll(1.0)
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from helpers.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD,
    GOAWAY,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    decode_headers,
    frame,
    grpc_frame,
    header_block,
)

DEFAULT_WINDOW = 65_535
LARGEST_WINDOW = 2**31 - 1
DEFAULT_FRAME = 16_384

REPLENISH = 2**28
"""Bytes received on a connection after which its window is opened again; one update for very many answers."""

READ_SIZE = 256 * 1024

_HEADERS_TAIL = bytes((HEADERS, END_HEADERS))


class ProtocolFailure(Exception):
    """The server did something that this client does not speak, or ended the connection."""


class HungUp(ProtocolFailure):
    """The connection ended, or is about to."""


class CallsFailed(Exception):
    """Calls of a load did not end with the status OK, so that it measured nothing."""


class Receiver(Protocol):
    """Takes what comes back on a stream. ``at`` is when it was read from the socket (monotonic seconds)."""

    def data(self, stream: int, payload: bytes, at: float) -> None:
        """Take the payload of a DATA frame."""

    def ended(self, stream: int, trailers: bytes | None, at: float) -> None:
        """Take the end: the header block of the trailers, None if the server reset the stream."""


class Statuses:
    """Tells the outcome of calls from their trailers, decoding each distinct header block once."""

    def __init__(self) -> None:
        self._known: dict[bytes | None, str] = {None: "stream reset"}

    def of(self, trailers: bytes | None) -> str:
        """Return an empty text for OK, else the status and what it says."""
        known = self._known.get(trailers)
        if known is not None:
            return known
        assert trailers is not None
        headers = decode_headers(trailers)
        status = headers.get("grpc-status", "none")
        text = "" if status == "0" else f"grpc-status {status}: {headers.get('grpc-message', '')}"
        self._known[trailers] = text
        return text


# -- a connection --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Unsent:
    """What flow control holds back of a request."""

    stream: int
    payload: bytes
    window: int
    offset: int = 0


class Connection:
    """One HTTP/2 connection to ``address`` (host:port).

    ``window`` is how many bytes the server may send ahead, on each stream and in all. With ``replenish`` it is opened
    again as bytes arrive; without, a server that sends more than that finds a client that does not read.
    """

    def __init__(self, address: str, *, window: int = LARGEST_WINDOW, replenish: bool = True) -> None:
        self.address = address
        self.heads: Counter[bytes] = Counter()
        """Header blocks of answers, and how often each came."""
        self._replenish = replenish
        self._ahead = window
        self.connect()

    def connect(self) -> None:
        """Connect, also once more."""
        host, _, port = self.address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._received = 0
        self._rest = b""
        self._out = bytearray()
        self._next_stream = 1
        self._receivers: dict[int, Receiver] = {}
        self._unsent: deque[_Unsent] = deque()
        # What we may send: the peer's windows and frame size.
        self._window = DEFAULT_WINDOW
        self._stream_window = DEFAULT_WINDOW
        self._frame_size = DEFAULT_FRAME
        window, settings = self._ahead, {HEADER_TABLE_SIZE: 0, ENABLE_PUSH: 0, INITIAL_WINDOW_SIZE: self._ahead}
        self._out += PREFACE + frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*item) for item in settings.items()))
        if window > DEFAULT_WINDOW:
            self._out += frame(WINDOW_UPDATE, 0, 0, (window - DEFAULT_WINDOW).to_bytes(4, "big"))

    @property
    def open_calls(self) -> int:
        """How many calls have not ended."""
        return len(self._receivers)

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait for the socket."""
        return bool(self._out)

    def call(self, block: bytes, payload: bytes, receiver: Receiver) -> int:
        """Queue a request: its header block and gRPC frame; returns the number of its stream."""
        stream = self._next_stream
        self._next_stream = stream + 2
        self._receivers[stream] = receiver
        number = stream.to_bytes(4, "big")
        self._out += len(block).to_bytes(3, "big") + _HEADERS_TAIL + number + block
        size = len(payload)
        if self._unsent or size > self._window or size > self._stream_window or size > self._frame_size:
            self._unsent.append(_Unsent(stream, payload, self._stream_window))
            self._send_unsent()
        else:
            self._window -= size
            self._out += (size << 16 | END_STREAM).to_bytes(5, "big") + number + payload  # DATA is 0
        return stream

    def cancel(self, stream: int) -> None:
        """Give a call up."""
        if self._receivers.pop(stream, None) is not None:
            self._out += frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big"))

    def _send_unsent(self) -> None:
        """Send as much of the held back requests as the windows allow."""
        waiting: deque[_Unsent] = deque()
        while self._unsent:
            item = self._unsent.popleft()
            while item.offset < len(item.payload):
                size = min(len(item.payload) - item.offset, self._window, item.window, self._frame_size)
                if size <= 0:
                    break
                chunk = item.payload[item.offset : item.offset + size]
                item.offset += size
                item.window -= size
                self._window -= size
                last = item.offset == len(item.payload)
                self._out += frame(DATA, END_STREAM if last else 0, item.stream, chunk)
            if item.offset < len(item.payload):
                waiting.append(item)
        self._unsent = waiting

    def flush(self) -> None:
        """Write what the socket takes.

        Raises:
            ProtocolFailure: The connection broke.
        """
        while self._out:
            try:
                sent = self.socket.send(self._out)
            except BlockingIOError:
                return
            except OSError as error:
                raise HungUp(f"the connection broke: {error}") from error
            del self._out[:sent]

    def receive(self) -> None:
        """Read what is there, once, and hand it to the receivers.

        Raises:
            ProtocolFailure: See there.
        """
        try:
            chunk = self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            raise HungUp(f"the connection broke: {error}") from error
        at = time.monotonic()
        if not chunk:
            raise HungUp("the server closed the connection")
        octets = self._rest + chunk if self._rest else chunk
        position, end = 0, len(octets)
        unpack = FRAME_HEAD.unpack_from
        while end - position >= 9:
            high, low, kind, flags, stream = unpack(octets, position)
            begin = position + 9
            stop = begin + (high << 16 | low)
            if stop > end:
                break
            position = stop
            if kind == DATA:
                self._data(flags, stream, octets[begin:stop], at)
            elif kind == HEADERS:
                self._headers(flags, stream, octets[begin:stop], at)
            else:
                self._other(kind, flags, stream, octets[begin:stop], at)
        self._rest = octets[position:]

    def _data(self, flags: int, stream: int, payload: bytes, at: float) -> None:
        if flags & PADDED:
            raise ProtocolFailure("padded DATA")
        if self._replenish:
            self._received += len(payload)
            if self._received >= REPLENISH:
                self._out += frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big"))
                self._received = 0
        receiver = self._receivers.get(stream)
        if receiver is not None:
            receiver.data(stream, payload, at)

    def _headers(self, flags: int, stream: int, block: bytes, at: float) -> None:
        if flags & (PADDED | PRIORITY) or not flags & END_HEADERS:
            raise ProtocolFailure("HEADERS that are padded, have a priority or go on in another frame")
        if flags & END_STREAM:
            receiver = self._receivers.pop(stream, None)
            if receiver is not None:
                receiver.ended(stream, block, at)
        else:
            self.heads[block] += 1

    def _other(self, kind: int, flags: int, stream: int, payload: bytes, at: float) -> None:
        if kind == WINDOW_UPDATE:
            self._opened(stream, int.from_bytes(payload, "big"))
        elif kind == PING and not flags & ACK:
            self._out += frame(PING, ACK, 0, payload)
        elif kind == SETTINGS and not flags & ACK:
            self._settings(payload)
            self._out += frame(SETTINGS, ACK, 0)
        elif kind == RST_STREAM:
            receiver = self._receivers.pop(stream, None)
            if receiver is not None:
                receiver.ended(stream, None, at)
        elif kind == GOAWAY:
            raise HungUp(f"the server ends the connection: {payload[8:].decode('ascii', 'replace')}")
        elif kind == CONTINUATION:
            raise ProtocolFailure("CONTINUATION")

    def _opened(self, stream: int, increment: int) -> None:
        if stream == 0:
            self._window += increment
        else:
            for item in self._unsent:
                if item.stream == stream:
                    item.window += increment
        if self._unsent:
            self._send_unsent()

    def _settings(self, payload: bytes) -> None:
        for name, value in SETTING.iter_unpack(payload):
            if name == INITIAL_WINDOW_SIZE:
                for item in self._unsent:
                    item.window += value - self._stream_window
                self._stream_window = value
            elif name == MAX_FRAME_SIZE:
                self._frame_size = value
        self._send_unsent()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class Client:
    """Several connections, served by whoever calls `poll`.

    A server hangs up on who says nothing for a while, as this does while others have their turn. Where no call is open,
    `poll` then connects anew.
    """

    def __init__(self, address: str, connections: int, *, window: int = LARGEST_WINDOW, replenish: bool = True) -> None:
        self.connections = [Connection(address, window=window, replenish=replenish) for _ in range(connections)]
        self._epoll = select.epoll()
        self._by_number = {connection.socket.fileno(): connection for connection in self.connections}
        self._writing: set[int] = set()
        for number in self._by_number:
            self._epoll.register(number, select.EPOLLIN)

    def fileno(self) -> int:
        """Return what becomes readable when something has arrived."""
        return self._epoll.fileno()

    def poll(self, timeout: float) -> None:
        """Send what is queued, wait up to ``timeout`` seconds for something to arrive, and handle it."""
        self.flush()
        # epoll itself counts in milliseconds; waiting for its descriptor counts in microseconds.
        if timeout < 0.01:
            if not select.select((self._epoll,), (), (), timeout)[0]:
                return
            timeout = 0
        for number, events in self._epoll.poll(timeout):
            if events & ~select.EPOLLOUT:
                self._receive(number)
        self.flush()

    def _receive(self, number: int) -> None:
        try:
            self._by_number[number].receive()
        except HungUp as error:
            self._connect_anew(number, error)

    def _connect_anew(self, number: int, error: HungUp) -> None:
        """Replace a connection that has ended; raise the error where a call was open on it."""
        connection = self._by_number[number]
        if connection.open_calls:
            raise error
        self._epoll.unregister(number)
        self._writing.discard(number)
        del self._by_number[number]
        connection.close()
        connection.connect()
        self._by_number[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket.fileno(), select.EPOLLIN)

    def flush(self) -> None:
        """Write what is queued on all connections, as far as their sockets take it."""
        for number, connection in tuple(self._by_number.items()):
            if not connection.wants_to_write:
                continue
            try:
                connection.flush()
            except HungUp as error:
                self._connect_anew(number, error)
                continue
            if connection.wants_to_write:
                if number not in self._writing:
                    self._writing.add(number)
                    self._epoll.modify(number, select.EPOLLIN | select.EPOLLOUT)
            elif number in self._writing:
                self._writing.discard(number)
                self._epoll.modify(number, select.EPOLLIN)

    def close(self) -> None:
        """Hang up."""
        self._epoll.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# -- streams -------------------------------------------------------------------------------------


class Messages:
    """Receiver of one server-streaming call: hands over each message as ``on_message(message, at, number)``.

    ``number`` is the caller's own for this call, since stream numbers repeat between connections. ``on_end`` gets what
    `Statuses.of` says of the end, and the number.
    """

    __slots__ = ("_number", "_on_end", "_on_message", "_rest", "_statuses")

    def __init__(
        self,
        number: int,
        on_message: Callable[[bytes, float, int], None],
        on_end: Callable[[str, int], None] | None = None,
        statuses: Statuses | None = None,
    ) -> None:
        self._number = number
        self._on_message = on_message
        self._on_end = on_end
        self._statuses = statuses or Statuses()
        self._rest = b""

    def data(self, stream: int, payload: bytes, at: float) -> None:
        """See `Receiver`."""
        # As a rule a frame is one message.
        if not self._rest and int.from_bytes(payload[1:5], "big") == len(payload) - 5:
            self._on_message(payload[5:], at, self._number)
            return
        octets = self._rest + payload
        while len(octets) >= 5:
            stop = 5 + int.from_bytes(octets[1:5], "big")
            if len(octets) < stop:
                break
            self._on_message(octets[5:stop], at, self._number)
            octets = octets[stop:]
        self._rest = octets

    def ended(self, stream: int, trailers: bytes | None, at: float) -> None:
        """See `Receiver`."""
        if self._on_end is not None:
            self._on_end(self._statuses.of(trailers), self._number)


# -- unary calls ---------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a load brought: all its calls ended with OK.

    ``latencies`` are seconds by place of the message; of a paced load they run from when the call was due, so that a
    server that stalls is charged for everybody who waits. ``late`` is by how much the generator itself was behind.
    ``begun`` is when the first was due (monotonic seconds).
    """

    begun: float
    seconds: float
    latencies: array[float]
    bodies: list[bytes]
    late: array[float] = field(default_factory=lambda: array("d"))

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds


class UnaryLoad:
    """Unary calls of one method.

    Args:
        client: Where to.
        path: The method, ``/package.Service/Method``.
        messages: Serialised requests, one call each.
        keep: Of how many calls, the first, the answers are kept.
        patience: Seconds without any answer after which the load has failed.
    """

    def __init__(
        self, client: Client, path: str, messages: Sequence[bytes], *, keep: int = 3, patience: float = 30.0
    ) -> None:
        self._client = client
        self._path = path
        self._block = header_block(path, client.connections[0].address)
        self._payloads = [grpc_frame(message) for message in messages]
        self._keep = keep
        self._patience = patience
        self._statuses = Statuses()
        self._failures: Counter[str] = Counter()
        self._bodies: dict[int, bytes] = {}
        self._latencies = array("d", bytes(8 * len(messages)))
        self._next = 0
        self._done = 0
        self._ended_at = 0.0

    def closed_loop(self, in_flight: int) -> Outcome:
        """Keep ``in_flight`` calls open, spread over the connections, until all messages were sent and answered."""
        self._client.poll(0)
        calls = [_Calls(self, connection, again=True) for connection in self._client.connections]
        begun = time.monotonic()
        for number in range(min(in_flight, len(self._payloads))):
            calls[number % len(calls)].start(begun)
        self._until_done(len(self._payloads))
        return self._outcome(begun)

    def paced(self, rate: float) -> Outcome:
        """Start ``rate`` calls a second, evenly, whatever becomes of those before."""
        self._client.poll(0)
        calls = [_Calls(self, connection, again=False) for connection in self._client.connections]
        late = array("d")
        begun = time.monotonic() + 0.01
        answered = begun
        for number in range(len(self._payloads)):
            due = begun + number / rate
            while (wait := due - time.monotonic()) > 0:
                done = self._done
                self._client.poll(wait)
                answered = time.monotonic() if self._done > done or self._done == number else answered
                if time.monotonic() - answered > self._patience:
                    raise CallsFailed(f"{self._path}: no answer for {self._patience:g} s")
            late.append(time.monotonic() - due)
            calls[number % len(calls)].start(due)
        self._client.flush()
        self._until_done(len(self._payloads))
        outcome = self._outcome(begun)
        outcome.late = late
        return outcome

    def _until_done(self, total: int) -> None:
        while self._done < total:
            done = self._done
            self._client.poll(self._patience)
            # Frames other than answers arrive too, but a server that only sends those for so long is stuck as well.
            if self._done == done:
                self._wait_for_progress(done)

    def _wait_for_progress(self, done: int) -> None:
        deadline = time.monotonic() + self._patience
        while self._done == done:
            left = deadline - time.monotonic()
            if left <= 0:
                raise CallsFailed(f"{self._path}: no answer for {self._patience:g} s; {done} calls were answered")
            self._client.poll(left)

    def _outcome(self, begun: float) -> Outcome:
        if self._failures:
            raise CallsFailed(f"{self._path}: " + "; ".join(f"{n} calls: {text}" for text, n in self._failures.items()))
        bodies = [self._bodies[place] for place in sorted(self._bodies)]
        for body in bodies:
            if len(body) < 5 or body[0] or int.from_bytes(body[1:5], "big") != len(body) - 5:
                raise CallsFailed(f"{self._path}: an answer is not one uncompressed message")
        return Outcome(begun, self._ended_at - begun, self._latencies, [body[5:] for body in bodies])


class _Calls:
    """Calls of a load on one connection. It reads the load's attributes itself: a property costs at every call."""

    __slots__ = ("_again", "_connection", "_load", "_open")

    def __init__(self, load: UnaryLoad, connection: Connection, *, again: bool) -> None:
        self._load = load
        self._connection = connection
        self._again = again
        self._open: dict[int, tuple[int, float]] = {}

    def start(self, at: float) -> None:
        """Start the next call, which counts from ``at``."""
        load = self._load
        place = load._next
        load._next = place + 1
        stream = self._connection.call(load._block, load._payloads[place], self)
        self._open[stream] = (place, at)

    def data(self, stream: int, payload: bytes, at: float) -> None:
        """See `Receiver`."""
        place, _ = self._open[stream]
        if place < self._load._keep:
            self._load._bodies[place] = self._load._bodies.get(place, b"") + payload

    def ended(self, stream: int, trailers: bytes | None, at: float) -> None:
        """See `Receiver`."""
        load = self._load
        place, begun = self._open.pop(stream)
        if failure := load._statuses.of(trailers):
            load._failures[failure] += 1
        load._latencies[place] = at - begun
        load._done += 1
        load._ended_at = at
        if self._again and load._next < len(load._payloads):
            self.start(at)


def open_streams(
    client: Client,
    path: str,
    messages: Sequence[bytes],
    on_message: Callable[[bytes, float, int], None],
    on_end: Callable[[str, int], None] | None = None,
) -> None:
    """Open a server-streaming call for each message, numbered by its place, spread over the connections."""
    statuses = Statuses()
    for number, message in enumerate(messages):
        connection = client.connections[number % len(client.connections)]
        block = header_block(path, connection.address)
        connection.call(block, grpc_frame(message), Messages(number, on_message, on_end, statuses))
    with contextlib.suppress(BlockingIOError):
        client.flush()
