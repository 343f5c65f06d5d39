"""Who calls, and what they may do.

Two kinds of credentials come as ``authorization: Bearer …``:

- a **service token** of a backend. The server knows only its SHA-256; it stands with a name and scopes in
  ``TOCSIN_AUTH_TOKENS`` (see `rpc.service_tokens`). What was sent belongs to that name, and so do idempotency keys.
  A backend may also be known by its client certificate, for calls that carry no token.
- a **recipient's token**: a JWT whose ``sub`` is ``type:id`` or ``type:ext:name`` (see `rpc.recipient_tokens`). It
  allows reading and marking that recipient's feed, and nothing else.

With neither configured there is no authentication, and everybody may do everything. `rpc.scopes` is the table of what
allows what.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from tocsin_server.domain.bearer import LONGEST_TOKEN
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import TokenExpired, Unauthenticated
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.recipient_tokens import RecipientTokens, TokenRules
from tocsin_server.rpc.scopes import OF_RECIPIENTS, SCOPES
from tocsin_server.rpc.service_tokens import CERTIFICATE, read_entry
from tocsin_server.timing.token_bucket import RateLimit

log = logging.getLogger(__name__)

BRIDGE = "bridge"
"""The name of this server's own bridges."""

ANYBODY = Principal()
"""Who calls while there is no authentication."""

Metadata: TypeAlias = Callable[[], "Iterable[tuple[str, str | bytes]] | None"]
"""Reads a call's metadata."""

Peer: TypeAlias = Callable[[], "Mapping[str, Iterable[bytes]]"]
"""Reads what the library knows of the other end of a call's connection."""

_NAMES_IN_CERTIFICATE: Final = ("x509_common_name", "x509_subject_alternative_name")
"""Of a certificate that the library has verified (grpc_security_constants.h)."""


def _nobody() -> Mapping[str, Iterable[bytes]]:
    return {}


class Opener(NamedTuple):
    """Who opens a stream of which each part has credentials of its own.

    ``principal`` is None if the stream was opened without credentials. ``origin`` is what the address counts as (see
    `tocsin_server.domain.shares.network_of`), None if it is unknown.
    """

    principal: Principal | None
    origin: str | None


class Authenticator:
    """Tells who calls from a call's metadata.

    Args:
        service_tokens: See `rpc.service_tokens`.
        rules: How recipients' tokens must be; without a key there are none.
        clock: The present time.
        bridge_token: Token of the bridges that belong to this server, with the scope ``relay``. It alone does not turn
            authentication on.

    Raises:
        ConfigurationError: One of them is not of its form.
    """

    def __init__(
        self, service_tokens: Sequence[str], rules: TokenRules, clock: Clock, bridge_token: str | None = None
    ) -> None:
        entries = [read_entry(text) for text in service_tokens]
        self._services = {proof: caller for proof, caller in entries if proof != CERTIFICATE}
        self._certified = {caller.name: caller for proof, caller in entries if proof == CERTIFICATE}
        self._rate_limits: dict[tuple[str, int, str], RateLimit] = {}
        self._keep_rate_limits(self._rate_limits)
        self._recipients = RecipientTokens(rules, clock) if rules.has_key else None
        self._bridge_hash = None if bridge_token is None else _hash(bridge_token)

    def replace(self, other: Authenticator) -> None:
        """Know from now on the callers that another one knows. May be called from any thread.

        What ends the feeds of those who are not known any more asks `present`. The token of the server's own bridges
        stays, and so does what callers have used of their rates.
        """
        # A caller of both is known at any moment in between, since neither is emptied first.
        other._keep_rate_limits(self._rate_limits)
        self._services, self._certified, self._recipients = other._services, other._certified, other._recipients

    @property
    def required(self) -> bool:
        """Whether there is authentication."""
        return bool(self._services) or bool(self._certified) or self._recipients is not None

    @property
    def needs_certificates(self) -> bool:
        """Whether somebody is known by a client certificate."""
        return bool(self._certified)

    def _keep_rate_limits(self, limits: dict[tuple[str, int, str], RateLimit]) -> None:
        """Have callers of one name and rate count together, and go on where they were."""
        for known in (self._services, self._certified):
            for key, caller in known.items():
                if (own := caller.rate_limit) is not None:
                    limit = limits.setdefault((caller.name, own.most, own.unit), own)
                    known[key] = dataclasses.replace(caller, rate_limit=limit)

    def authenticate(self, metadata: Metadata, peer: Peer = _nobody) -> Principal:
        """Return who calls: whose token it carries; without one, whose certificate the connection has.

        Args:
            metadata: Not called while there is no authentication, since the library makes objects of all of it.
            peer: Called only if certificates tell who calls.

        Raises:
            Unauthenticated: No credentials, or none that are known. It does not say which.
            TokenExpired: A recipient's token that was good.
        """
        if not self.required:
            return ANYBODY
        if (token := _bearer_token(metadata)) is not None:
            return self._principal(token)
        if (caller := self._by_certificate(peer)) is None:
            raise Unauthenticated
        return caller

    def opener(self, metadata: Metadata, peer: Peer = _nobody) -> Principal | None:
        """Return who opens a stream of which each part has credentials of its own, None if it does not say so.

        Raises:
            Unauthenticated: There are credentials, and they are not known.
        """
        if self._bridge_hash is None and not self.required:
            return None
        token = _bearer_token(metadata)
        if token is None:
            return self._by_certificate(peer)
        if self._bridge_hash == _hash(token):
            return Principal(BRIDGE, frozenset({"relay"}), SCOPES["relay"])
        return self._principal(token) if self.required else None

    def holder_of(self, token: str) -> Principal:
        """Return whose token it is, as `authenticate` does of a call's; empty is none."""
        if not self.required:
            return ANYBODY
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise Unauthenticated
        return self._principal(token)

    def present(self, caller: Principal) -> Principal:
        """Return what the credentials of somebody who was known before are good for now.

        Raises:
            Unauthenticated: They are not known any more, or there were none and now there is authentication.
            TokenExpired: See `authenticate`.
        """
        if not self.required:
            return ANYBODY
        if caller.recipient is not None:
            return self._known(caller.proof)
        certified = self._certified.get(caller.name) if caller.proof == CERTIFICATE else None
        if (now := certified or self._services.get(caller.proof)) is None:
            raise Unauthenticated
        return now

    def _by_certificate(self, peer: Peer) -> Principal | None:
        if not self._certified:
            return None
        seen = peer()
        for kind in _NAMES_IN_CERTIFICATE:
            for name in seen.get(kind, ()):
                if (caller := self._certified.get(name.decode(errors="replace"))) is not None:
                    return caller
        return None

    def _principal(self, token: str) -> Principal:
        try:
            return self._known(token)
        except TokenExpired:
            raise  # it was good, and its holder gets another as a matter of course
        except Unauthenticated:
            log.warning("a caller's credentials were refused", extra={"event": "caller_refused"})
            raise

    def _known(self, token: str) -> Principal:
        # Looking up a hash leaks nothing of use by its timing: the token cannot be told from it.
        known = self._services.get(_hash(token))
        if known is not None:
            return known
        if self._recipients is None:
            raise Unauthenticated
        recipient, expires_at = self._recipients.read(token)
        name = f"{recipient.type}:{recipient.id}"
        return Principal(name, frozenset(), OF_RECIPIENTS, recipient, expires_at, proof=token)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _bearer_token(metadata: Metadata) -> str | None:
    for name, value in metadata() or ():
        if name == "authorization" and isinstance(value, str):
            scheme, _, token = value.partition(" ")
            if scheme.lower() == "bearer" and token:
                return token.strip()
    return None
