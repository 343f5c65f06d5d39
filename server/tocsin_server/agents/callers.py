"""Who calls, and with which credentials the calls behind are made."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from tocsin_client import AsyncClient, Caller, PermissionDenied, TocsinError, Unauthenticated, Unavailable
from tocsin_server.domain.bearer import TOKEN

KEPT: Final = 30.0
"""Seconds for which it is known what a token is good for. Each call behind is judged by the server all the same."""

MOST_KEPT: Final = 1_000
MOST_ASKED: Final = 256
"""Tokens that the server is asked about at a time: strangers may send any. It tells them at a pace that theirs are not
good, and a token that is must not wait behind them; so these are as many as there are connections."""

ASKED_FOR: Final = 5.0
"""Seconds for which a token waits for its turn to be asked about, and then for the answer."""


class Callers:
    """Gives each call its client.

    Args:
        client: The connection. Over stdio its token is the caller's.
        bearer: Whether each call brings a token of its own, as over HTTP.
        clock: Monotonic seconds.
    """

    def __init__(
        self, client: AsyncClient, *, bearer: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._own = client
        self._bearer = bearer
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._asking = asyncio.Semaphore(MOST_ASKED)

    def client(self) -> AsyncClient:
        """Return the client of who calls."""
        return self._own if (token := self._token()) is None else self._own.with_token(token)

    def key(self) -> str:
        """Return what tells the caller from others."""
        return "" if (token := self._token()) is None else _key(token)

    async def caller(self) -> Caller | None:
        """Return what the caller's credentials are good for, None if they are good for nothing.

        Raises:
            TocsinError: It cannot be asked now.
        """
        return await self._ask(self.key(), self.client())

    async def verify_token(self, token: str) -> AccessToken | None:
        """Tell whether a token is good for anything; see `mcp.server.auth.provider.TokenVerifier`.

        While the server is away nothing is known of a token, and nothing can be done with it: the tools will say so,
        in a sentence, which a refusal here could not.
        """
        if not token or not TOKEN.fullmatch(token):
            return None
        try:
            known = await self._ask(_key(token), self._own.with_token(token))
        except TocsinError:
            return AccessToken(token=token, client_id="unknown", scopes=[])
        if known is None:
            return None
        return AccessToken(token=token, client_id=known.name, scopes=list(known.scopes))

    def _token(self) -> str | None:
        if not self._bearer:
            return None
        found = get_access_token()
        if found is None:
            raise Unauthenticated("the call has no bearer token", reason="UNAUTHENTICATED")
        return found.token

    async def _ask(self, key: str, client: AsyncClient) -> Caller | None:
        until, caller = self._known.get(key, (0.0, None))
        if until > self._clock():
            return caller
        try:
            async with asyncio.timeout(ASKED_FOR):
                await self._asking.acquire()
        except TimeoutError:  # as when the server is frozen, and strangers keep coming
            raise Unavailable("too many tokens are being asked about") from None
        try:
            caller = await client.who_am_i(deadline=ASKED_FOR)
        except (Unauthenticated, PermissionDenied):  # of these the second is for recipients' tokens
            caller = None
        finally:
            self._asking.release()
        self._known[key] = (self._clock() + KEPT, caller)
        self._known.move_to_end(key)
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return caller


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
