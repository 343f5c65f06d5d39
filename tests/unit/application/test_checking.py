"""Where some settings are wrong by themselves, what is wrong with the others is told too, and nothing that follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tocsin_server.application.checking import wrong_besides
from tocsin_server.config import sources
from tocsin_server.config.sources import WrongSettings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def besides(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Sequence[str]:
    """Return what is told beside settings that are wrong by themselves."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings) as wrong:
        sources.load()
    return wrong_besides(wrong.value, dev=False, insecure=False)


def test_what_is_wrong_with_others_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"TOCSIN_LEASE": "soon", "TOCSIN_AUTH_TOKENS": "nobody", "TOCSIN_LISTEN": "192.0.2.1:50051"}
    tokens, exposed = besides(monkeypatch, settings)
    assert tokens.startswith("TOCSIN_AUTH_TOKENS: each entry must be")
    assert exposed.startswith("TOCSIN_LISTEN: 192.0.2.1:50051 can be reached")


@pytest.mark.parametrize(
    "settings",
    [
        {"TOCSIN_TLS_CERT": "", "TOCSIN_TLS_KEY": "key.pem"},
        {"TOCSIN_AUTH_TOKENS": "", "TOCSIN_LISTEN": "192.0.2.1:50051"},
        {"TOCSIN_SMTP_URL": "smtp://mail.example.org", "TOCSIN_EMAIL_FROM": ""},
    ],
    ids=", ".join,
)
def test_what_is_missing_only_since_it_is_wrong_is_not(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    assert besides(monkeypatch, settings) == []


def test_a_name_within_another_is_not_that_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"TOCSIN_RULES": "NOT_TOCSIN_LEASE_rules.toml", "TOCSIN_LEASE": "soon"}
    [rules] = besides(monkeypatch, settings)
    assert rules.startswith("TOCSIN_RULES: cannot read NOT_TOCSIN_LEASE_rules.toml")
