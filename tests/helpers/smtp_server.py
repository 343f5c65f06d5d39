"""A real SMTP server in a thread, which does as it is told.

::

    with SmtpServer() as server:
        server.script(refuse("rcpt", "550 5.1.1 no such user"), drop("content"))
        ...
        assert server.messages[0].recipients == ["ann@example.org"]

Each mail transaction takes the next step of the script, and is accepted when none is left.
"""

# The library finds its hooks by names such as smtp_MAIL.
# ruff: noqa: N802
from __future__ import annotations

import asyncio
import email
import email.policy
import logging
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal, NamedTuple, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Stage = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"]
"""Where a step strikes: at the greeting, at the command of that name, after the final dot."""

NAME = "provider.test"
"""A name that the certificate has, for those who resolve it."""

OF_CONNECTIONS = ("connect", "ehlo", "starttls", "auth")
"""Stages that come once in a connection; the others come in each transaction."""

# It logs commands and content, which the suites that look for leaks would take for the client's.
logging.getLogger("mail").setLevel(logging.CRITICAL)


class Step(NamedTuple):
    """What happens instead of acceptance."""

    stage: Stage
    action: Literal["reply", "drop", "hang"]
    text: str = ""


def refuse(stage: Stage, reply: str) -> Step:
    """Answer ``reply``, which may be anything, such as ``550 5.1.1 no such user``, or garbage."""
    return Step(stage, "reply", reply)


def drop(stage: Stage) -> Step:
    """Reset the connection. At "content" the message has been taken."""
    return Step(stage, "drop")


def hang(stage: Stage) -> Step:
    """Say nothing until `SmtpServer.release`, then go on as usual."""
    return Step(stage, "hang")


@dataclass(frozen=True)
class ReceivedMail:
    """A message that was taken, with its envelope. ``connection`` counts connections from 1."""

    connection: int
    sender: str
    recipients: list[str]
    mail_options: list[str]
    content: bytes

    @property
    def parsed(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def message_id(self) -> str:
        return str(self.parsed["Message-ID"])

    @property
    def text(self) -> str:
        return str(self.parsed.get_content()).replace("\r\n", "\n")


class SmtpServer:
    """Listens on a port of its own on 127.0.0.1 while the context is open.

    ``credentials`` makes AUTH necessary, ``clients`` a certificate of that authority. ``refuse_reuse``
    answers 421 to a second transaction on a connection.
    """

    pipelining = True
    """Whether EHLO offers PIPELINING, as nearly all relays do."""

    forgetful = False
    """Whether what comes in one packet with a command is dropped, as by relays that only claim to do pipelining."""

    slowness = 0.0
    """Seconds that pass before each answer to a command."""

    def __init__(
        self,
        *,
        tls: Literal["none", "starttls", "implicit"] = "none",
        credentials: tuple[str, str] | None = None,
        smtputf8: bool = True,
        size_limit: int | None = None,
        clients: trustme.CA | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.refuse_reuse = False
        self.messages: list[ReceivedMail] = []
        self.answered = 0
        """Messages that were taken and whose acceptance was answered."""
        self.transactions: list[int] = []
        """Number of the connection of each MAIL command, also of those that came to nothing."""
        self.connections = 0
        self.greetings: list[str] = []
        """The names in EHLO."""
        self.logins: list[str] = []
        """User name of each AUTH that succeeded, with "tls:" before it where the line was encrypted."""
        self.commands: list[str] = []
        """Commands of mail transactions as they came, with their arguments, and QUIT."""
        self.hanging = threading.Event()
        """Set while something hangs, and after it."""
        self.tls = tls
        self.credentials = credentials
        self.smtputf8 = smtputf8
        self.size_limit = size_limit
        self._steps: deque[Step] = deque()
        self._sessions: set[_Session] = set()
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="smtp-server")
        self._clients = clients
        self.authority = trustme.CA() if tls != "none" else None
        """Whose certificate the server has."""

    @property
    def url(self) -> str:
        """The relay as a setting, with its credentials."""
        user = ":".join(self.credentials) + "@" if self.credentials else ""
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://{user}{self.host}:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts this server."""
        context = ssl.create_default_context()
        if self.authority is not None:
            self.authority.configure_trust(context)
        return context

    def script(self, *steps: Step) -> None:
        """Add what is to happen to the next transactions, or to the next connections."""
        self._steps.extend(steps)

    def release(self) -> None:
        """Let everything that hangs go on."""
        self._loop.call_soon_threadsafe(self._released.set)

    def hang_up(self) -> None:
        """Close all connections from this side, as a relay does with idle ones; returns when they are closed."""
        asyncio.run_coroutine_threadsafe(self._close_sessions(), self._loop).result(timeout=60)

    def wait_for_command(self, command: str) -> None:
        """Wait until a client has given ``command``."""
        with self._news:
            assert self._news.wait_for(lambda: command in self.commands, timeout=60)

    def note(self, command: str) -> None:
        with self._news:
            self.commands.append(command)
            self._news.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=60)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and drop all connections, hanging ones too. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout=60)
            assert not self._thread.is_alive()

    def next_step(self, *, of_connection: bool) -> Step | None:
        """Take the next step if it is for a connection, or if it is for a transaction."""
        if self._steps and (self._steps[0].stage in OF_CONNECTIONS) is of_connection:
            return self._steps.popleft()
        return None

    def enter(self, session: _Session) -> int:
        self._sessions.add(session)
        self._nobody_left.clear()
        self.connections += 1
        return self.connections

    def leave(self, session: _Session) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._nobody_left.set()

    async def wait_released(self) -> None:
        self.hanging.set()
        await self._released.wait()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._released = asyncio.Event()
        self._nobody_left = asyncio.Event()
        self._nobody_left.set()
        context = None
        if self.authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if self._clients is not None:
                self._clients.configure_trust(context)
                context.verify_mode = ssl.CERT_REQUIRED
            self.authority.issue_cert(self.host, "localhost", NAME).configure_cert(context)
        server = await self._loop.create_server(
            lambda: _Session(self, context if self.tls == "starttls" else None),
            self.host,
            0,
            ssl=context if self.tls == "implicit" else None,
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        await self._close_sessions()

    async def _close_sessions(self) -> None:
        for session in list(self._sessions):
            session.reset()
        await self._nobody_left.wait()


class _Session(SMTP):  # type: ignore[misc]  # the library has no types
    """One connection."""

    def __init__(self, owner: SmtpServer, tls_context: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.number = 0
        self.step: Step | None = None
        self.transactions = 0
        super().__init__(
            _Hooks(owner),
            hostname="localhost",
            enable_SMTPUTF8=owner.smtputf8,
            data_size_limit=owner.size_limit,
            tls_context=tls_context,
            auth_required=owner.credentials is not None,
            authenticator=self.authenticate,
        )
        if owner.tls != "starttls":
            # The library does not count implicit TLS. Given to the constructor, this would warn.
            self._auth_require_tls = False

    def connection_made(self, transport: Any) -> None:
        if not self.number:  # it is called once more after STARTTLS
            self.number = self.owner.enter(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.owner.leave(self)

    def reset(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def authenticate(
        self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        if (data.login.decode(), data.password.decode()) != self.owner.credentials:
            return AuthResult(success=False, handled=False)
        encrypted = session.ssl is not None or self.owner.tls == "implicit"
        self.owner.logins.append(("tls:" if encrypted else "") + data.login.decode())
        return AuthResult(success=True)

    async def strike(self, stage: Stage) -> bool:
        """Do what the script says for this stage; True when that has ended the matter."""
        await asyncio.sleep(self.owner.slowness)
        if self.step is None or self.step.stage != stage:
            return False
        step, self.step = self.step, None
        if step.action == "hang":
            await self.owner.wait_released()
            return False
        if step.action == "drop":
            self.reset()
        else:
            await self.push(step.text)
        return True

    async def _handle_client(self) -> None:
        self.step = self.owner.next_step(of_connection=True)
        if await self.strike("connect"):
            self.transport.close()
            return
        await super()._handle_client()

    async def push(self, status: Any) -> None:
        if self.owner.forgetful:
            self._reader._buffer.clear()
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self.strike("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if not await self.strike("starttls"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if not await self.strike("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.owner.note(f"MAIL {arg}")
        self.owner.transactions.append(self.number)
        self.transactions += 1
        if self.owner.refuse_reuse and self.transactions > 1:
            await self.push("421 4.4.2 idle for too long, closing")
            self.transport.close()
            return
        self.step = self.owner.next_step(of_connection=False)
        if not await self.strike("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        self.owner.note(f"RCPT {arg}")
        if not await self.strike("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_RSET(self, arg: str | None) -> None:
        self.owner.note("RSET")
        await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        self.owner.note("DATA")
        if not await self.strike("data"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str | None) -> None:
        self.owner.note("QUIT")
        await super().smtp_QUIT(arg)


class _Hooks:
    """Receives content."""

    def __init__(self, owner: SmtpServer) -> None:
        self.owner = owner

    async def handle_EHLO(
        self, _server: _Session, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.owner.greetings.append(hostname)
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.owner.pipelining else responses

    async def handle_DATA(self, server: _Session, _session: Session, envelope: Envelope) -> str:
        refused = server.step is not None and server.step.action == "reply"
        if server.step is not None and refused:
            reply, server.step = server.step.text, None
            return reply
        self.owner.messages.append(
            ReceivedMail(
                connection=server.number,
                sender=envelope.mail_from,
                recipients=list(envelope.rcpt_tos),
                mail_options=list(envelope.mail_options),
                content=bytes(envelope.content),
            )
        )
        await server.strike("content")
        self.owner.answered += 1
        return f"250 2.0.0 Ok: queued as {len(self.owner.messages):08X}"
