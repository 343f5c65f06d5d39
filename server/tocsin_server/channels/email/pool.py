"""A pool of connections to one SMTP relay, and mail transactions on them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from socket import getfqdn
from ssl import SSLContext
from typing import Final, cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected

from tocsin_server.channels.email.answers import Stage
from tocsin_server.channels.email.connecting import open_socket
from tocsin_server.channels.email.dialogue import GO_AHEAD, Command, Dialogue, Reply
from tocsin_server.channels.email.mail import Mail
from tocsin_server.channels.sender import Attempt
from tocsin_server.config.network import SmtpRelay
from tocsin_server.timing.deadlines import Deadlines

IDLE_LIMIT: Final = 10.0
"""Seconds that an unused connection is kept. Relays hang up on idle clients after anything from 10 s to 5 min."""

_QUIT_TIMEOUT: Final = 1.0
"""Seconds to wait for the answer to QUIT, which changes nothing any more."""


ACCEPTED: Final = 250
FORWARDED: Final = 251
"""The answers to an envelope that lead on (RFC 5321 section 4.3.2)."""

CLOSING: Final = 421
"""The reply by which a relay says that it is about to hang up (RFC 5321 section 3.8)."""


class Unanswered(Exception):
    """No answer came. ``hung_up``: the relay closed an established connection; ``name`` is the cause's."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.name = type(cause).__name__
        self.hung_up = isinstance(cause, SMTPServerDisconnected)


class BeyondRelay(Exception):
    """The relay cannot carry the mail, as it said in its answer to EHLO. The connection is unharmed."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class CleartextCredentials(SMTPException):
    """The relay offers no TLS, and the password would travel in the clear."""


class Connection:
    """One connection; ``stage`` is how far the present attempt on it has come.

    ``reused`` says that it has carried an attempt before. ``soiled`` says that a refusal has left an envelope
    half open, so that it needs RSET first. ``size_limit`` is how many octets a mail may have,
    0 without a limit, None where the relay does not offer SIZE.
    """

    __slots__ = ("dialogue", "idle_since", "reused", "size_limit", "smtp", "soiled", "stage")

    def __init__(self, smtp: SMTP) -> None:
        self.smtp = smtp
        self.dialogue: Dialogue | None = None
        self.stage = Stage.CONNECT
        self.reused = False
        self.soiled = False
        self.idle_since = 0.0
        self.size_limit: int | None = None


class SmtpPool:
    """Makes connections to ``relay`` and keeps those that are given back, for ``idle_limit`` seconds.

    A kept connection is no promise: the relay may have hung up unnoticed, and an answer to NOOP would prove
    nothing about the next command. Whoever takes one must be ready to go on with a fresh one.

    ``timeout`` is in seconds, for each network operation. ``ehlo_name`` is how we greet; by default the machine's name.
    """

    def __init__(
        self,
        relay: SmtpRelay,
        *,
        tls: SSLContext,
        timeout: float,
        ehlo_name: str | None = None,
        idle_limit: float = IDLE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._relay = relay
        self._tls = tls
        self._timeout = timeout
        self._idle_limit = idle_limit
        self._clock = clock
        self._idle: deque[Connection] = deque()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        self._ehlo_name = ehlo_name
        self._closed = False
        self._deadlines: Deadlines[Dialogue] = Deadlines(timeout, Dialogue.overdue)

    def take(self) -> Connection | None:
        """Return the most recently used connection that looks alive, if any."""
        while self._idle:
            connection = self._idle.pop()
            if connection.smtp.is_connected and not self._stale(connection):
                connection.reused = True
                connection.stage = Stage.MAIL
                return connection
            self._dismiss(connection)
        return None

    def new(self) -> Connection:
        """Make a connection that is still to be connected."""
        return Connection(
            SMTP(
                hostname=self._relay.host,
                timeout=self._timeout,
                use_tls=self._relay.implicit_tls,
                start_tls=None,  # upgrades where the relay offers it
                tls_context=self._tls,
            )
        )

    async def exchange(self, connection: Connection, mail: Mail, attempt: Attempt) -> Reply:
        """Make one mail transaction, connecting first where necessary, and return the reply that ended it.

        ``connection.stage`` tells how far it came, whether it returns or raises; ``attempt`` whether that was the
        content, also while it is under way. What becomes of the connection is the caller's to say, with `keep` or
        `discard`.

        Raises:
            Unanswered: The connection broke, or a time-out passed; or none could be made.
            BeyondRelay: See there.
        """
        try:
            if connection.dialogue is None:
                connection.dialogue = await self._connect(connection)
            return await self._transfer(connection, connection.dialogue, mail, attempt)
        except SMTPResponseException as error:
            return Reply(max(error.code, 0), error.message)  # the library's code for garbage is -1
        except BeyondRelay:
            raise
        except Exception as error:
            # Not only the library's and the system's own: a name that cannot be resolved is a UnicodeError.
            raise Unanswered(error) from error

    async def reach(self) -> Reply | None:
        """Connect and log in, and take leave; returns the reply by which the relay refuses, None if it does not.

        Raises:
            Unanswered: No connection could be made, or it broke.
        """
        connection = self.new()
        try:
            connection.dialogue = await self._connect(connection)
        except SMTPResponseException as error:
            return Reply(max(error.code, 0), error.message)
        except Exception as error:
            raise Unanswered(error) from error
        finally:
            self._dismiss(connection)
        return None

    async def _connect(self, connection: Connection) -> Dialogue:
        """Connect, upgrade to TLS where offered, and authenticate where the relay has a user name.

        Raises:
            CleartextCredentials: There is a password, no TLS, and the relay is not on this machine.
            SMTPException, OSError: Whatever else goes wrong.
        """
        smtp = connection.smtp
        connection.stage = Stage.CONNECT
        if self._ehlo_name is None:
            # Looking up our own name can take seconds where the resolver is slow; once is enough.
            self._ehlo_name = await asyncio.to_thread(getfqdn)
        smtp.local_hostname = self._ehlo_name
        connected = await open_socket(self._relay.host, self._relay.port, self._timeout)
        try:
            await smtp.connect(sock=connected)
        except BaseException:
            # The library waits with `asyncio.wait_for`, which loses a connection that is made in the moment in which
            # it is cut off (Python below 3.12). Nobody holds that one; ended here, it closes itself.
            with contextlib.suppress(OSError):  # it is closed already
                connected.shutdown(socket.SHUT_RDWR)
            raise
        connection.stage = Stage.AUTH
        if self._relay.username is not None:
            # Not left to `connect`, which would log in without TLS as well: whoever can suppress the offer of
            # STARTTLS on the way would be handed the password (RFC 3207 section 6, RFC 8314 section 3).
            if smtp.get_transport_info("sslcontext") is None and not _on_this_machine(smtp):
                raise CleartextCredentials("the relay offers no TLS, so the password is not sent")
            password = self._relay.password
            await smtp.login(self._relay.username, password.get_secret_value() if password else "")
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()  # nothing above needed it, or TLS has made the earlier answer void
        connection.stage = Stage.MAIL
        connection.size_limit = _size_limit(smtp)
        if smtp.protocol is None or smtp.transport is None:
            raise SMTPServerDisconnected("Connection lost")
        return Dialogue(
            cast("asyncio.Transport", smtp.transport),
            smtp.protocol,
            pipelining=self._relay.pipelining and smtp.supports_extension("PIPELINING"),
            deadlines=self._deadlines,
        )

    async def _transfer(self, connection: Connection, dialogue: Dialogue, mail: Mail, attempt: Attempt) -> Reply:
        """Go through one mail transaction and return the reply that ended it.

        Raises:
            BeyondRelay: See there.
            SMTPException: No answer.
        """
        _check_limits(connection, mail)
        commands = _envelope(connection, mail)
        if connection.soiled:
            commands.insert(0, _RESET)
        connection.soiled = True  # until the content is accepted
        content = mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n"  # RFC 5321 section 4.5.2
        try:
            reply = await dialogue.transfer(commands, content, attempt)
        finally:
            connection.stage = dialogue.stage
        connection.soiled = dialogue.stage is not Stage.CONTENT or reply.code // 100 != 2
        return reply

    def keep(self, connection: Connection) -> None:
        """Take back a connection that is fit for another attempt."""
        if self._closed or not connection.smtp.is_connected:
            self._dismiss(connection)
            return
        connection.idle_since = self._clock()
        self._idle.append(connection)
        self._arm_sweep()

    def discard(self, connection: Connection) -> None:
        """Cut a connection whose state is unknown, without a word: the other side may not be listening."""
        _abort(connection.smtp)

    async def close(self) -> None:
        """Take leave of all kept connections, within about a second. Idempotent."""
        self._closed = True
        self._deadlines.close()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        while self._idle:
            self._dismiss(self._idle.pop())
        if self._farewells:
            await asyncio.wait(self._farewells)

    def _stale(self, connection: Connection) -> bool:
        return self._clock() - connection.idle_since >= self._idle_limit

    def _arm_sweep(self) -> None:
        if self._sweep_timer is None:
            self._sweep_timer = asyncio.get_running_loop().call_later(self._idle_limit, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle too long; the left end of the queue has been so for longest."""
        self._sweep_timer = None
        while self._idle and (self._stale(self._idle[0]) or not self._idle[0].smtp.is_connected):
            self._dismiss(self._idle.popleft())
        if self._idle:
            self._arm_sweep()

    def _dismiss(self, connection: Connection) -> None:
        """Say QUIT in the background (RFC 5321 section 4.1.1.10), so that nobody's message waits for it."""
        if not connection.smtp.is_connected:
            connection.smtp.close()
            return
        if connection.dialogue is not None:
            connection.dialogue.leave()
        task = asyncio.get_running_loop().create_task(_quit(connection.smtp))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)


def _check_limits(connection: Connection, mail: Mail) -> None:
    """Refuse what the relay said it would not take.

    Raises:
        BeyondRelay: See there.
    """
    if mail.smtputf8 and not connection.smtp.supports_extension("SMTPUTF8"):
        raise BeyondRelay("SMTPUTF8_NOT_OFFERED", "an address is not ASCII, and the relay does not offer SMTPUTF8")
    limit = connection.size_limit
    if limit and len(mail.content) > limit:
        # The code is the one with which it would answer (RFC 1870 6.1), and many do only once they have the content.
        raise BeyondRelay("552", f"the mail has {len(mail.content)} octets, and the relay takes {limit} at most")


def _size_limit(smtp: SMTP) -> int | None:
    """Return the octets that the relay takes at most, 0 without a limit, None where it does not offer SIZE.

    RFC 1870 section 4: at most 20 digits. What is no number says nothing.
    """
    size = smtp.esmtp_extensions.get("size")
    if size is None:
        return None
    return int(size) if _SIZE.fullmatch(size.strip()) else 0


_SIZE: Final = re.compile(r"[0-9]{1,20}")
_RESET: Final = Command(Stage.MAIL, b"RSET\r\n", (ACCEPTED,))
_DATA: Final = Command(Stage.DATA, b"DATA\r\n", (GO_AHEAD,))


def _envelope(connection: Connection, mail: Mail) -> list[Command]:
    """Return the commands that lead to the content."""
    encoding = "utf-8" if mail.smtputf8 else "ascii"
    options = ""
    if connection.size_limit is not None:
        options += f" SIZE={len(mail.content)}"  # RFC 1870: refused before the content travels
    if mail.smtputf8:
        options += " SMTPUTF8"
        if connection.smtp.supports_extension("8BITMIME"):
            options += " BODY=8BITMIME"  # RFC 6531 section 3.6: the headers are not ASCII then
    return [
        Command(Stage.MAIL, _line(f"MAIL FROM:<{mail.sender}>{options}", encoding), (ACCEPTED,)),
        Command(Stage.RCPT, _line(f"RCPT TO:<{mail.recipient}>", encoding), (ACCEPTED, FORWARDED)),
        _DATA,
    ]


def _line(command: str, encoding: str) -> bytes:
    """Write a command.

    Raises:
        ValueError: It would be several: an address has a line break in it, past all checks.
    """
    if "\r" in command or "\n" in command or "\0" in command:
        raise ValueError("a command contains a line break")
    return command.encode(encoding) + b"\r\n"


async def _quit(smtp: SMTP) -> None:
    # The library lets go of it when no answer comes, and closes it in a way that may wait for the other side.
    transport = cast("asyncio.WriteTransport", smtp.transport)
    try:
        await smtp.quit(timeout=_QUIT_TIMEOUT)
    except (SMTPException, OSError):
        pass  # it was about to go anyway
    finally:
        transport.abort()
        smtp.close()


def _abort(smtp: SMTP) -> None:
    """Close without waiting for unsent data or for the other side's end of TLS, either of which may never come."""
    if smtp.transport is not None:
        cast("asyncio.WriteTransport", smtp.transport).abort()
    smtp.close()


def _on_this_machine(smtp: SMTP) -> bool:
    peer = smtp.get_transport_info("peername")
    return bool(peer) and ip_address(peer[0].partition("%")[0]).is_loopback
