"""Credentials that are not known. Whose are known, and for what, is tested in `test_scopes` and `test_service_auth`."""

from __future__ import annotations

import hashlib
import time
import uuid

import jwt
import pytest

from tocsin_server.domain.clock import wall_clock
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


def test_credentials_that_were_good_before_are_good_for_what_they_are_now() -> None:
    def known(*entries: str, secret: str = SECRET) -> Authenticator:
        return Authenticator(entries, TokenRules(secret=secret), wall_clock)

    def entry(name: str, scopes: str, token: str) -> str:
        return f"{name}:{scopes}:{hashlib.sha256(token.encode()).hexdigest()}"

    of_certificate = "pod:read:certificate"
    authenticator = known(entry("shop", "read", "old"), entry("desk", "read", "desk"), of_certificate)
    shop, desk = authenticator.holder_of("old"), authenticator.holder_of("desk")
    pod = authenticator.authenticate(tuple, lambda: {"x509_common_name": [b"pod"]})
    recipient = authenticator.holder_of(
        jwt.encode({"sub": f"user:{uuid.uuid4()}", "exp": time.time() + 600}, SECRET, "HS256")
    )
    for caller in (shop, desk, pod, recipient):
        assert authenticator.present(caller) == caller
    # Of the same name with another token: the old one is good for nothing.
    authenticator.replace(known(entry("shop", "read", "new"), entry("desk", "send", "desk"), secret=SECRET[::-1]))
    for gone in (shop, pod, recipient):
        with pytest.raises(Unauthenticated):
            authenticator.present(gone)
    assert authenticator.present(desk).scopes == frozenset({"send"})


def test_whoever_was_let_in_without_authentication_is_nobody_once_there_is_some() -> None:
    authenticator = Authenticator((), TokenRules(), wall_clock)
    anybody = authenticator.authenticate(tuple)
    assert authenticator.present(anybody) is anybody
    authenticator.replace(Authenticator([f"shop:read:{'0' * 64}"], TokenRules(), wall_clock))
    with pytest.raises(Unauthenticated):
        authenticator.present(anybody)
