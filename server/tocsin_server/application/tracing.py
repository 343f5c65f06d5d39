"""Traces of a server, where they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import TypeVar

from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.process.ends import WatchedThread
from tocsin_server.process.lifecycle import Lifecycle
from tocsin_server.telemetry.observer import Observer

S = TypeVar("S")

LAST_SPANS = 2.0
"""Seconds that a collector has for what is left at the end."""


def start_tracing(life: Lifecycle, settings: Settings, observer: Observer) -> Callable[[S], S]:
    """Trace from now on if that is wanted, and return what is to be done to the store that services are built of.

    Raises:
        ConfigurationError: What it needs is not installed, or the environment says something wrong of it.
    """
    if settings.tracing == "off":
        return lambda store: store
    try:
        from tocsin_server.telemetry.tracing import otlp  # noqa: PLC0415 - what is off costs neither time nor memory
    except ImportError:
        raise ConfigurationError("TOCSIN_TRACING: otlp needs the extra: pip install 'tocsin[server,tracing]'") from None
    try:
        tracing = otlp(metadata.version("tocsin"))
    except Exception as error:  # whatever the libraries make of what they read in the environment
        raise ConfigurationError(f"TOCSIN_TRACING: an OTEL_ variable is not of its form: {error}") from error
    tracing.listen(observer)
    last = WatchedThread("traces", tracing.stop)

    async def stop() -> None:
        last.start()
        await last.end()

    life.stops("traces", stop, LAST_SPANS)
    return tracing.commits_of
