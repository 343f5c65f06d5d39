"""What several processes cannot serve with, and what a worker is told."""

from __future__ import annotations

import pytest

from tocsin_server.application.workers import refuse_unfit
from tocsin_server.config.settings import Settings
from tocsin_server.config.sources import environment_with, load
from tocsin_server.domain.errors import ConfigurationError

POSTGRESQL = "postgresql://tocsin:hunter2@db.example/tocsin"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' settings apart from those of whoever runs them."""
    for name in [*Settings.model_fields, "config"]:
        monkeypatch.delenv(f"TOCSIN_{name.upper()}", raising=False)


# -- refusals ------------------------------------------------------------------------------------


def refusal(**settings: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        refuse_unfit(load(**settings), 4)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_sqlite_file_has_one_process_and_what_would_be_right_is_named() -> None:
    text = refusal()
    assert text.startswith("--workers 4: one process serves a SQLite file")
    assert "TOCSIN_DATABASE_URL=postgresql://" in text


def test_workers_that_would_not_hear_of_each_other_are_refused() -> None:
    text = refusal(database_url=POSTGRESQL, bus_url="memory://")
    assert text.startswith("--workers 4: with TOCSIN_BUS_URL=memory:// ")
    assert "nats://" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("bus", [None, "postgresql://", POSTGRESQL, "nats://bus.example:4222"])
def test_workers_that_share_a_database_and_a_bus_are_fine(bus: str | None) -> None:
    refuse_unfit(load(database_url=POSTGRESQL, bus_url=bus), 64)


# -- what a worker is told -----------------------------------------------------------------------


def test_an_option_reaches_another_process_and_goes_before_the_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "sqlite:///other.db")
    monkeypatch.setenv("TOCSIN_LOG_LEVEL", "error")
    for name, value in environment_with(database_url=POSTGRESQL, log_level=None).items():
        monkeypatch.setenv(name, value)
    found = load()
    assert found.database_url.get_secret_value() == POSTGRESQL
    assert found.log_level == "error", "what is not given stays as it is"


# -- log lines -----------------------------------------------------------------------------------
