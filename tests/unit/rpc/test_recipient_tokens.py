"""Recipients' tokens: every claim is judged, by the server's clock, and told only when the signature is good."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.drafts import NOON
from tocsin_server.domain.errors import ConfigurationError, TokenExpired, Unauthenticated
from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import MICROS_PER_SECOND, Recipient, RecipientType
from tocsin_server.rpc.recipient_tokens import LEEWAY, RecipientTokens, TokenRules

SECRET = "a secret of at least thirty-two bytes"
ID = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
NOW = NOON // MICROS_PER_SECOND
HOUR, DAY = 3_600, 86_400
AHEAD = LEEWAY // MICROS_PER_SECOND


def signed(key: str = SECRET, **changes: Any) -> str:
    """Return a good token with other claims; None leaves one out."""
    claims = {"sub": f"user:{ID}", "exp": NOW + HOUR} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm="HS256")


def read(token: str, **rules: Any) -> Any:
    return RecipientTokens(TokenRules(secret=SECRET, **rules), lambda: NOON).read(token)


def problem(token: str, **rules: Any) -> str:
    """Return what is said of a token that is refused for good."""
    with pytest.raises(Unauthenticated) as refused:
        read(token, **rules)
    assert type(refused.value) is Unauthenticated
    return refused.value.message


SECRECY = Unauthenticated().message


def test_a_good_token_tells_whose_it_is_and_until_when() -> None:
    assert read(signed()) == (Recipient(RecipientType.USER, ID), (NOW + HOUR) * MICROS_PER_SECOND)
    assert read(signed(iat=NOW - 5, nbf=NOW - 5, aud="anyone", iss="anyone", jti="1", other={}))[0].id == ID


def test_an_id_in_upper_case_is_the_same() -> None:
    assert read(signed(sub=f"user:{ID.upper()}")).recipient == Recipient(RecipientType.USER, ID)


@pytest.mark.parametrize("external_id", ["42", "ext:42", "a:b:c", ID, "Größe №7 🔔", " "])
def test_a_token_may_be_of_somebody_with_an_external_id(external_id: str) -> None:
    recipient = read(signed(sub=f"user:ext:{external_id}")).recipient
    assert recipient == Recipient(RecipientType.USER, derived_id(RecipientType.USER, external_id))


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", signed("another secret of thirty-two bytes"), signed()[:-2], signed(exp=None), signed(sub=None)],
    ids=["none", "no token", "no JSON", "another key", "cut off", "no exp", "no sub"],
)  # fmt: skip
def test_of_what_the_key_has_not_signed_or_is_not_whole_nothing_is_said(token: str) -> None:
    assert problem(token) == SECRECY


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", "user"),
        ("sub", f"robot:{ID}"),
        ("sub", "user:7"),
        ("sub", "user:ext:"),
        ("sub", "robot:ext:42"),
        ("sub", "user:EXT:42"),
        ("sub", "user:ext:a\nb"),
        ("sub", "user:ext:" + "x" * 256),
        ("sub", "user:ext:\ud800"),
        ("exp", "tomorrow"),
        ("exp", True),
        ("exp", -1),
        ("exp", 2**60),
        ("exp", 1e300),
        ("exp", [NOW]),
        ("iat", "now"),
        ("iat", {}),
        ("nbf", -5),
        ("nbf", "1"),
    ],
)
def test_a_claim_that_cannot_be_right_is_named(claim: str, value: Any) -> None:
    assert f"the token's {claim} " in problem(signed(**{claim: value}))


def test_the_audience_is_ours_when_one_is_set() -> None:
    ours = "https://notify.example"
    for good in (ours, [ours], ["https://other.example", ours]):
        read(signed(aud=good), audience=ours)
    for bad in (None, "", "https://other.example", [], ["https://other.example"], [[ours]], {ours: 1}, ours + "/", 1):
        assert "aud" in problem(signed(aud=bad), audience=ours)


def test_the_issuer_is_the_one_that_is_set() -> None:
    read(signed(iss="https://shop.example"), issuer="https://shop.example")
    for bad in (None, "", "https://other.example"):
        assert "iss" in problem(signed(iss=bad), issuer="https://shop.example")


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_the_issuers_clock_may_be_a_minute_ahead(claim: str) -> None:
    def token(ahead: int) -> str:
        claims: dict[str, Any] = {claim: NOW + ahead}
        return signed(**claims)

    for ahead in (0, 1, 59, AHEAD):
        read(token(ahead))
    with pytest.raises(Unauthenticated) as refused:
        read(token(AHEAD + 1))
    assert refused.value.metadata == {"valid_from": "2026-01-01T12:01:01Z"}


def test_a_token_ends_at_its_second() -> None:
    read(signed(exp=NOW + 1))
    read(signed(exp=NOW + 0.5))
    for over in (NOW, NOW - 1, 1):
        with pytest.raises(TokenExpired):
            read(signed(exp=over))


@pytest.mark.parametrize("iat", [None, NOW, NOW - 100], ids=["without iat", "issued now", "issued before"])
def test_a_token_has_a_longest_lifetime_counted_from_its_issue_or_from_now(iat: int | None) -> None:
    begins = NOW if iat is None else iat
    read(signed(iat=iat, exp=begins + DAY + AHEAD), longest_lifetime=DAY)
    assert "exp is too far" in problem(signed(iat=iat, exp=begins + DAY + AHEAD + 1), longest_lifetime=DAY)


def test_a_token_of_ten_years_is_not_taken_in_its_last_month() -> None:
    assert "exp is too far" in problem(signed(iat=NOW - 3_640 * DAY, exp=NOW + DAY))
    assert "exp is too far" in problem(signed(exp=NOW + 31 * DAY))
    read(signed(exp=NOW + 30 * DAY))


@given(
    exp=st.integers(NOW - DAY, NOW + 40 * DAY),
    iat=st.none() | st.integers(NOW - 40 * DAY, NOW + DAY),
    nbf=st.none() | st.integers(NOW - DAY, NOW + DAY),
)
def test_what_is_taken_is_good_now_and_not_for_long(exp: int, iat: int | None, nbf: int | None) -> None:
    try:
        _, expires_at = read(signed(exp=exp, iat=iat, nbf=nbf), longest_lifetime=30 * DAY)
    except Unauthenticated:
        return
    assert expires_at == exp * MICROS_PER_SECOND > NOON
    assert exp - NOW <= 30 * DAY + AHEAD
    assert max(iat or 0, nbf or 0) <= NOW + AHEAD


def test_rules_that_cannot_be_right_are_refused() -> None:
    for rules, named in (
        (TokenRules(secret="short"), "TOCSIN_JWT_SECRET"),
        (TokenRules(secret=SECRET, public_key="x"), "set one of the two"),
        (TokenRules(public_key="x"), "TOCSIN_JWT_PUBLIC_KEY"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            RecipientTokens(rules, lambda: NOON)
