"""Which bus a URL means."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.server import make_settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.feed.bus.choice import make_bus
from tocsin_server.feed.bus.memory import MemoryBus
from tocsin_server.feed.bus.nats import NatsBus
from tocsin_server.feed.bus.postgresql import PostgresqlBus


def test_a_url_says_which_bus() -> None:
    assert isinstance(make_bus("memory://"), MemoryBus)
    assert isinstance(make_bus("postgresql://ann:secret@127.0.0.1/tocsin"), PostgresqlBus)
    assert isinstance(make_bus("postgres:///tocsin"), PostgresqlBus)
    assert isinstance(make_bus("nats://127.0.0.1:4222,tls://127.0.0.1:4223"), NatsBus)


def test_a_sqlite_file_has_no_bus_between_processes(tmp_path: Path) -> None:
    assert isinstance(make_bus(make_settings(tmp_path).bus), MemoryBus)


def test_a_malformed_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        make_bus("postgresql://ann:sec%ret@127.0.0.1/tocsin")
    assert "sec" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
