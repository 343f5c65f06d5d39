"""Credentials that are not known. Whose are known, and for what, is tested in `test_scopes` and `test_service_auth`."""

from __future__ import annotations

import pytest

from tocsin_server.domain.errors import TokenExpired, Unauthenticated
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.recipient_tokens import TokenRules

SECRET = "a secret of thirty-two characters"


def refused(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("tocsin_server")]
    return [str(vars(record)) for record in ours if vars(record)["event"] == "caller_refused"]


def test_a_token_that_is_refused_is_one_line_without_it(caplog: pytest.LogCaptureFixture) -> None:
    authenticator = Authenticator([f"shop:send:{'0' * 64}"], TokenRules(), lambda: 0)
    with pytest.raises(Unauthenticated):
        authenticator.holder_of("mistaken")
    [line] = refused(caplog)
    assert "mistaken" not in line


def test_a_call_without_any_is_no_incident(caplog: pytest.LogCaptureFixture) -> None:
    authenticator = Authenticator([f"shop:send:{'0' * 64}"], TokenRules(), lambda: 0)
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(list)
    assert refused(caplog) == []


def test_a_token_that_was_good_is_no_incident(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = Authenticator((), TokenRules(SECRET), lambda: 0)

    def expired(_: str) -> None:
        raise TokenExpired("2026-03-01T12:00:00Z")

    monkeypatch.setattr(authenticator._recipients, "read", expired)
    with pytest.raises(TokenExpired):
        authenticator.holder_of("expired")
    assert refused(caplog) == []
