"""A server that takes connections and says nothing, neither greeting nor handshake nor answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class SilentServer:
    """Listens on a port of its own on 127.0.0.1 while the context is open; ``called`` is set once somebody connects."""

    def __init__(self) -> None:
        self.called = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._callers: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, name="silent-server")

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=60)
        for open_socket in (self._listener, *self._callers):
            open_socket.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                self._callers.append(self._listener.accept()[0])
                self.called.set()
