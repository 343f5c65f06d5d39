"""The e-mail channel: hands messages to one SMTP relay over kept connections."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable
from typing import Any

from tocsin_server.channels.classify_smtp import Stage, classify_loss, classify_reply, enhanced_status
from tocsin_server.channels.mail import Mail, MailComposer, UnsendableAddress
from tocsin_server.channels.sender import Message, Outcome, OutcomeKind
from tocsin_server.channels.smtp_dialogue import Reply
from tocsin_server.channels.smtp_lines import (
    CLOSING,
    IDLE_LIMIT,
    Connection,
    SmtpLines,
    SmtpUtf8NotOffered,
    Unanswered,
)
from tocsin_server.channels.verdict import detail
from tocsin_server.config import SmtpRelay


class _GoneWhileKept(Exception):
    """A kept connection turned out to be dead before any content was handed over."""


class EmailSender:
    """Sends plain-text e-mail from ``sender``, such as ``Shop <noreply@shop.example>``, through one relay.

    At most ``connections`` are open at a time; further attempts wait for one. ``timeout`` is in seconds, for
    each network operation. ``tls`` replaces the system's trusted certificates.

    Raises:
        UnsendableAddress: ``sender`` is not one mailbox.
    """

    def __init__(
        self,
        relay: SmtpRelay,
        *,
        sender: str,
        connections: int,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        idle_limit: float = IDLE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = relay.name
        self._composer = MailComposer(sender)
        self._secrets = _forms_of_password(relay)
        self._slots = asyncio.Semaphore(connections)
        self._lines = SmtpLines(
            relay, tls=tls or ssl.create_default_context(), timeout=timeout, idle_limit=idle_limit, clock=clock
        )

    async def send(self, message: Message) -> Outcome:
        """Hand one message to the relay; see `Sender.send`.

        The outcome's ``data`` has ``message_id`` (the header), ``stage`` (how far the attempt came) and, where
        the relay gave one, ``enhanced_status``.
        """
        try:
            mail = self._composer.compose(message)
        except UnsendableAddress as error:
            return Outcome(OutcomeKind.PERMANENT, code="INVALID_ADDRESS", detail=detail(str(error), message=message))
        async with self._slots:
            try:
                return await self._attempt(self._lines.take() or self._lines.new(), mail, message)
            except _GoneWhileKept:
                # The relay hung up while the connection lay idle, which is no failure of this attempt. Others
                # may have gone the same way, so the second try is on a fresh one, which cannot raise this.
                return await self._attempt(self._lines.new(), mail, message)

    async def close(self) -> None:
        """Take leave of the relay; see `Sender.close`."""
        await self._lines.close()

    async def _attempt(self, connection: Connection, mail: Mail, message: Message) -> Outcome:
        """Try once on ``connection``, then keep or discard it.

        Raises:
            _GoneWhileKept: See there.
        """
        try:
            reply = await self._lines.exchange(connection, mail)
        except SmtpUtf8NotOffered:
            self._lines.keep(connection)
            return _cannot_carry(connection, mail)
        except Unanswered as error:
            self._lines.discard(connection)
            if error.hung_up and _untouched(connection):
                raise _GoneWhileKept from error
            return self._unanswered(connection, mail, message, error)
        except asyncio.CancelledError:
            self._lines.discard(connection)
            raise
        if _goes_on_after(connection, reply):
            self._lines.keep(connection)
        else:
            self._lines.discard(connection)
            if reply.code == CLOSING and _untouched(connection):
                raise _GoneWhileKept
        return self._answered(connection, mail, message, reply)

    def _answered(self, connection: Connection, mail: Mail, message: Message, reply: Reply) -> Outcome:
        verdict = classify_reply(connection.stage, reply.code, reply.text)
        data = _facts(connection, mail)
        if (enhanced := enhanced_status(reply.code, reply.text)) is not None:
            data["enhanced_status"] = str(enhanced)
        return Outcome(
            verdict.kind,
            code=str(reply.code) if reply.code else "UNREADABLE_ANSWER",
            detail=detail(reply.text, message=message, secrets=self._secrets),
            data=data,
            retry_after=verdict.retry_after,
            provider_fault=verdict.provider_fault,
        )

    def _unanswered(self, connection: Connection, mail: Mail, message: Message, error: Unanswered) -> Outcome:
        verdict = classify_loss(connection.stage)
        return Outcome(
            verdict.kind,
            code=error.name,
            detail=detail(str(error), message=message, secrets=self._secrets),
            data=_facts(connection, mail),
            provider_fault=verdict.provider_fault,
        )


def _cannot_carry(connection: Connection, mail: Mail) -> Outcome:
    # Permanent, because relays do not gain extensions within the hours that we retry.
    return Outcome(
        OutcomeKind.PERMANENT,
        code="SMTPUTF8_NOT_OFFERED",
        detail="an address is not ASCII, and the relay does not offer SMTPUTF8",
        data=_facts(connection, mail),
    )


def _untouched(connection: Connection) -> bool:
    """Whether a kept connection failed without having been given any content."""
    return connection.reused and connection.stage is not Stage.CONTENT


def _goes_on_after(connection: Connection, reply: Reply) -> bool:
    """Whether the relay is ready for another transaction: it has let us in, answers in step, and stays."""
    if connection.stage in (Stage.CONNECT, Stage.AUTH) or reply.code == CLOSING:
        return False
    # Success is expected here only of content, and 3yz nowhere: such answers belong to some other command.
    return reply.code // 100 in ((2, 4, 5) if connection.stage is Stage.CONTENT else (4, 5))


def _facts(connection: Connection, mail: Mail) -> dict[str, Any]:
    return {"message_id": mail.message_id, "stage": connection.stage.value}


def _forms_of_password(relay: SmtpRelay) -> tuple[str, ...]:
    """List the forms in which the password goes to the relay, which may quote them (AUTH PLAIN, LOGIN: base64)."""
    if relay.password is None:
        return ()
    password, username = relay.password.get_secret_value(), relay.username or ""
    plain = f"\0{username}\0{password}"
    return password, *(base64.b64encode(form.encode()).decode() for form in (password, plain))
