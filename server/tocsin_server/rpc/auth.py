"""Who calls, and what they may do.

Two kinds of credentials come as ``authorization: Bearer …``:

- a **service token** of a backend. The server knows only its SHA-256; it stands with a name and scopes in
  ``TOCSIN_AUTH_TOKENS``. The name also tells callers' idempotency keys apart.
- a **recipient token**: a JWT whose ``sub`` is ``type:id``. It allows reading and marking that recipient's feed, and
  nothing else. Its algorithm follows from the configured key; what the token itself says of it is not believed.

With neither configured there is no authentication, and everybody may do everything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tocsin_server.clock import Clock, isoformat
from tocsin_server.errors import ConfigurationError, PermissionDenied, TokenExpired, Unauthenticated
from tocsin_server.model import MICROS_PER_SECOND, Micros, Recipient, RecipientType
from tocsin_server.rpc.validation import id_problem

SCOPES: Mapping[str, frozenset[str]] = {
    "send": frozenset({"Send", "SendBatch", "Cancel", "Retry"}),
    "read": frozenset({"Get", "List", "CountUnread", "Subscribe", "MarkRead", "GetContact"}),
    "route": frozenset({"Get", "List", "Route"}),
    "contacts": frozenset({"PutContact", "GetContact", "DeleteContact"}),
}
"""The RPCs that each scope of a service token allows."""

RECIPIENT_METHODS = frozenset({"Subscribe", "List", "MarkRead", "CountUnread"})
"""The RPCs that a recipient token allows, on that recipient only."""

SHORTEST_SECRET = 32
"""Bytes of an HS256 secret at least, as RFC 7518, 3.2 demands."""

_SERVICE_TOKEN = re.compile(r"(?P<name>[A-Za-z0-9_.-]{1,64}):(?P<scopes>[a-z+*]+):(?P<hash>[0-9a-f]{64})")
_FORM = "must be name:scope+scope:sha256, as `tocsin token --service NAME` prints it"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. ``recipient`` is set for a recipient token, which ends at ``expires_at``."""

    name: str = ""
    methods: frozenset[str] | None = None
    recipient: Recipient | None = None
    expires_at: Micros | None = None

    def require_method(self, service: str, method: str) -> None:
        """Raise `PermissionDenied` unless the RPC may be called at all."""
        if self.methods is not None and method not in self.methods:
            raise PermissionDenied(f"these credentials do not allow {method}", f"{service}/{method}")

    def require_recipient(self, recipient: Recipient | None, method: str) -> None:
        """Raise `PermissionDenied` when a recipient token is used for anybody else, or for everybody."""
        if self.recipient is not None and recipient != self.recipient:
            raise PermissionDenied(
                "a recipient's token allows that recipient's own feed only", f"tocsin.v1.NotificationService/{method}"
            )


ANYBODY = Principal()
"""Who calls while there is no authentication."""


class _ServiceToken(NamedTuple):
    name: str
    methods: frozenset[str]


class Authenticator:
    """Tells who calls from a call's metadata.

    Args:
        service_tokens: ``name:scope+scope:sha256`` each; ``*`` is every scope.
        jwt_secret: Secret of recipient tokens signed with HS256.
        jwt_public_key: Or the public key, in PEM, of RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA).
        clock: The present time.

    Raises:
        ConfigurationError: One of them is not of its form.
    """

    def __init__(
        self,
        service_tokens: Sequence[str],
        jwt_secret: str | None,
        jwt_public_key: str | None,
        clock: Clock,
    ) -> None:
        self._tokens = dict(_read_service_token(text) for text in service_tokens)
        self._clock = clock
        if jwt_secret is not None and jwt_public_key is not None:
            raise ConfigurationError("TOCSIN_JWT_SECRET and TOCSIN_JWT_PUBLIC_KEY: set one of the two")
        self._key: Any = None
        self._algorithm = ""
        if jwt_secret is not None:
            if len(jwt_secret.encode()) < SHORTEST_SECRET:
                raise ConfigurationError(f"TOCSIN_JWT_SECRET: must be at least {SHORTEST_SECRET} bytes")
            self._key, self._algorithm = jwt_secret, "HS256"
        elif jwt_public_key is not None:
            self._key, self._algorithm = _read_public_key(jwt_public_key)

    @property
    def required(self) -> bool:
        """Whether there is authentication."""
        return bool(self._tokens) or self._key is not None

    def authenticate(self, metadata: Callable[[], Iterable[tuple[str, str | bytes]] | None]) -> Principal:
        """Return who calls.

        Args:
            metadata: Reads a call's metadata; not called while there is no authentication, since the library makes
                objects of all of it.

        Raises:
            Unauthenticated: No credentials, or none that are known. It does not say which.
            TokenExpired: A recipient token that was good.
        """
        if not self.required:
            return ANYBODY
        for name, value in metadata() or ():
            if name == "authorization" and isinstance(value, str):
                scheme, _, token = value.partition(" ")
                if scheme.lower() == "bearer" and token:
                    return self._principal(token.strip())
        raise Unauthenticated

    def holder_of(self, token: str) -> Principal:
        """Return whose token it is, as `authenticate` does of a call's; empty is none."""
        if not self.required:
            return ANYBODY
        if not token:
            raise Unauthenticated
        return self._principal(token)

    def _principal(self, token: str) -> Principal:
        # Looking up a hash leaks nothing of use by its timing: the token cannot be told from it.
        known = self._tokens.get(hashlib.sha256(token.encode()).hexdigest())
        if known is not None:
            return Principal(known.name, known.methods)
        if self._key is None:
            raise Unauthenticated
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                # Expiry is checked below, by the server's clock and after everything else.
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_aud": False},
            )
        except jwt.PyJWTError:
            raise Unauthenticated from None
        return self._recipient_principal(claims)

    def _recipient_principal(self, claims: Mapping[str, Any]) -> Principal:
        kind, _, recipient_id = str(claims["sub"]).partition(":")
        expiry = claims["exp"]
        if kind not in set(RecipientType) or id_problem(recipient_id) is not None:
            raise Unauthenticated
        if not isinstance(expiry, int | float) or not 0 < expiry < 2**40:
            raise Unauthenticated
        expires_at = int(expiry * MICROS_PER_SECOND)
        if expires_at <= self._clock():
            raise TokenExpired(isoformat(expires_at))
        recipient = Recipient(RecipientType(kind), recipient_id)
        return Principal(f"{kind}:{recipient_id}", RECIPIENT_METHODS, recipient, expires_at)


def _read_service_token(text: str) -> tuple[str, _ServiceToken]:
    match = _SERVICE_TOKEN.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"TOCSIN_AUTH_TOKENS: each entry {_FORM}")
    scopes = set(SCOPES) if match["scopes"] == "*" else set(match["scopes"].split("+"))
    if unknown := scopes - set(SCOPES):
        raise ConfigurationError(
            f"TOCSIN_AUTH_TOKENS: {match['name']} has the unknown scope {min(unknown)!r}; "
            f"there are {', '.join(SCOPES)} and *"
        )
    methods = frozenset().union(*(SCOPES[scope] for scope in scopes))
    return match["hash"], _ServiceToken(match["name"], methods)


def signing_algorithm(private_key_pem: bytes) -> str:
    """Return the algorithm that recipient tokens are signed with by a private key in PEM.

    Raises:
        ValueError: It is no private key, or one of a kind that is not used.
    """
    key = load_pem_private_key(private_key_pem, password=None)
    algorithm = _algorithm(key.public_key())
    if algorithm is None:
        raise ValueError(f"the key must be {_KINDS}")
    return algorithm


def _read_public_key(pem: str) -> tuple[Any, str]:
    """Return the key and the one algorithm that its kind is used with."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise ConfigurationError("TOCSIN_JWT_PUBLIC_KEY: is not a public key in PEM form") from None
    algorithm = _algorithm(key)
    if algorithm is None:
        raise ConfigurationError(f"TOCSIN_JWT_PUBLIC_KEY: must be {_KINDS}")
    return key, algorithm


_KINDS = "an RSA, P-256, Ed25519 or Ed448 key"


def _algorithm(public_key: object) -> str | None:
    if isinstance(public_key, rsa.RSAPublicKey):
        return "RS256"
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(public_key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return "EdDSA"
    return None
