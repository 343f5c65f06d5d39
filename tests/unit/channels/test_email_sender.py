"""The e-mail sender and its relay, on a real line."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from helpers.drafts import claim
from helpers.smtp_server import SmtpServer, drop, hang, refuse
from tocsin_server.channels.email import pool as smtp_pool
from tocsin_server.channels.email.sender import EmailSender
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.config.network import parse_smtp_url
from tocsin_server.domain.model import ClaimedChannel

T = TypeVar("T")


@pytest.fixture(autouse=True, params=[True, False], ids=["pipelined", "one by one"])
def _pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relays take an envelope at once, or command by command."""
    monkeypatch.setattr(SmtpServer, "pipelining", request.param)


def message(number: int = 1, **changes: str) -> ClaimedChannel:
    plain = claim(
        id=f"01980000-0000-7000-8000-{number:012d}",
        address="ann@example.org",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=1_760_000_000_000_000,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


async def using(server: SmtpServer, work: Callable[[EmailSender], Awaitable[T]], **options: Any) -> T:
    """Run ``work`` with a sender for ``server``; ``url`` and the sender's own options may be replaced."""
    url = options.pop("url", server.url)
    given: dict[str, Any] = {
        "sender": "Shop <noreply@shop.example>", "connections": 4, "timeout": 10.0, "tls": server.trust, **options
    }  # fmt: skip
    sender = EmailSender(parse_smtp_url(url), **given)
    try:
        return await work(sender)
    finally:
        await sender.close()


async def send(server: SmtpServer, *messages: ClaimedChannel, **options: Any) -> list[Outcome]:
    async def work(sender: EmailSender) -> list[Outcome]:
        return [await sender.send(Attempt(message)) for message in messages]

    return await using(server, work, **options)


async def test_the_envelope_and_the_headers_agree() -> None:
    with SmtpServer() as server:
        [outcome] = await send(server, message())
        [mail] = server.messages
    assert (mail.sender, mail.recipients) == ("noreply@shop.example", ["ann@example.org"])
    assert (mail.parsed["From"], mail.parsed["To"]) == ("Shop <noreply@shop.example>", "ann@example.org")
    assert mail.parsed["Subject"] == "Your order has shipped"
    assert mail.text == "It will arrive on Friday.\n"
    assert outcome.code == "250"
    assert outcome.data == {"message_id": mail.message_id, "stage": "content", "enhanced_status": "2.0.0"}


async def test_a_retry_carries_the_same_message_id() -> None:
    with SmtpServer() as server:
        server.script(drop("content"))
        lost, accepted = await send(server, message(), message()._replace(attempts=1))
        first, second = server.messages
    assert (lost.kind, accepted.kind) == (OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED)
    assert first.message_id == second.message_id == "<01980000-0000-7000-8000-000000000001@shop.example>"


async def test_a_message_arrives_octet_by_octet_with_dots_and_long_lines() -> None:
    text = ".\n..\n.hidden\nFrom here\n" + "x" * 3000 + "\nend"
    with SmtpServer() as server:
        await send(server, message(message=text))
        [mail] = server.messages
    assert mail.text == text + "\n"


async def test_messages_in_a_row_share_one_connection() -> None:
    with SmtpServer() as server:
        outcomes = await send(server, *(message(number) for number in range(5)))
        assert server.connections == 1
        assert [mail.connection for mail in server.messages] == [1] * 5
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_no_more_connections_are_opened_than_allowed() -> None:
    async def work(sender: EmailSender) -> list[Outcome]:
        return await asyncio.gather(*(sender.send(Attempt(message(number))) for number in range(20)))

    with SmtpServer() as server:
        outcomes = await using(server, work, connections=3)
        assert server.connections == 3
        assert len(server.messages) == 20
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_after_a_refused_recipient_the_connection_is_reset_and_used_again() -> None:
    with SmtpServer() as server:
        server.script(refuse("rcpt", "550 5.1.1 no such user"))
        refused, accepted = await send(server, message(1), message(2))
        assert server.connections == 1
        assert server.commands.count("RSET") == 1
    assert (refused.kind, refused.code) == (OutcomeKind.PERMANENT, "550")
    assert refused.data["enhanced_status"] == "5.1.1"
    assert refused.data["stage"] == "rcpt"
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_421_on_a_reused_connection_leads_to_one_fresh_retry_and_exactly_one_message() -> None:
    with SmtpServer() as server:
        server.refuse_reuse = True
        outcomes = await send(server, message(1), message(2))
        assert [mail.connection for mail in server.messages] == [1, 2]
        assert server.transactions == [1, 1, 2]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_421_on_a_fresh_connection_is_not_retried_at_once() -> None:
    with SmtpServer() as server:
        server.script(refuse("mail", "421 4.3.2 shutting down"))
        [outcome] = await send(server, message())
        assert server.transactions == [1]
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_a_reused_connection_that_breaks_before_the_content_is_replaced_once(stage: Any) -> None:
    async def work(sender: EmailSender) -> list[Outcome]:
        first = await sender.send(Attempt(message(1)))
        server.script(drop(stage))
        return [first, await sender.send(Attempt(message(2)))]

    with SmtpServer() as server:
        outcomes = await using(server, work)
        assert [mail.connection for mail in server.messages] == [1, 2]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_a_reused_connection_that_breaks_after_the_content_is_not_replaced() -> None:
    async def work(sender: EmailSender) -> list[Outcome]:
        first = await sender.send(Attempt(message(1)))
        server.script(drop("content"))
        return [first, await sender.send(Attempt(message(2)))]

    with SmtpServer() as server:
        first, second = await using(server, work)
        assert server.transactions == [1, 1]
    assert (first.kind, second.kind) == (OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN)


async def test_a_second_break_on_the_fresh_connection_is_reported() -> None:
    async def work(sender: EmailSender) -> Outcome:
        await sender.send(Attempt(message(1)))
        server.script(drop("mail"), drop("mail"))
        return await sender.send(Attempt(message(2)))

    with SmtpServer() as server:
        outcome = await using(server, work)
        assert server.transactions == [1, 1, 2]
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)


async def test_a_relay_that_hung_up_on_an_idle_connection_is_not_noticed_by_callers() -> None:
    async def work(sender: EmailSender) -> list[Outcome]:
        first = await sender.send(Attempt(message(1)))
        await asyncio.to_thread(server.hang_up)
        return [first, await sender.send(Attempt(message(2)))]

    with SmtpServer() as server:
        outcomes = await using(server, work)
        assert len(server.messages) == 2
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_a_connection_idle_for_too_long_is_not_used_again() -> None:
    now = 0.0

    async def work(sender: EmailSender) -> list[Outcome]:
        nonlocal now
        first = await sender.send(Attempt(message(1)))
        now += 10.0
        return [first, await sender.send(Attempt(message(2)))]

    with SmtpServer() as server:
        outcomes = await using(server, work, clock=lambda: now)
        assert [mail.connection for mail in server.messages] == [1, 2]
        assert server.commands.count("QUIT") == 2
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


async def test_idle_connections_are_closed_even_if_nothing_more_is_sent() -> None:
    async def work(sender: EmailSender) -> None:
        await sender.send(Attempt(message()))
        await asyncio.to_thread(server.wait_for_command, "QUIT")

    with SmtpServer() as server:
        await using(server, work, idle_limit=0.01)


async def test_closing_says_goodbye() -> None:
    with SmtpServer() as server:
        await send(server, message())
        assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize("stage", ["connect", "mail", "rcpt", "data"])
async def test_a_relay_that_hangs_before_the_content_is_known_not_to_have_accepted(stage: Any) -> None:
    with SmtpServer() as server:
        server.script(hang(stage))
        [outcome] = await send(server, message(), timeout=0.05)
        assert not server.messages
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)


@pytest.mark.parametrize("stage", ["connect", "mail", "rcpt", "data"])
async def test_a_relay_that_talks_nonsense_before_the_content_is_known_not_to_have_accepted(stage: Any) -> None:
    with SmtpServer() as server:
        server.script(refuse(stage, "HTTP/1.1 400 Bad Request"))
        garbled, accepted = await send(server, message(1), message(2))
        assert [mail.connection for mail in server.messages] == [2]
    assert (garbled.kind, garbled.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_relay_whose_answers_are_out_of_step_is_left() -> None:
    with SmtpServer() as server:
        server.script(refuse("rcpt", "354 go on"))
        confused, accepted = await send(server, message(1), message(2))
        assert [mail.connection for mail in server.messages] == [2]
    assert (confused.kind, confused.code, confused.provider_fault) == (OutcomeKind.TRANSIENT, "354", True)
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_relay_that_turns_us_away_at_the_door_is_at_fault() -> None:
    with SmtpServer() as server:
        server.script(refuse("connect", "554 5.7.1 your address is on a list"))
        [outcome] = await send(server, message())
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.TRANSIENT, "554", True)
    assert outcome.data["stage"] == "connect"


async def test_refused_content_is_permanent_and_the_connection_goes_on() -> None:
    with SmtpServer() as server:
        server.script(refuse("content", "554 5.7.1 looks like spam"))
        refused, accepted = await send(server, message(1), message(2))
        assert server.connections == 1
    assert (refused.kind, refused.provider_fault) == (OutcomeKind.PERMANENT, False)
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_a_message_over_the_relay_s_size_is_refused_before_it_travels() -> None:
    with SmtpServer(size_limit=1000) as server:
        [outcome] = await send(server, message(message="x" * 2000))
        assert not server.messages
    assert (outcome.kind, outcome.code, outcome.data["stage"]) == (OutcomeKind.PERMANENT, "552", "mail")


async def test_starttls_is_used_where_it_is_offered() -> None:
    with SmtpServer(tls="starttls", credentials=("tocsin", "secret")) as server:
        [outcome] = await send(server, message())
        assert server.logins == ["tls:tocsin"]
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_implicit_tls_is_used_where_the_url_says_so() -> None:
    with SmtpServer(tls="implicit", credentials=("tocsin", "secret")) as server:
        outcomes = await send(server, message(1), message(2))
        assert server.logins == ["tls:tocsin"]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_relay_whose_certificate_is_not_trusted_gets_nothing(tls: Any) -> None:
    with SmtpServer(tls=tls, credentials=("tocsin", "secret")) as server:
        [outcome] = await send(server, message(), tls=ssl.create_default_context())
        assert not server.logins
        assert not server.messages
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert "certificate verify failed" in outcome.detail


async def test_the_password_travels_in_the_clear_within_one_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with SmtpServer(credentials=("tocsin", "secret")) as server:
        [near] = await send(server, message())
        monkeypatch.setattr(smtp_pool, "_on_this_machine", lambda _smtp: False)
        [far] = await send(server, message())
        assert server.logins == ["tocsin"]
    assert near.kind is OutcomeKind.ACCEPTED
    assert (far.kind, far.code, far.provider_fault) == (OutcomeKind.TRANSIENT, "CleartextCredentials", True)


async def test_a_wrong_password_is_ours_to_mend_and_not_in_the_outcome() -> None:
    with SmtpServer(credentials=("tocsin", "secret")) as server:
        [outcome] = await send(server, message(), url=server.url.replace("secret", "mistaken"))
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.TRANSIENT, "535", True)
    assert outcome.data["stage"] == "auth"
    assert outcome.code in EmailSender.credential_codes
    assert "mistaken" not in repr(outcome)


async def test_an_international_mailbox_goes_out_with_smtputf8() -> None:
    with SmtpServer() as server:
        [outcome] = await send(server, message(address="j\xf6rg@b\xfccher.example", title="Gr\xfc\xdfe"))
        [mail] = server.messages
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert mail.recipients == ["j\xf6rg@xn--bcher-kva.example"]
    assert "SMTPUTF8" in mail.mail_options
    assert mail.parsed["Subject"] == "Gr\xfc\xdfe"


async def test_an_international_domain_needs_no_extension() -> None:
    with SmtpServer(smtputf8=False) as server:
        [outcome] = await send(server, message(address="ann@b\xfccher.example"))
        assert server.messages[0].recipients == ["ann@xn--bcher-kva.example"]
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_an_international_mailbox_is_refused_for_good_where_the_relay_cannot_carry_it() -> None:
    with SmtpServer(smtputf8=False) as server:
        refused, accepted = await send(server, message(1, address="j\xf6rg@example.org"), message(2))
        assert server.connections == 1
    assert (refused.kind, refused.code) == (OutcomeKind.PERMANENT, "SMTPUTF8_NOT_OFFERED")
    assert accepted.kind is OutcomeKind.ACCEPTED


async def test_an_address_that_is_none_is_refused_without_asking_the_relay() -> None:
    with SmtpServer() as server:
        [outcome] = await send(server, message(address="ann@example.org\r\nRCPT TO:<bob@example.org>"))
        assert server.connections == 0
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "INVALID_ADDRESS")


async def test_the_name_holds_no_credentials() -> None:
    with SmtpServer(tls="implicit", credentials=("tocsin", "secret")) as server:

        async def work(sender: EmailSender) -> str:
            return sender.name

        assert await using(server, work) == f"smtps://127.0.0.1:{server.port}"
