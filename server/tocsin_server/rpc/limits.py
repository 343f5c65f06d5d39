"""What the gRPC library lets strangers use up: its options, each with its reason.

The names are those of gRPC's ``channel_arg_names.h``. The library ignores a name that it does not know without a word;
so a test looks for each of them in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LARGEST_REQUEST: Final = 4 * 1024 * 1024
"""Bytes of a request; a larger one is refused by the transport, without details of ours."""

LARGEST_HEADERS: Final = 16 * 1024
"""Bytes of a call's headers: more than any token, and what clients accept of ours as well."""

STREAMS: Final = 1_000
"""Calls at a time on one connection; clients keep further ones waiting.

Without a bound, calls that are begun and reset at once pile up: with one such connection, others waited 6.7 s and the
process took 1.6 GB in 5 s; with this one 17 ms and 113 MB.
"""

HANDSHAKE: Final = 10.0
"""Seconds that a connection has for TLS and the first frame."""

ACKNOWLEDGED: Final = 5.0
"""Seconds that a client has for acknowledging these limits; before, the library does not hold it to all of them."""

IDLE: Final = 60.0
"""Seconds without a call after which a connection is closed; clients make a new one for the next."""

CONNECTIONS: Final = 15_000
"""Connections of a process, if the system lets it open so many files; beyond, new ones are closed at once."""

WAITING: Final = 128
"""Connections that may wait to be taken; the clients of others try again by themselves, after a second.

The library takes all that wait before it looks at one that it has. Where the system lets 4,096 wait, whoever makes
connections as fast as it can lets everybody's calls wait until so many were greeted: 1.1 s (p99), and 0.1 s with this.
"""

SPARE: Final = 250
"""Files for everything else: the database, lines to relays and providers, the bus."""

CONNECTION_AGE = 600.0
"""Seconds after which a server that shares its port asks a connection's client to make a new one.

The system chooses a server once for each connection, so that those of busy clients may all be with one, and a server
that was started again would get none from clients that stay. No call is cut off: those under way end on the old
connection in their own time (the library's default grace is infinite), streams at their maximum age at the latest.
"""

OPTIONS: Final = (
    # The next server listens before the one that ended has let go of the port. Who may share it, `port` decides.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", LARGEST_REQUEST),
    # Between the two, the library refuses some at random.
    ("grpc.max_metadata_size", LARGEST_HEADERS),
    ("grpc.absolute_max_metadata_size", LARGEST_HEADERS),
    ("grpc.max_concurrent_streams", STREAMS),
    # A burst of new calls beyond these is refused: 10,000 subscribers that reconnect at once must not be.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    ("grpc.server_handshake_timeout_ms", round(HANDSHAKE * 1000)),
    ("grpc.http2.settings_timeout", round(ACKNOWLEDGED * 1000)),
    ("grpc.max_connection_idle_ms", round(IDLE * 1000)),
    # Find dead connections of subscribers, and let clients do the same (theirs every 60 s or rarer).
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Pings that come faster are counted, and the third ends the connection.
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ("grpc.http2.max_ping_strikes", 2),
)


def connections_within(open_files: int) -> int:
    """Return how many connections a process may have that may open so many files."""
    return max(1, min(CONNECTIONS, open_files - min(SPARE, open_files // 4)))


def options(*, shared_port: bool, connections: int = CONNECTIONS) -> Sequence[tuple[str, int]]:
    """Return the options of a server that may have so many connections, alone on its port or not."""
    more = [("grpc.max_allowed_incoming_connections", connections)]
    if shared_port:
        more.append(("grpc.max_connection_age_ms", round(CONNECTION_AGE * 1000)))  # the library spreads it by a tenth
    return (*OPTIONS, *more)
