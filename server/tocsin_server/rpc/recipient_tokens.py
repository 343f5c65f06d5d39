"""Recipients' tokens: JWTs (RFC 7519) that an operator's own backend signs. What they say, and until when it holds.

The algorithm follows from the configured key; what a token itself says of it is not believed. Times are judged by the
server's clock. `exp` and `sub` are required; `iat` and `nbf`, where they are, may be up to `LEEWAY` ahead, since the
issuer's clock is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt

from tocsin_server.domain.clock import Clock, isoformat, micros
from tocsin_server.domain.errors import ConfigurationError, TokenExpired, Unauthenticated
from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import MICROS_PER_SECOND, Micros, Recipient, RecipientType
from tocsin_server.rpc.signing_keys import Key, read_key_set, read_public_key, secret_key
from tocsin_server.rpc.validation import external_id_problem, id_problem

LEEWAY: Final = 60 * MICROS_PER_SECOND
"""How far the issuer's clock may be ahead of the server's."""

LONGEST_LIFETIME: Final = 30 * 86_400.0
"""Seconds for which a token may be good, unless the operator says otherwise."""

EXTERNAL: Final = "ext:"
"""Comes in ``sub`` before an external id, which is all that follows: it may have colons of its own."""

_LATEST: Final = 2**40
"""Seconds since the epoch beyond which a time is none."""

# Signature and algorithm are the library's to check; the claims are judged below, by the server's clock.
_OPTIONS: Final[Any] = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


class TokenRules(NamedTuple):
    """How recipients' tokens must be.

    Attributes:
        secret: What they are signed with by HS256.
        public_key: Or the public key, in PEM, of RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA).
        keys: Or beside it, several keys of any of these kinds, as a JWK Set, for tokens that name one by ``kid``.
        audience: What ``aud`` must be, or have among others; None: anything.
        issuer: What ``iss`` must be; None: anything.
        longest_lifetime: Seconds for which one may be good.
    """

    secret: str | None = None
    public_key: str | None = None
    keys: str | None = None
    audience: str | None = None
    issuer: str | None = None
    longest_lifetime: float = LONGEST_LIFETIME

    @property
    def has_key(self) -> bool:
        """Whether there are such tokens."""
        return not (self.secret is None and self.public_key is None and self.keys is None)


class Holder(NamedTuple):
    """Whose token it is, and until when."""

    recipient: Recipient
    expires_at: Micros


class RecipientTokens:
    """Reads tokens that a key has signed.

    Args:
        rules: How they must be; with a key.
        clock: The present time.

    Raises:
        ConfigurationError: A rule cannot be right.
    """

    def __init__(self, rules: TokenRules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._longest = micros(rules.longest_lifetime)
        if rules.secret is not None and rules.public_key is not None:
            raise ConfigurationError("TOCSIN_JWT_SECRET and TOCSIN_JWT_PUBLIC_KEY: set one of the two")
        self._single: Key | None = None
        if rules.secret is not None:
            self._single = secret_key(rules.secret.encode(), "TOCSIN_JWT_SECRET")
        elif rules.public_key is not None:
            self._single = read_public_key(rules.public_key)
        self._named = read_key_set(rules.keys) if rules.keys is not None else {}

    def read(self, token: str) -> Holder:
        """Return whose token it is.

        Raises:
            Unauthenticated: It is none, is not signed by the key, or has a claim that is not right. Only with a good
                signature it says which, and for one whose time has not come from when on it is ``valid_from``.
            TokenExpired: Its time is over.
        """
        try:
            key = self._key_of(token)
            claims = jwt.decode(token, key.key, algorithms=[key.algorithm], options=_OPTIONS)
        except jwt.PyJWTError:
            raise Unauthenticated from None
        recipient = _recipient(claims)
        self._check_origin(claims)
        return Holder(recipient, self._expiry(claims))

    def _key_of(self, token: str) -> Key:
        """Return the key that a token names, else the only one; the algorithm is never what the token says."""
        name = jwt.get_unverified_header(token).get("kid") if self._named else None
        key = self._named.get(name, self._single) if isinstance(name, str) else self._single
        if key is None:
            raise Unauthenticated
        return key

    def _check_origin(self, claims: Mapping[str, Any]) -> None:
        audience, issuer = self._rules.audience, self._rules.issuer
        if audience is not None:
            given = claims.get("aud")
            if audience != given and not (isinstance(given, list) and audience in given):
                raise _bad("aud", "is not this server's")
        if issuer is not None and claims.get("iss") != issuer:
            raise _bad("iss", "is not whom this server believes")

    def _expiry(self, claims: Mapping[str, Any]) -> Micros:
        """Return when the token ends; raise if that is past or too far, or if its time has not come."""
        now = self._clock()
        expires_at = _time(claims, "exp")
        begins = [_time(claims, name) for name in ("iat", "nbf") if claims.get(name) is not None]
        valid_from = max(begins, default=now)
        if valid_from > now + LEEWAY:
            begins_at = isoformat(valid_from)
            raise Unauthenticated(f"the token is good from {begins_at} on, which lies ahead", valid_from=begins_at)
        # Counted from its beginning, if it tells that, so that one of ten years is not taken in its last month.
        if expires_at - min([now, *begins]) > self._longest + LEEWAY:
            raise _bad("exp", f"is too far: a token may be good for {self._rules.longest_lifetime:g} s at most")
        if expires_at <= now:
            raise TokenExpired(isoformat(expires_at))
        return expires_at


def _bad(claim: str, problem: str) -> Unauthenticated:
    return Unauthenticated(f"the token's {claim} {problem}")


def _recipient(claims: Mapping[str, Any]) -> Recipient:
    word, _, named = str(claims["sub"]).partition(":")
    external = named.startswith(EXTERNAL)
    external_id = named.removeprefix(EXTERNAL)
    problem = external_id_problem(external_id) if external else id_problem(named)
    if word not in set(RecipientType) or problem is not None:
        raise _bad("sub", "is neither type:id, such as user:01890a5d-ac96-774b-bcce-b302099a8057, nor type:ext:name")
    kind = RecipientType(word)
    return Recipient(kind, derived_id(kind, external_id) if external else named.lower())


def _time(claims: Mapping[str, Any], name: str) -> Micros:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST:
        raise _bad(name, "is not a time in seconds since 1970")
    return int(value * MICROS_PER_SECOND)
