"""What every sender promises the delivery engine, whichever provider it talks to."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest

from helpers import scripted_http, smtp_server, telegram_api, twilio_api
from helpers.smtp_server import SmtpServer
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi
from tocsin_server.channels.email import EmailSender
from tocsin_server.channels.outbox import OutboxSender
from tocsin_server.channels.sender import DETAIL_LIMIT, Message, Outcome, OutcomeKind, Sender
from tocsin_server.channels.sms import SmsSender
from tocsin_server.channels.telegram import TelegramSender
from tocsin_server.config import parse_smtp_url
from tocsin_server.model import ChannelType

TITLE = "Payroll runs on Friday"
BODY = "The vault code is 4711.\nTell nobody about it."
PATIENCE = 10.0
"""Seconds for what should happen at once: senders' time-outs, and waiting for a server to notice something."""

T = TypeVar("T")


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

    def message(self, number: int = 1, **changes: str) -> Message:
        message = Message(
            channel_id=f"01980000-0000-7000-8000-{number:012d}",
            notification_id="01980000-0000-7000-9000-000000000001",
            address=self.address(number),
            title=TITLE,
            message=BODY,
            metadata=None,
            created_at=1_760_000_000_000_000,
            attempt=1,
        )
        return message._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


class RemoteBench(Bench):
    """A bench whose provider is across a network."""

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def release(self) -> None: ...

    @abstractmethod
    def wait_hanging(self) -> bool: ...

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
    def hang(self) -> None: ...


class EmailBench(RemoteBench):
    channel = ChannelType.EMAIL
    id_key = "message_id"
    secrets = ("smtp-password", "c210cC1wYXNzd29yZA==", "AHRvY3NpbgBzbXRwLXBhc3N3b3Jk")  # as it is, LOGIN, PLAIN
    knows_what_was_read = True

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return EmailSender(
            parse_smtp_url(self.server.url), sender="Shop <noreply@shop.example>", connections=4, timeout=timeout
        )

    def address(self, number: int) -> str:
        return f"ann{number}@example.org"

    def received(self) -> list[str]:
        return [mail.text.removesuffix("\n") for mail in self.server.messages]

    def stop(self) -> None:
        self.server.stop()

    def release(self) -> None:
        self.server.release()

    def wait_hanging(self) -> bool:
        return self.server.hanging.wait(PATIENCE)

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


class SmsBench(RemoteBench):
    channel = ChannelType.SMS
    id_key = "sid"
    secrets = (twilio_api.AUTH_TOKEN,)

    def __init__(self, server: TwilioApi) -> None:
        self.server = server

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return SmsSender(
            account_sid=twilio_api.ACCOUNT_SID,
            auth_token=twilio_api.AUTH_TOKEN,
            sender=twilio_api.FROM,
            api_url=self.server.url,
            timeout=timeout,
        )

    def address(self, number: int) -> str:
        return f"+1555010{number:04d}"

    def received(self) -> list[str]:
        return [request.form["Body"].removeprefix(f"{TITLE}\n") for request in self.server.requests]

    def stop(self) -> None:
        self.server.stop()

    def release(self) -> None:
        self.server.release()

    def wait_hanging(self) -> bool:
        return self.server.hanging.wait(PATIENCE)

    def refuse_address(self, text: str) -> None:
        self.server.script(twilio_api.error(400, 21211, text))

    def throttle(self) -> None:
        self.server.script(twilio_api.error(429, 20429, "Too Many Requests", Retry_After="7"))

    def fail(self, text: str) -> None:
        self.server.script(twilio_api.error(401, 20003, text))

    def garble(self) -> None:
        self.server.script(scripted_http.Garble())

    def drop(self, *, unread: bool) -> None:
        self.server.script(scripted_http.Drop(unread=unread))

    def hang(self) -> None:
        self.server.script(scripted_http.Hang())


class TelegramBench(RemoteBench):
    channel = ChannelType.TELEGRAM
    id_key = "message_id"
    secrets = (telegram_api.TOKEN, telegram_api.TOKEN.partition(":")[2])

    def __init__(self, server: TelegramApi) -> None:
        self.server = server

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return TelegramSender(token=telegram_api.TOKEN, api_url=self.server.url, connections=4, timeout=timeout)

    def address(self, number: int) -> str:
        return str(1000 + number)

    def received(self) -> list[str]:
        return [request.form["text"].removeprefix(f"{TITLE}\n") for request in self.server.requests]

    def stop(self) -> None:
        self.server.stop()

    def release(self) -> None:
        self.server.release()

    def wait_hanging(self) -> bool:
        return self.server.hanging.wait(PATIENCE)

    def refuse_address(self, text: str) -> None:
        self.server.script(telegram_api.error(403, f"Forbidden: bot was blocked by the user {text}"))

    def throttle(self) -> None:
        self.server.script(telegram_api.error(429, "Too Many Requests: retry after 7", retry_after=7))

    def fail(self, text: str) -> None:
        self.server.script(telegram_api.error(401, f"Unauthorized {text}"))

    def garble(self) -> None:
        self.server.script(scripted_http.Garble())

    def drop(self, *, unread: bool) -> None:
        self.server.script(scripted_http.Drop(unread=unread))

    def hang(self) -> None:
        self.server.script(scripted_http.Hang())


class OutboxBench(Bench):
    channel = ChannelType.EMAIL
    id_key = "file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sender(self, *, timeout: float = PATIENCE) -> Sender:
        return OutboxSender(ChannelType.SMS, self.folder)

    def address(self, number: int) -> str:
        return f"+1555010{number:04d}"

    def received(self) -> list[str]:
        files = sorted((self.folder / "sms").iterdir())
        return [file.read_text(encoding="utf-8").partition("\n\n")[2].removesuffix("\n") for file in files]


@contextmanager
def open_remote(channel: str) -> Iterator[RemoteBench]:
    if channel == "email":
        with SmtpServer(credentials=("tocsin", "smtp-password")) as smtp:
            yield EmailBench(smtp)
    elif channel == "sms":
        with TwilioApi() as twilio:
            yield SmsBench(twilio)
    else:
        with TelegramApi() as telegram:
            yield TelegramBench(telegram)


@pytest.fixture(params=["email", "sms", "telegram"])
def remote(request: pytest.FixtureRequest) -> Iterator[RemoteBench]:
    with open_remote(request.param) as opened:
        yield opened


@pytest.fixture(params=["email", "sms", "telegram", "outbox"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "outbox":
        yield OutboxBench(tmp_path)
        return
    with open_remote(request.param) as opened:
        yield opened


def using(sender: Callable[[], Sender], work: Callable[[Sender], Awaitable[T]]) -> T:
    """Run ``work`` with a sender that is made and closed in the same event loop."""

    async def main() -> T:
        made = sender()
        try:
            return await work(made)
        finally:
            await made.close()

    return asyncio.run(main())


def send(bench: Bench, *messages: Message, timeout: float = PATIENCE) -> list[Outcome]:
    """Send one message after the other with the same sender."""

    async def work(sender: Sender) -> list[Outcome]:
        return [await sender.send(message) for message in messages]

    return using(lambda: bench.sender(timeout=timeout), work)


def test_an_accepted_message_arrives_and_its_outcome_carries_the_provider_s_id(bench: Bench) -> None:
    [outcome] = send(bench, bench.message())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.data[bench.id_key]
    assert not outcome.provider_fault
    assert bench.received() == [BODY]


def test_the_name_tells_providers_apart_and_holds_no_secret(bench: Bench) -> None:
    async def work(sender: Sender) -> str:
        return sender.name

    name = using(bench.sender, work)
    assert name
    assert not any(secret in name for secret in bench.secrets)


def test_concurrent_attempts_do_not_disturb_one_another(bench: Bench) -> None:
    messages = [bench.message(number, message=f"{BODY} {number}") for number in range(1, 13)]

    async def work(sender: Sender) -> list[Outcome]:
        return await asyncio.gather(*map(sender.send, messages))

    outcomes = using(bench.sender, work)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert len({str(outcome.data[bench.id_key]) for outcome in outcomes}) == len(messages)
    assert sorted(bench.received()) == sorted(message.message for message in messages)


def test_closing_twice_is_closing_once(bench: Bench) -> None:
    async def work(sender: Sender) -> None:
        await sender.send(bench.message())
        await sender.close()
        await sender.close()

    using(bench.sender, work)


def test_a_sender_that_never_sent_can_be_closed(bench: Bench) -> None:
    async def work(sender: Sender) -> None:
        await sender.close()

    using(bench.sender, work)


def test_a_refused_connection_is_known_not_accepted_and_the_provider_s_fault(remote: RemoteBench) -> None:
    remote.stop()
    [outcome] = send(remote, remote.message())
    assert outcome.kind is OutcomeKind.TRANSIENT
    assert outcome.provider_fault
    assert outcome.code


def test_a_refused_address_is_permanent_and_not_the_provider_s_fault(remote: RemoteBench) -> None:
    remote.refuse_address("no such recipient")
    refused, accepted = send(remote, remote.message(1), remote.message(2))
    assert refused.kind is OutcomeKind.PERMANENT
    assert not refused.provider_fault
    assert "no such recipient" in refused.detail
    assert accepted.kind is OutcomeKind.ACCEPTED


def test_throttling_is_told_with_the_time_to_wait(remote: RemoteBench) -> None:
    remote.throttle()
    [outcome] = send(remote, remote.message())
    assert outcome.kind is OutcomeKind.THROTTLED
    assert outcome.retry_after is not None
    assert outcome.retry_after > 0
    assert not outcome.provider_fault


def test_a_provider_out_of_order_is_known_not_to_have_accepted(remote: RemoteBench) -> None:
    remote.fail("come back later")
    failed, accepted = send(remote, remote.message(1), remote.message(2))
    assert failed.kind is OutcomeKind.TRANSIENT
    assert failed.provider_fault
    assert accepted.kind is OutcomeKind.ACCEPTED


def test_an_unreadable_answer_to_the_content_leaves_the_outcome_unknown(remote: RemoteBench) -> None:
    remote.garble()
    garbled, accepted = send(remote, remote.message(1), remote.message(2))
    assert garbled.kind is OutcomeKind.UNKNOWN
    assert accepted.kind is OutcomeKind.ACCEPTED


def test_a_line_broken_before_the_content_is_not_accepted_where_that_can_be_known(remote: RemoteBench) -> None:
    remote.drop(unread=True)
    broken, accepted = send(remote, remote.message(1), remote.message(2))
    assert broken.kind is (OutcomeKind.TRANSIENT if remote.knows_what_was_read else OutcomeKind.UNKNOWN)
    assert broken.provider_fault
    assert accepted.kind is OutcomeKind.ACCEPTED


def test_a_line_broken_after_the_content_leaves_the_outcome_unknown(remote: RemoteBench) -> None:
    remote.drop(unread=False)
    broken, accepted = send(remote, remote.message(1), remote.message(2))
    assert broken.kind is OutcomeKind.UNKNOWN
    assert accepted.kind is OutcomeKind.ACCEPTED


def test_a_provider_that_hangs_after_the_content_is_given_up_with_an_unknown_outcome(remote: RemoteBench) -> None:
    remote.hang()
    [outcome] = send(remote, remote.message(), timeout=0.05)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.provider_fault


def test_an_attempt_cut_off_by_its_deadline_does_not_spoil_the_next(remote: RemoteBench) -> None:
    remote.hang()

    async def work(sender: Sender) -> Outcome:
        attempt = asyncio.create_task(sender.send(remote.message(1)))
        assert await asyncio.to_thread(remote.wait_hanging)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        return await sender.send(remote.message(2))

    assert using(remote.sender, work).kind is OutcomeKind.ACCEPTED


def test_a_slow_answer_is_waited_for(remote: RemoteBench) -> None:
    remote.hang()

    async def work(sender: Sender) -> Outcome:
        attempt = asyncio.create_task(sender.send(remote.message()))
        assert await asyncio.to_thread(remote.wait_hanging)
        remote.release()
        return await attempt

    assert using(remote.sender, work).kind is OutcomeKind.ACCEPTED


def test_details_are_bounded_and_of_one_line(remote: RemoteBench) -> None:
    remote.refuse_address("sorry, no\t" * 60)
    [outcome] = send(remote, remote.message())
    assert outcome.kind is OutcomeKind.PERMANENT
    assert DETAIL_LIMIT - 20 < len(outcome.detail) <= DETAIL_LIMIT
    assert outcome.detail.isprintable()


def test_neither_secrets_nor_content_reach_outcomes_or_logs(
    remote: RemoteBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    quoting = f"your message {BODY.splitlines()[0]} / {TITLE} / with {' '.join(remote.secrets)} is not wanted"
    steps: list[Callable[[], None]] = [
        lambda: None,
        lambda: remote.refuse_address(quoting),
        lambda: remote.fail(quoting),
        remote.throttle,
        remote.garble,
        lambda: remote.drop(unread=True),
        lambda: remote.drop(unread=False),
        remote.stop,
    ]
    outcomes = []
    for number, step in enumerate(steps, start=1):
        step()
        outcomes += send(remote, remote.message(number))
    forbidden = (*remote.secrets, *BODY.splitlines(), TITLE)
    for outcome in outcomes:
        assert not [text for text in forbidden if text in repr(outcome)]
    assert "is not wanted" in outcomes[1].detail
    formatter = logging.Formatter()
    for record in caplog.records:
        assert not [text for text in (*forbidden, remote.address(1)) if text in formatter.format(record)]
