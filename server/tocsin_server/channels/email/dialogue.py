"""Mail transactions on an open connection: what is said to a relay, and what it answers.

aiosmtplib opens the connection: greeting, EHLO, STARTTLS, AUTH, and takes leave of it. In between this is the
transport's protocol. The library can wait for one answer at a time only, so that each command costs a turn of the
event loop and of the task, and commands cannot be pipelined (RFC 2920); here each answer leads to what follows as it
arrives, and only the last one wakes the task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from aiosmtplib import SMTPReadTimeoutError, SMTPServerDisconnected

from tocsin_server.channels.email.answers import Stage
from tocsin_server.channels.sender import Attempt
from tocsin_server.timing.deadlines import Deadlines

GO_AHEAD: Final = 354

LONGEST_ANSWER: Final = 64 * 1024
"""Octets; the longest that is legal has 512 a line (RFC 5321 section 4.5.3.1.5), and nobody sends a hundred lines."""


class Reply(NamedTuple):
    """A relay's answer; ``code`` is 0 for something that is not SMTP."""

    code: int
    text: str


class Command(NamedTuple):
    """One line of an envelope, and the answers that lead on."""

    stage: Stage
    line: bytes
    expected: tuple[int, ...]


class Dialogue(asyncio.Protocol):
    """Takes the place of ``opener``, which is told of the end.

    Args:
        transport: An open connection on which no answer is outstanding.
        opener: The transport's protocol so far.
        pipelining: Whether the relay takes all commands of an envelope at once.
        deadlines: Ends waiting for an answer, by `overdue`.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        opener: asyncio.BaseProtocol,
        *,
        pipelining: bool,
        deadlines: Deadlines[Dialogue],
    ) -> None:
        self.stage = Stage.MAIL
        """How far the present transaction has come: what the awaited or last answer is about."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._opener = opener
        self._pipelining = pipelining
        self._deadlines = deadlines
        self._buffer = b""
        self._unsaid: deque[Command] = deque()
        self._awaited: deque[Command | None] = deque()
        """What answers are outstanding to; None is the content."""
        self._content = b""
        self._attempt: Attempt | None = None
        self._refusal: Reply | None = None
        self._end: asyncio.Future[Reply] | None = None
        transport.set_protocol(self)

    async def transfer(self, commands: Sequence[Command], content: bytes, attempt: Attempt) -> Reply:
        """Say ``commands``, of which the last is DATA, then ``content``, and return the answer that ended it.

        That is the first to a command that does not lead on, else the one to the content; ``attempt`` is told when it
        comes to that. The transport is closing when it cannot be used for another transaction.

        Raises:
            SMTPServerDisconnected: The connection is lost.
            SMTPReadTimeoutError: No answer came in time.
        """
        if self._transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        self._end = self._loop.create_future()
        self._unsaid = deque(commands)
        self._awaited.clear()
        self._content = content
        self._attempt = attempt
        self._refusal = None
        self._say()
        self._deadlines.begin(self)
        try:
            return await self._end
        finally:
            self._end = self._attempt = None
            self._deadlines.end(self)

    def leave(self) -> None:
        """Give the connection back to its opener."""
        self._transport.set_protocol(self._opener)

    def overdue(self) -> None:
        """Wait no longer."""
        self._give_up(SMTPReadTimeoutError("Timed out waiting for server response"))

    def data_received(self, data: bytes) -> None:
        """Take answers, and go on."""
        self._buffer += data
        end, heard = self._end, False
        while end is not None and not end.done() and (answer := self._next_answer()) is not None:
            self._hear(answer)
            heard = True
        if end is not None and not end.done():
            if heard:
                self._deadlines.begin(self)  # once for all answers that came together
        elif self._buffer:
            # Nothing was asked: a farewell, or answers out of step, of which the next one would be taken for another's.
            self._buffer = b""
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and the opener."""
        error = SMTPServerDisconnected("Connection lost")
        error.__cause__ = exc
        self._give_up(error)
        self._opener.connection_lost(exc)

    def _say(self) -> None:
        """Send the next command, or all of them where the relay takes them at once."""
        said = [self._unsaid.popleft() for _ in range(len(self._unsaid) if self._pipelining else 1)]
        self._awaited.extend(said)
        self.stage = said[0].stage
        self._transport.write(b"".join([command.line for command in said]))

    def _hear(self, answer: Reply) -> None:
        command = self._awaited.popleft()
        if command is None or not answer.code:
            self._finish(self._refusal or answer)
            return
        if self._refusal is None and answer.code not in command.expected:
            self._refusal = answer
        if self._awaited:
            if self._refusal is None and (following := self._awaited[0]) is not None:
                self.stage = following.stage
        elif self._refusal is not None:
            if answer.code == GO_AHEAD:
                # The relay waits for content although it refused the envelope. A dot would end that too, but might
                # make an empty message of it; a message that is broken off it has to forget.
                self._transport.abort()
            self._finish(self._refusal)
        elif self._unsaid:
            self._say()
        else:
            self._awaited.append(None)
            self.stage = Stage.CONTENT
            if self._attempt is not None:
                self._attempt.handed_over = True
            self._transport.write(self._content)

    def _finish(self, reply: Reply) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(reply)

    def _give_up(self, error: Exception) -> None:
        """End a transaction to which no further answer will come; what was refused before remains refused."""
        if self._end is None or self._end.done():
            return
        if self._refusal is not None:
            self._transport.abort()
            self._end.set_result(self._refusal)
        else:
            self._end.set_exception(error)

    def _next_answer(self) -> Reply | None:
        """Take a complete answer off the buffer, None if there is none.

        Of several lines, all but the last have a hyphen behind the code (RFC 5321 section 4.2.1).
        """
        texts = []
        begin = 0
        while (end := self._buffer.find(b"\n", begin)) >= 0:
            line = self._buffer[begin:end]
            begin = end + 1
            if not line[:3].isdigit():
                self._buffer = b""
                return Reply(0, f"Malformed SMTP response line: {_text(line)}")
            texts.append(_text(line[4:]))
            if line[3:4] != b"-":
                self._buffer = self._buffer[begin:]
                return Reply(int(line[:3]), "\n".join(texts))
        if len(self._buffer) > LONGEST_ANSWER:
            self._buffer = b""
            return Reply(0, "Response too long")
        return None


def _text(octets: bytes) -> str:
    return octets.strip(b" \t\r").decode("utf-8", "surrogateescape")
