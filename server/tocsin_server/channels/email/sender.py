"""The e-mail channel: hands messages to one SMTP relay over kept connections."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable

from tocsin_server.channels.email.answers import (
    CREDENTIAL_CODES,
    EnhancedStatus,
    Stage,
    classify_loss,
    classify_reply,
    enhanced_status,
)
from tocsin_server.channels.email.dialogue import Reply
from tocsin_server.channels.email.headers import UnsendableAddress
from tocsin_server.channels.email.mail import Mail, MailComposer
from tocsin_server.channels.email.pool import (
    CLOSING,
    IDLE_LIMIT,
    BeyondRelay,
    Connection,
    SmtpPool,
    Unanswered,
)
from tocsin_server.channels.sender import Attempt, Outcome
from tocsin_server.channels.verdict import NOT_HERE, PERMANENT, Verdict, detail
from tocsin_server.config.network import SmtpRelay


class _GoneWhileKept(Exception):
    """A kept connection turned out to be dead before any content was handed over."""


class EmailSender:
    """Sends plain-text e-mail from ``sender``, such as ``Shop <noreply@shop.example>``, through one relay.

    At most ``connections`` are open at a time; further attempts wait for one. ``timeout`` is in seconds, for
    each network operation. ``reply_to`` is where answers are to go, ``ehlo_name`` how relays are greeted. ``tls``
    replaces the system's trusted certificates, and may hold one to show.

    Raises:
        UnsendableAddress: ``sender`` or ``reply_to`` is not one mailbox.
    """

    credential_codes = CREDENTIAL_CODES

    def __init__(
        self,
        relay: SmtpRelay,
        *,
        sender: str,
        connections: int,
        timeout: float,
        reply_to: str | None = None,
        ehlo_name: str | None = None,
        tls: ssl.SSLContext | None = None,
        idle_limit: float = IDLE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = relay.name
        self._composer = MailComposer(sender, reply_to=reply_to)
        self._secrets = _forms_of_password(relay)
        self._slots = asyncio.Semaphore(connections)
        self._pool = SmtpPool(
            relay,
            tls=tls or ssl.create_default_context(),
            timeout=timeout,
            ehlo_name=ehlo_name,
            idle_limit=idle_limit,
            clock=clock,
        )

    async def send(self, attempt: Attempt) -> Outcome:
        """Hand one message to the relay; see `Sender.send`.

        The outcome's ``data`` has ``message_id`` (the header), ``stage`` (how far the attempt came) and, where
        the relay gave one, ``enhanced_status``.
        """
        message = attempt.claim
        try:
            mail = self._composer.compose(message)
        except UnsendableAddress as error:
            return PERMANENT.outcome("INVALID_ADDRESS", detail(str(error), message=message))
        async with self._slots:
            try:
                return await self._attempt(self._pool.take() or self._pool.new(), mail, attempt)
            except _GoneWhileKept:
                # The relay hung up while the connection lay idle, which is no failure of this attempt. Others
                # may have gone the same way, so the second try is on a fresh one, which cannot raise this.
                return await self._attempt(self._pool.new(), mail, attempt)

    async def reach(self) -> str:
        """Connect, with TLS where it is offered, and log in; see `Sender.reach`."""
        try:
            refusal = await self._pool.reach()
        except Unanswered as error:
            return detail(f"{error.name}: {error}", secrets=self._secrets)
        return "" if refusal is None else detail(f"{refusal.code} {refusal.text}", secrets=self._secrets)

    async def close(self) -> None:
        """Take leave of the relay; see `Sender.close`."""
        await self._pool.close()

    async def _attempt(self, connection: Connection, mail: Mail, attempt: Attempt) -> Outcome:
        """Try once on ``connection``, then keep or discard it.

        Raises:
            _GoneWhileKept: See there.
        """
        try:
            reply = await self._pool.exchange(connection, mail, attempt)
        except BeyondRelay as limit:
            self._pool.keep(connection)
            return self._outcome(NOT_HERE, connection, mail, attempt, code=limit.code, text=str(limit))
        except Unanswered as error:
            self._pool.discard(connection)
            if error.hung_up and _untouched(connection):
                raise _GoneWhileKept from error
            verdict = classify_loss(connection.stage)
            return self._outcome(verdict, connection, mail, attempt, code=error.name, text=str(error))
        except asyncio.CancelledError:
            self._pool.discard(connection)
            raise
        if _goes_on_after(connection, reply):
            self._pool.keep(connection)
        else:
            self._pool.discard(connection)
            if reply.code == CLOSING and _untouched(connection):
                raise _GoneWhileKept
        return self._answered(connection, mail, attempt, reply)

    def _answered(self, connection: Connection, mail: Mail, attempt: Attempt, reply: Reply) -> Outcome:
        verdict = classify_reply(connection.stage, reply.code, reply.text)
        code = str(reply.code) if reply.code else "UNREADABLE_ANSWER"
        enhanced = enhanced_status(reply.code, reply.text)
        return self._outcome(verdict, connection, mail, attempt, code=code, text=reply.text, enhanced=enhanced)

    def _outcome(
        self,
        verdict: Verdict,
        connection: Connection,
        mail: Mail,
        attempt: Attempt,
        *,
        code: str,
        text: str,
        enhanced: EnhancedStatus | None = None,
    ) -> Outcome:
        data = {"message_id": mail.message_id, "stage": connection.stage.value}
        if enhanced is not None:
            data["enhanced_status"] = str(enhanced)
        return verdict.outcome(code, detail(text, message=attempt.claim, secrets=self._secrets), data)


def _untouched(connection: Connection) -> bool:
    """Whether a kept connection failed without having been given any content."""
    return connection.reused and connection.stage is not Stage.CONTENT


def _goes_on_after(connection: Connection, reply: Reply) -> bool:
    """Whether the relay is ready for another transaction: it has let us in, answers in step, and stays."""
    if connection.stage in (Stage.CONNECT, Stage.AUTH) or reply.code == CLOSING:
        return False
    # Success is expected here only of content, and 3yz nowhere: such answers belong to some other command.
    return reply.code // 100 in ((2, 4, 5) if connection.stage is Stage.CONTENT else (4, 5))


def _forms_of_password(relay: SmtpRelay) -> tuple[str, ...]:
    """List the forms in which the password goes to the relay, which may quote them (AUTH PLAIN, LOGIN: base64)."""
    if relay.password is None:
        return ()
    password, username = relay.password.get_secret_value(), relay.username or ""
    plain = f"\0{username}\0{password}"
    return password, *(base64.b64encode(form.encode()).decode() for form in (password, plain))
