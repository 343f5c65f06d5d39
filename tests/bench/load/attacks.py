"""What strangers do to a server to keep it from the others; each goes on for as long as its process lives.

Run as ``python -m bench.load.attacks ADDRESS NAME``: says a line once it is at it, and ends with its parent.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tocsin.v1 import notification_service_pb2 as pb

from bench.load import stream_event
from bench.load.http2 import Client, ProtocolFailure, UnaryLoad, open_streams
from bench.load.payload import SEND, SEND_BATCH
from bench.load.stream_client import SUBSCRIBE
from bench.processes import end_with_parent, say
from helpers.hostile_requests import COUNT_UNREAD, HOSTILE
from helpers.http2_frames import END_HEADERS, HEADERS, RST_STREAM, Wire, frame, grpc_frame, header_block
from tocsin_server.rpc.limits import LARGEST_REQUEST

AT_ONCE: Final = 200
"""Calls in one piece."""

EVENTS, REPLAYS, NARROW = 1_000, 90, 16_384
"""Events of a replay, streams that ask for it at a time (a recipient may have 100), and bytes that each takes of it."""

CROWD: Final = 1_000
"""Connections that say nothing."""


def bad_frames(address: str) -> Iterator[None]:
    """Say what no library would, each time on a connection of its own."""
    message = grpc_frame(b"")
    for block in itertools.cycle(HOSTILE.values()):
        with contextlib.suppress(OSError), Wire(address) as wire:
            wire.request(block, message)
        yield


def rapid_resets(address: str) -> Iterator[None]:
    """Begin calls and reset each at once, as fast as the server reads."""
    block, give_up = header_block(COUNT_UNREAD, "x"), (8).to_bytes(4, "big")
    while True:
        with contextlib.suppress(OSError), Wire(address) as wire:
            for start in range(1, 2**20, 2 * AT_ONCE):
                streams = range(start, start + 2 * AT_ONCE, 2)
                pairs = (
                    frame(HEADERS, END_HEADERS, one, block) + frame(RST_STREAM, 0, one, give_up) for one in streams
                )
                wire.send(b"".join(pairs))
                yield


def _ignored(_message: bytes, _at: float, _number: int) -> None:
    pass


def _refused(address: str, path: str, request: bytes, at_once: int) -> Iterator[None]:
    """Make calls whose outcome nobody looks at, so many at a time."""
    while True:
        with contextlib.suppress(ProtocolFailure), Client(address, 1) as client:
            while True:
                open_streams(client, path, [request] * at_once, _ignored)
                while client.connections[0].open_calls:
                    client.poll(1.0)
                yield


def fat_fields(address: str) -> Iterator[None]:
    """Send a title of nearly four megabytes, again and again."""
    request = pb.SendRequest.FromString(stream_event.send("x").SerializeToString())
    request.title = "x" * (LARGEST_REQUEST - 10_000)
    return _refused(address, SEND, request.SerializeToString(), 2)


def refusals(address: str) -> Iterator[None]:
    """Send what does not parse, which is refused and could be logged."""
    return _refused(address, SEND, b"\xff" * 50, AT_ONCE)


def silent_replays(address: str) -> Iterator[None]:
    """Ask for a long replay on many streams, read next to nothing of it, and ask anew."""
    to = stream_event.recipients(1)
    first = stream_event.subscribe(to[0])
    cursors: list[str] = []

    def keep_cursor(data: bytes, _at: float, _number: int) -> None:
        cursors.append(pb.SubscribeResponse.FromString(data).cursor)

    with Client(address, 1) as client:
        open_streams(client, SUBSCRIBE, [first.SerializeToString()], keep_cursor)
        while not cursors:
            client.poll(1.0)
    first.cursor = cursors[0]
    with Client(address, 1) as client:
        batches = [stream_event.batch(to * 500).SerializeToString()] * (EVENTS // 500)
        UnaryLoad(client, SEND_BATCH, batches).closed_loop(1)
    while True:
        with contextlib.suppress(ProtocolFailure), Client(address, 1, window=NARROW, replenish=False) as client:
            open_streams(client, SUBSCRIBE, [first.SerializeToString()] * REPLAYS, _ignored)
            until = time.monotonic() + 0.5
            while (left := until - time.monotonic()) > 0:
                client.poll(left)
        yield


def idle_crowds(address: str) -> Iterator[None]:
    """Keep a crowd of connections that say nothing, and let the oldest make room for new ones."""
    host, _, port = address.rpartition(":")
    crowd: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            crowd.append(socket.create_connection((host, int(port)), timeout=5))
        if len(crowd) >= CROWD:
            crowd.pop(0).close()
            time.sleep(0.001)
        yield


ATTACKS: Final[Mapping[str, Callable[[str], Iterator[None]]]] = {
    "bad frames": bad_frames,
    "rapid resets": rapid_resets,
    "fat fields": fat_fields,
    "silent replays": silent_replays,
    "refusals": refusals,
    "idle crowds": idle_crowds,
}
"""By name. Each step of an attack is one yield."""


def main(address: str, name: str) -> None:
    """Attack until the parent is gone."""
    attack = ATTACKS[name](address)
    next(attack)
    say()
    for _ in attack:
        pass


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1], sys.argv[2])
