"""A sender of each channel together with a provider that does as it is told, for what all senders promise."""

from __future__ import annotations

import asyncio
import gzip
import math
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from helpers import scripted_http, smtp_server, telegram_api, twilio_api
from helpers.drafts import claim
from helpers.http_proxy import HttpProxy
from helpers.silent_server import SilentServer
from helpers.smtp_server import SmtpServer
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi
from tocsin_server.channels.email.sender import EmailSender
from tocsin_server.channels.outbox import OutboxSender, PlainText
from tocsin_server.channels.sender import Sender
from tocsin_server.channels.sms.sender import SmsSender
from tocsin_server.channels.telegram.sender import TelegramSender
from tocsin_server.config import network
from tocsin_server.config.network import parse_http_proxy, parse_smtp_url
from tocsin_server.domain.model import ChannelType, ClaimedChannel

TITLE = "Payroll runs on Friday"
BODY = "The vault code is 4711.\nTell nobody about it."
PATIENCE = 60.0
"""Seconds for what should happen at once: senders' time-outs, and waiting for a server to notice something."""

NUMBERS: list[Any] = [
    *(-1, 0, True, 2**53 + 1, 10**400, 10**4000, 1e308, math.nan, math.inf, -math.inf),
    *(1_790_000_000, 1_790_000_000_000, "7", "a\0b", "\ud800", "9" * 100_000, None, [7], {"seconds": 7}),
]
"""What may stand where a provider should name a number or an id."""
HEADER_BREAKS = re.compile("[^ -~]")
BODIES = [
    (status, body)
    for status in (200, 201, 400, 429)
    for body in (
        b"{" * 100_000,
        b'{"ok": true, "sid": ' + b"[" * 100_000,
        b" " * 1_000_000,
        gzip.compress(b" " * 10_000_000),
        b'{"ok": true, "sid": "SM1", "result": {"message_id": ' + b"1" * 5000 + b"}}",
    )
]
"""Answers that are too long, too deep, or would be when unpacked."""


class Bench(ABC):
    """A sender together with a scriptable provider."""

    channel: ClassVar[ChannelType]
    id_key: ClassVar[str]
    """Where the outcome's data hold the provider's id of the message."""
    secrets: ClassVar[tuple[str, ...]] = ()
    knows_what_was_read: ClassVar[bool] = False
    """Whether the protocol tells a line broken before the content from one broken after it. HTTP does not: a server
    that hangs up without an answer looks the same whether it has read the request or not."""

    @abstractmethod
    def sender(self, *, timeout: float = PATIENCE) -> Sender: ...

    @abstractmethod
    def address(self, number: int) -> str: ...

    @abstractmethod
    def received(self) -> list[str]:
        """Return the texts that the provider took."""

    def message(self, number: int = 1, **changes: str) -> ClaimedChannel:
        message = claim(
            id=f"01980000-0000-7000-8000-{number:012d}",
            address=self.address(number),
            title=TITLE,
            message=BODY,
            created_at=1_760_000_000_000_000,
        )
        return message._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


class RemoteBench(Bench):
    """A bench whose provider is across a network."""

    steps: ClassVar[tuple[str, ...]]
    """Where a provider can hang before any content is handed over."""

    def __init__(self, silent: SilentServer) -> None:
        self.silent = silent
        self.url: str
        self.hanging: threading.Event
        """Set once the provider hangs."""

    async def wait_hanging(self) -> None:
        assert await asyncio.to_thread(self.hanging.wait, PATIENCE)

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def release(self) -> None: ...

    @abstractmethod
    def refuse_address(self, text: str) -> None: ...

    @abstractmethod
    def throttle(self) -> None: ...

    @abstractmethod
    def fail(self, text: str) -> None:
        """Answer once that the provider is out of order, before it takes the message."""

    @abstractmethod
    def garble(self) -> None: ...

    @abstractmethod
    def drop(self, *, unread: bool) -> None: ...

    @abstractmethod
    def hang(self) -> None:
        """Say nothing once the content has come."""

    @abstractmethod
    def hang_at(self, step: str) -> None:
        """Say nothing at one of `steps`; the sender is to be made after this."""

    @abstractmethod
    def exaggerate(self) -> int:
        """Answer with numbers and texts that nobody could mean; returns to how many messages."""


class EmailBench(RemoteBench):
    channel = ChannelType.EMAIL
    id_key = "message_id"
    secrets = ("smtp-password", "c210cC1wYXNzd29yZA==", "AHRvY3NpbgBzbXRwLXBhc3N3b3Jk")  # as it is, LOGIN, PLAIN
    knows_what_was_read = True
    steps = ("handshake", "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data")

    def __init__(self, server: SmtpServer, silent: SilentServer) -> None:
        super().__init__(silent)
        self.server = server
        self.hanging = server.hanging
        self.url = server.url

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return EmailSender(
            parse_smtp_url(self.url),
            sender="Shop <noreply@shop.example>",
            connections=4,
            timeout=timeout,
            tls=self.server.trust,
        )

    def address(self, number: int) -> str:
        return f"ann{number}@example.org"

    def received(self) -> list[str]:
        return [mail.text.removesuffix("\n") for mail in self.server.messages]

    def stop(self) -> None:
        self.server.stop()

    def release(self) -> None:
        self.server.release()

    def refuse_address(self, text: str) -> None:
        self.server.script(smtp_server.refuse("rcpt", f"550 5.1.1 {text}"))

    def throttle(self) -> None:
        self.server.script(smtp_server.refuse("mail", "454 Throttling failure: Maximum sending rate exceeded."))

    def fail(self, text: str) -> None:
        self.server.script(smtp_server.refuse("mail", f"451 4.3.0 {text}"))

    def garble(self) -> None:
        self.server.script(smtp_server.refuse("content", "\x16\x03 this is no SMTP"))

    def drop(self, *, unread: bool) -> None:
        self.server.script(smtp_server.drop("rcpt" if unread else "content"))

    def hang(self) -> None:
        self.server.script(smtp_server.hang("content"))

    def hang_at(self, step: Any) -> None:
        if step == "handshake":
            self.url, self.hanging = f"smtps://{self.silent.address}", self.silent.called
        else:
            self.server.script(smtp_server.hang(step))

    def exaggerate(self) -> int:
        steps = [
            smtp_server.refuse(stage, reply)
            for stage in ("mail", "rcpt", "data", "content")
            for reply in (
                "999 5.1.1 no such code",
                "000 nor this",
                "-99 nor this",
                "550 5.999.999 no such subject",
                "550 5.99999999999999999999.1 \x00 nor this",
                f"450 {'9' * 5000}.1.1",
                "\r\n".join(["550-and more"] * 5000 + ["550 end"]),
                "550-never ending\r\n" * 20_000,
                f"250 {'x' * 20_000}",
                f"{'4' * 100_000}",
            )
        ]
        self.server.script(*steps)
        return len(steps)


class HttpBench(RemoteBench):
    """A bench whose provider speaks HTTP."""

    steps = ("proxy", "handshake")

    def __init__(self, server: scripted_http.ScriptedHttpServer, silent: SilentServer, http_proxy: HttpProxy) -> None:
        super().__init__(silent)
        self.http_proxy = http_proxy
        self.proxy: network.HttpProxy | None = None
        self.provider = server
        self.hanging = server.hanging
        self.url = server.url

    def stop(self) -> None:
        self.provider.stop()

    def release(self) -> None:
        self.provider.release()

    def garble(self) -> None:
        self.provider.script(scripted_http.Garble())

    def drop(self, *, unread: bool) -> None:
        self.provider.script(scripted_http.Drop(unread=unread))

    def hang(self) -> None:
        self.provider.script(scripted_http.Hang())

    def hang_at(self, step: str) -> None:
        self.url, self.hanging = f"https://{self.silent.address}", self.silent.called
        if step == "proxy":
            self.http_proxy.hangs, self.hanging = True, self.http_proxy.hanging
            self.proxy = parse_http_proxy(self.http_proxy.url)


class SmsBench(HttpBench):
    channel = ChannelType.SMS
    id_key = "sid"
    secrets = (twilio_api.AUTH_TOKEN,)

    def __init__(self, server: TwilioApi, silent: SilentServer, http_proxy: HttpProxy) -> None:
        super().__init__(server, silent, http_proxy)
        self.server = server

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return SmsSender(
            account_sid=twilio_api.ACCOUNT_SID,
            auth_token=twilio_api.AUTH_TOKEN,
            sender=twilio_api.FROM,
            api_url=self.url,
            timeout=timeout,
            proxy=self.proxy,
        )

    def address(self, number: int) -> str:
        return f"+1555010{number:04d}"

    def received(self) -> list[str]:
        return [request.form["Body"].removeprefix(f"{TITLE}\n") for request in self.server.requests]

    def refuse_address(self, text: str) -> None:
        self.server.script(twilio_api.error(400, 21211, text))

    def throttle(self) -> None:
        self.server.script(twilio_api.error(429, 20429, "Too Many Requests", Retry_After="7"))

    def fail(self, text: str) -> None:
        self.server.script(twilio_api.error(401, 20003, text))

    def exaggerate(self) -> int:
        steps: list[scripted_http.Step] = []
        for number in NUMBERS:
            whole = self.server.message({"To": self.address(1)})
            steps += [
                scripted_http.Reply(400, {"code": number, "message": number}),
                scripted_http.Reply(429, {"code": 20429}, {"Retry-After": HEADER_BREAKS.sub("", str(number)[:9000])}),
                scripted_http.Reply(201, {**whole, "sid": number}),
                scripted_http.Reply(201, {**whole, "status": number}),
                scripted_http.Reply(201, {**whole, "status": "failed", "error_code": number, "error_message": number}),
            ]
        steps += [scripted_http.Reply(status, body, {"Content-Encoding": "gzip"}) for status, body in BODIES]
        self.server.script(*steps)
        return len(steps)


class TelegramBench(HttpBench):
    channel = ChannelType.TELEGRAM
    id_key = "message_id"
    secrets = (telegram_api.TOKEN, telegram_api.TOKEN.partition(":")[2])

    def __init__(self, server: TelegramApi, silent: SilentServer, http_proxy: HttpProxy) -> None:
        super().__init__(server, silent, http_proxy)
        self.server = server

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return TelegramSender(
            token=telegram_api.TOKEN, api_url=self.url, connections=4, timeout=timeout, proxy=self.proxy
        )

    def address(self, number: int) -> str:
        return str(1000 + number)

    def received(self) -> list[str]:
        return [request.form["text"].removeprefix(f"{TITLE}\n") for request in self.server.requests]

    def refuse_address(self, text: str) -> None:
        self.server.script(telegram_api.error(403, f"Forbidden: bot was blocked by the user {text}"))

    def throttle(self) -> None:
        self.server.script(telegram_api.error(429, "Too Many Requests: retry after 7", retry_after=7))

    def fail(self, text: str) -> None:
        self.server.script(telegram_api.error(401, f"Unauthorized {text}"))

    def exaggerate(self) -> int:
        steps: list[scripted_http.Step] = []
        for number in NUMBERS:
            whole = self.server.message("1001", "text")
            flood = {"ok": False, "error_code": 429, "parameters": {"retry_after": number}}
            moved = {
                "ok": False,
                "error_code": 400,
                "description": number,
                "parameters": {"migrate_to_chat_id": number},
            }
            steps += [
                scripted_http.Reply(429, flood),
                scripted_http.Reply(400, moved),
                scripted_http.Reply(400, {"ok": False, "error_code": number, "description": "hm"}),
                scripted_http.Reply(400, {"ok": False, "error_code": 400, "parameters": number}),
                scripted_http.Reply(200, {"ok": True, "result": {**whole, "message_id": number}}),
                scripted_http.Reply(200, {"ok": True, "result": {**whole, "date": number}}),
            ]
        steps += [scripted_http.Reply(status, body, {"Content-Encoding": "gzip"}) for status, body in BODIES]
        self.server.script(*steps)
        return len(steps)


class OutboxBench(Bench):
    channel = ChannelType.EMAIL
    id_key = "file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return OutboxSender("sms", self.folder, PlainText())

    def address(self, number: int) -> str:
        return f"+1555010{number:04d}"

    def received(self) -> list[str]:
        files = sorted((self.folder / "sms").iterdir())
        return [file.read_text(encoding="utf-8").partition("\n\n")[2].removesuffix("\n") for file in files]


@contextmanager
def open_remote(channel: str) -> Iterator[RemoteBench]:
    """Open the bench of a channel."""
    with SilentServer() as silent:
        if channel == "email":
            with SmtpServer(tls="starttls", credentials=("tocsin", "smtp-password")) as smtp:
                yield EmailBench(smtp, silent)
        elif channel == "sms":
            with TwilioApi() as twilio, HttpProxy() as proxy:
                yield SmsBench(twilio, silent, proxy)
        else:
            with TelegramApi() as telegram, HttpProxy() as proxy:
                yield TelegramBench(telegram, silent, proxy)
