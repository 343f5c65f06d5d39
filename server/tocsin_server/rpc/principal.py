"""A caller that is known, and what it may do. Which credentials make whom of it is the business of `rpc.auth`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tocsin_server.domain.errors import PermissionDenied, RateLimited
from tocsin_server.domain.model import Micros, Recipient, RecipientType
from tocsin_server.rpc.scopes import FOR_ANYBODYS, FOR_EXPLAINING, LIST, SCOPES, scopes_for
from tocsin_server.timing.token_bucket import RateLimit

_OWN_FEED = "a recipient's token allows that recipient's own feed only"
_OWN_LIST = "a recipient's token lists that recipient's own feed only: List with feed_only (--feed) and that recipient"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Attributes:
        name: What belongs to the caller carries it; empty while there is no authentication.
        scopes: Those of a service token; None: all there is.
        rpcs: Full names of the RPCs that these credentials allow; None: all.
        recipient: Whose token it is, if it is a recipient's.
        expires_at: When that token ends.
        recipient_types: For whom a service token may be used; None: for everybody.
        rate_limit: How much it may send; None: as much as there is.
        proof: By what it is known: the hash of a service token, `CERTIFICATE`, or a recipient's token itself.
    """

    name: str = ""
    scopes: frozenset[str] | None = None
    rpcs: frozenset[str] | None = None
    recipient: Recipient | None = None
    expires_at: Micros | None = None
    recipient_types: frozenset[RecipientType] | None = None
    rate_limit: RateLimit | None = None
    proof: str = field(default="", repr=False, compare=False)

    def require_rpc(self, rpc: str) -> None:
        """Raise `PermissionDenied` unless the RPC, given by its full name, may be called at all."""
        if self.rpcs is not None and rpc not in self.rpcs:
            raise PermissionDenied(self._lacks_for(rpc), rpc)

    def _lacks_for(self, rpc: str) -> str:
        """Return why an RPC may not be called, and what would allow it."""
        name, scopes = rpc.rpartition("/")[2], scopes_for(rpc)
        needed = f"{name} needs a token with the scope {scopes}" if scopes else f"{name} needs a service token"
        if self.recipient is not None:
            return f"{needed}; a recipient's token allows that recipient's own feed only"
        if self.recipient_types is not None and any(rpc in SCOPES[scope] for scope in self.scopes or ()):
            types = " or ".join(sorted(self.recipient_types))
            return f"{needed} that is for all recipients; these credentials are for recipients of type {types}"
        return f"{needed}; these credentials have {' and '.join(sorted(self.scopes or ())) or 'none'}"

    def require_recipient(self, recipient: Recipient | None, rpc: str) -> None:
        """Raise `PermissionDenied` when the credentials are not for this recipient; None stands for everybody."""
        self.require_own(recipient, rpc)
        self.require_type(recipient, rpc)

    def require_own(self, recipient: Recipient | None, rpc: str) -> None:
        """Raise `PermissionDenied` when a recipient's token is used for anybody else, or for everybody."""
        if self.recipient is not None and recipient != self.recipient:
            raise PermissionDenied(_OWN_LIST if rpc == LIST else _OWN_FEED, rpc)

    def require_type(self, recipient: Recipient | None, rpc: str) -> None:
        """Raise `PermissionDenied` when a token is used for recipients whom it is not for, or for everybody."""
        types = self.recipient_types
        if types is not None and (recipient is None or recipient.type not in types):
            raise PermissionDenied(f"these credentials are for recipients of type {' or '.join(sorted(types))}", rpc)

    def take_sends(self, number: int) -> None:
        """Count so many requests to send; raise `RateLimited` if that is more than the caller may ask for now."""
        if self.rate_limit is not None and (wait := self.rate_limit.take(number)):
            raise RateLimited(self.rate_limit.most, self.rate_limit.unit, wait)

    @property
    def acts_for_anybody(self) -> bool:
        """Whether what another caller has sent may be changed."""
        return self.scopes is None or bool(self.scopes & FOR_ANYBODYS)

    @property
    def reads_everything(self) -> bool:
        """Whether all notifications may be read."""
        return self.scopes is None or "read" in self.scopes

    @property
    def routes_anywhere(self) -> bool:
        """Whether a decision may name addresses that are not known."""
        return self.scopes is None or "route_anywhere" in self.scopes

    @property
    def explains_everything(self) -> bool:
        """Whether what others decided may be explained."""
        return self.scopes is None or bool(self.scopes & FOR_EXPLAINING)
