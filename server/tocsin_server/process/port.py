"""The server's port, as far as the gRPC library leaves it to us.

We bind it ourselves, to learn why it cannot be had, which the library says only in its own log, and to keep it for
workers. And we say how many connections may wait at it, for which the library takes the system's largest number.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator

from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError


def probe(listen: ListenAddress, *, shared: bool = False) -> None:
    """Make sure that a server can listen there; ``shared`` means beside others that share the port.

    Raises:
        ListenError: The address is in use, or not one of this machine.
    """
    with _bound(listen, shared=shared):
        pass


@contextlib.contextmanager
def reserved(listen: ListenAddress) -> Iterator[ListenAddress]:
    """Keep a port while the context is open, for servers that share it and for nobody else; yields it, never port 0.

    The socket that keeps it does not listen, and so gets no connection.

    Raises:
        ListenError: The address is in use, by servers that share it too, or not one of this machine.
    """
    with _bound(listen) as holder:
        # After binding: before, it would have let us in beside the workers of another server. And without
        # SO_REUSEADDR, which would let in whoever sets it as well, as long as no worker listens.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield ListenAddress(listen.host, holder.getsockname()[1])


def limit_waiting(port: int, most: int) -> None:
    """Let no more connections than ``most`` wait at a port of this process to be taken.

    Where the system does not list a process's files, nothing happens.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir("/dev/fd"):
            _limit_waiting(int(name), port, most)


def _limit_waiting(file: int, port: int, most: int) -> None:
    # Other threads close what they have meanwhile.
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(file).st_mode):
            with socket.socket(fileno=os.dup(file)) as one:
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and one.getsockname()[1] == port:
                    one.listen(most)


@contextlib.contextmanager
def _bound(listen: ListenAddress, *, shared: bool = False) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            bound = stack.enter_context(socket.socket(family, kind, protocol))
            # Connections of an earlier server that have just ended must not be in the way.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(address)
        except OSError as error:
            reason = error.strerror or error
            raise ListenError(f"cannot listen on {listen}: {reason} (TOCSIN_LISTEN, --listen)") from error
        yield bound
