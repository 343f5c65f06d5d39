"""The servers that scenarios are about."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc
import jwt
import trustme
from google.protobuf import json_format

from helpers.process import ServerProcess
from helpers.scripted_server import SILENCE, Refusal, ScriptedServer
from helpers.server import feed_server
from helpers.silent_server import SilentServer
from runner import newer
from tocsin_server.feed.stream import StreamTimes

SECRET: Final = "a secret of at least thirty-two bytes"  # noqa: S105 - of servers that live for seconds

TOKENS: Final = {"service": "*", "sender": "send", "reader": "read", "decider": "route"}
"""Names of tokens, and their scopes. The token is ``<name>-token``."""


class World:
    """A server, and what else there is to a scenario. ``variables`` are for its steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.variables: dict[str, Any] = {}

    @property
    def address(self) -> str:
        """Where the server listens."""
        raise NotImplementedError

    def control(self, action: str) -> None:
        """Do something to the server; see the worlds that can."""
        raise ValueError(f"this server cannot be asked to {action}")

    def token(self, subject: str, lifetime: float) -> str:
        """Make a recipient's token."""
        claims = {"sub": subject, "exp": time.time() + lifetime}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    def stored(self, recipient_id: str) -> int:
        """Return how many notifications the server has stored for somebody."""
        raise NotImplementedError

    def close(self) -> None:
        """End everything. Idempotent."""
        self.stack.close()


class ProcessWorld(World):
    """The real server as users run it, which can be killed and started again at the same address."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        super().__init__(folder)
        self._arguments, self._settings = arguments, settings
        self._process = self._start()
        self._address = self._process.address
        self.stack.callback(self._end)

    def _end(self) -> None:
        self._process.close()

    def _start(self, *arguments: str) -> ServerProcess:
        return ServerProcess(self.folder, *self._arguments, *arguments, **self._settings)

    @property
    def address(self) -> str:
        """See `World.address`."""
        return self._address

    def control(self, action: str) -> None:
        """``kill``, as ``kill -9`` does; ``stop``, as an operator does; ``start`` again; ``forget`` all data."""
        if action == "start":
            self._process = self._start("--listen", self._address)
            assert self._process.address == self._address
        elif action == "forget":
            self.control("kill")
            for file in self.folder.glob("tocsin.db*"):
                file.unlink()
            self.control("start")
        elif action == "kill":
            self._process.kill()
            self._process.close()
        elif action == "stop":
            self._process.terminate()
            self._process.wait()
            self._process.close()
        else:
            super().control(action)

    def stored(self, recipient_id: str) -> int:
        """See `World.stored`."""
        sql = "SELECT count(*) FROM notifications WHERE recipient_id = ?"
        for form in (recipient_id, uuid.UUID(recipient_id).bytes):
            [(count,)] = self._process.database.rows(sql, form)
            if count:
                break
        return int(count)


class TlsWorld(ProcessWorld):
    """The real server with a certificate of an authority that nobody knows, for ``localhost``."""

    def __init__(self, folder: Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        certificate = authority.issue_cert("localhost")
        cert, key = folder / "server.pem", folder / "server.key"
        cert.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(key)
        super().__init__(folder, "--dev", TOCSIN_TLS_CERT=str(cert), TOCSIN_TLS_KEY=str(key))
        for name, who in (("ca", authority), ("other_ca", stranger)):
            path = folder / f"{name}.pem"
            who.cert_pem.write_to_path(path)
            self.variables[name] = str(path)
        self.variables["port"] = self.address.rpartition(":")[2]

    @property
    def address(self) -> str:
        """The name that the certificate is for."""
        return f"localhost:{super().address.rpartition(':')[2]}"


class FeedWorld(World):
    """Feeds alone, with other times and limits than the application has."""

    def __init__(self, folder: Path, times: StreamTimes, **limits: Any) -> None:
        super().__init__(folder)
        self._server = self.stack.enter_context(feed_server(folder, times=times, **limits))

    @property
    def address(self) -> str:
        """See `World.address`."""
        return self._server.address


BRIEF: Final = StreamTimes(heartbeat=0.2, position_check=0.5, maximum_age=1.0)
"""Heartbeats each 0.2 s, and streams that end after a second."""


class ScriptedWorld(World):
    """A server that answers what the scenario says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = self.stack.enter_context(ScriptedServer())

    @property
    def address(self) -> str:
        """See `World.address`."""
        return self._server.address

    def control(self, action: str) -> None:
        """``stop`` and ``start``."""
        if action not in {"stop", "start"}:
            super().control(action)
        getattr(self._server, action)()

    def script(self, rpc: str, steps: Sequence[Any]) -> None:
        """Append steps: ``{"answer": …}`` in JSON form, ``{"refuse": …}``, ``{"silence": true}``; lists of them for
        streams.
        """
        for step in steps:
            self._server.script(rpc, [_step(rpc, one) for one in step] if isinstance(step, list) else _step(rpc, step))

    def received(self, rpc: str, count: int) -> list[dict[str, Any]]:
        """Wait until an RPC was called so often; returns each request, in JSON form, and its metadata."""
        calls = self._server.wait_for_calls(rpc, count)
        return [
            {
                "request": json_format.MessageToDict(call.request, preserving_proto_field_name=True),
                "metadata": dict(call.metadata),
                "time_remaining": call.time_remaining,
            }
            for call in calls
        ]


def _step(rpc: str, step: Mapping[str, Any]) -> Any:
    if "refuse" in step:
        refusal = dict(step["refuse"])
        violations = [(entry["field"], entry["description"]) for entry in refusal.pop("violations", ())]
        return Refusal(grpc.StatusCode[refusal.pop("code")], violations=violations, **refusal)
    if "answer" in step:
        return newer.message(f"{rpc}Response", step["answer"])
    return SILENCE


class SilentWorld(World):
    """Something that takes connections and says nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = self.stack.enter_context(SilentServer())

    @property
    def address(self) -> str:
        """See `World.address`."""
        return self._server.address


class _Guarded(ProcessWorld):
    """The real server with tokens."""

    def __init__(self, folder: Path) -> None:
        entries = [
            f"{name}:{scopes}:{hashlib.sha256(f'{name}-token'.encode()).hexdigest()}" for name, scopes in TOKENS.items()
        ]
        super().__init__(folder, "--dev", TOCSIN_AUTH_TOKENS=",".join(entries), TOCSIN_JWT_SECRET=SECRET)


KINDS: Final[dict[str, Callable[[Path], World]]] = {
    "development": lambda folder: ProcessWorld(folder, "--dev"),
    "production": ProcessWorld,
    "guarded": _Guarded,
    "tls": TlsWorld,
    "brief feeds": lambda folder: FeedWorld(folder, BRIEF),
    "narrow feeds": lambda folder: FeedWorld(folder, StreamTimes(), queue_limit=8),
    "scripted": ScriptedWorld,
    "silent": SilentWorld,
}
"""What a scenario can ask for, by name."""

_ALWAYS_OWN: Final = {"scripted"}


class Worlds:
    """Those of one language: made when first asked for, and used again unless a scenario wants one of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shared: dict[str, World] = {}
        self._made = 0

    def get(self, kind: str, *, own: bool) -> tuple[World, bool]:
        """Return a world, and whether it is for this scenario alone, and to be closed after it."""
        alone = own or kind in _ALWAYS_OWN
        if alone:
            return self._make(kind), True
        if kind not in self._shared:
            self._shared[kind] = self._make(kind)
        return self._shared[kind], False

    def _make(self, kind: str) -> World:
        self._made += 1
        folder = self._folder / f"{kind}-{self._made}"
        folder.mkdir()
        return KINDS[kind](folder)

    def close(self) -> None:
        """End all."""
        for world in self._shared.values():
            world.close()
