"""What a server or a bridge says of itself when it serves: what is where, who may call, what to try."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tocsin_server.application import Running
    from tocsin_server.bridge.running import RunningBridge
    from tocsin_server.config.settings import Settings

_SOMEBODY: Final = "user:0190a5d0-0000-7000-8000-000000000001"


def of_server(running: Running, settings: Settings, *, dev: bool, rules: Path | None = None) -> list[str]:
    """Return the lines of ``tocsin serve``; ``rules`` is the file that they stand in."""
    from tocsin_server.storage import opening  # noqa: PLC0415 - keeps `tocsin --help` fast

    names = ["websocket", *(channel.value for channel in running.configured)]
    lines = [
        f"Tocsin serves gRPC on {running.listen}",
        f"  database  {opening.describe(settings.database_url.get_secret_value())}",
        f"  channels  {', '.join(names)}",
        f"  access    {access(settings)}",
    ]
    if rules is not None:
        lines.append(f"  rules     {rules.resolve()}")
    if running.workers:
        lines.append(f"  workers   {len(running.workers)} (processes {', '.join(map(str, running.workers))})")
    if running.metrics is not None:
        lines.append(f"  metrics   http://{running.metrics}/metrics{_and_others(running)}")
    if running.bridge is not None:
        lines.append(f"  bridge    ws://{running.bridge}/ws")
    if dev:
        lines.append(f"  outbox    {settings.outbox.resolve()}/  (messages of channels without a provider)")
        lines += ["", *_to_try(running, settings)]
    return lines


def _and_others(running: Running) -> str:
    others = len(running.workers) - 1
    if running.metrics is None or others < 1:
        return ""
    return f" (and at the next {others} ports, one for each worker)" if others > 1 else " (and at the next port)"


def access(settings: Settings) -> str:
    """Return whether TLS and authentication are on, and what it means when they are not."""
    tls = "off" if settings.tls_cert is None else "on, clients show a certificate" if settings.tls_client_ca else "on"
    kinds = []
    if settings.auth_tokens:
        count = len(settings.auth_tokens)
        kinds.append("1 token of a backend" if count == 1 else f"{count} tokens of backends")
    if settings.jwt_secret is not None or settings.jwt_public_key is not None:
        kinds.append("JWTs of recipients")
    if kinds:
        return f"TLS {tls}; authentication on ({', '.join(kinds)})"
    who = "shows a certificate" if settings.tls_client_ca else "reaches the port"
    return f"TLS {tls}; authentication off: whoever {who} may do everything"


def of_bridge(found: RunningBridge, settings: Settings) -> list[str]:
    """Return the lines of ``tocsin bridge``."""
    tls = settings.tls_cert is not None or settings.bridge_server_ca is not None
    allowed = ", ".join(settings.bridge_origins) or "pages of this machine (TOCSIN_BRIDGE_ORIGINS allows others)"
    return [
        f"Tocsin's bridge listens on http://{found.listen}",
        f"  WebSocket  ws://{found.listen}/ws",
        f"  server     {found.server} (TLS {'on' if tls else 'off'})",
        f"  origins    {allowed}",
    ]


def _to_try(running: Running, settings: Settings) -> list[str]:
    program = _program()
    server = "" if running.listen.port == 50051 else f" --server {running.listen}"
    if settings.tls_cert is not None:
        server += f" --tls-ca {settings.tls_cert}"
    lines = ["Try it in two other terminals:"]
    if running.bridge is not None:
        lines = ["Try it in a browser, or in two other terminals:", f"  http://{running.bridge}/"]
    lines += [
        f"  {program} watch{server} --to {_SOMEBODY}",
        f"  {program} send{server} --to {_SOMEBODY} \\",
        "      --channel websocket --channel email=ann@example.org \\",
        "      --title 'Your order has shipped' --message 'It arrives on Friday.'",
    ]
    if settings.auth_tokens or settings.jwt_secret is not None or settings.jwt_public_key is not None:
        lines.append(f"Both need a token in TOCSIN_TOKEN; see {program} token --help")
    return lines


def _program() -> str:
    """Return how the reader can call this program: from a checkout, it is seldom on the path."""
    program = Path(sys.argv[0])
    try:
        return str(program.resolve().relative_to(Path.cwd()))
    except ValueError:
        return "tocsin"
