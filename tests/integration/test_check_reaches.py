"""``tocsin check`` reaches what the settings name: each failure on purpose, all of them at once, and no mail sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers import telegram_api, twilio_api
from helpers.dns_server import DnsServer
from helpers.nats_server import NatsServer
from helpers.postgresql import free_port, temporary_database
from helpers.process import Ended, run, serving
from helpers.smtp_server import SmtpServer, hang, refuse
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi

PUBLISHED = {"example.org": ["v=spf1 -all"], "_dmarc.example.org": ["v=DMARC1; p=none"]}
PASSWORD = "the-password-of-the-relay"


class Providers(NamedTuple):
    """One of each kind, and the settings by which they are used."""

    relay: SmtpServer
    twilio: TwilioApi
    telegram: TelegramApi
    settings: dict[str, str]
    dns: DnsServer

    def check(self, folder: Path, **more: str) -> Ended:
        """Run the command with the settings and some more."""
        return run(folder, "check", "--dns", self.dns.text, **self.settings | more)


@pytest.fixture
def providers(tmp_path: Path) -> Iterator[Providers]:
    with ExitStack() as stack:
        dns = stack.enter_context(DnsServer(PUBLISHED))
        relay = stack.enter_context(SmtpServer(tls="starttls", credentials=("shop", PASSWORD)))
        twilio = stack.enter_context(TwilioApi())
        telegram = stack.enter_context(TelegramApi())
        assert relay.authority is not None
        relay.authority.cert_pem.write_to_path(str(tmp_path / "relays.pem"))
        settings = {
            "TOCSIN_SMTP_URL": relay.url,
            "TOCSIN_SMTP_CA": str(tmp_path / "relays.pem"),
            "TOCSIN_EMAIL_FROM": "shop@example.org",
            "TOCSIN_TWILIO_ACCOUNT_SID": twilio_api.ACCOUNT_SID,
            "TOCSIN_TWILIO_AUTH_TOKEN": twilio_api.AUTH_TOKEN,
            "TOCSIN_TWILIO_FROM": twilio_api.FROM,
            "TOCSIN_TWILIO_API_URL": twilio.url,
            "TOCSIN_TELEGRAM_BOT_TOKEN": telegram_api.TOKEN,
            "TOCSIN_TELEGRAM_API_URL": telegram.url,
        }
        yield Providers(relay, twilio, telegram, settings, dns)


def problems(ended: Ended) -> list[str]:
    """Return what was said to be wrong, without anything that is secret."""
    assert (ended.status, ended.output) == (1, "")
    for secret in (PASSWORD, twilio_api.AUTH_TOKEN, telegram_api.TOKEN, telegram_api.TOKEN.partition(":")[2]):
        assert secret not in ended.errors
    return [line.removeprefix("tocsin: ") for line in ended.errors.splitlines()]


def test_all_that_answers_is_named_and_nothing_is_sent_or_made(tmp_path: Path, providers: Providers) -> None:
    before = set(tmp_path.iterdir())
    ended = providers.check(tmp_path)
    assert (ended.status, ended.errors) == (0, "")
    relay = f"smtp://127.0.0.1:{providers.relay.port}"
    twilio, telegram = f"twilio://{twilio_api.ACCOUNT_SID}", f"telegram://{telegram_api.BOT_ID}"
    reached = ended.output.splitlines()[-1].removeprefix("reached: ").split(", ")
    assert reached[0] == str(tmp_path / "tocsin.db")
    assert set(reached[1:]) == {relay, twilio, telegram}
    assert providers.relay.logins == ["tls:shop"]
    assert providers.relay.commands == ["QUIT"]
    assert providers.relay.messages == []
    assert [request.method for request in providers.twilio.requests] == ["GET"]
    assert set(tmp_path.iterdir()) == before


def test_a_server_may_run_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev"):
        assert run(tmp_path, "check", "--dev").status == 0


def test_offline_reaches_nothing(tmp_path: Path, providers: Providers) -> None:
    ended = run(tmp_path, "check", "--offline", "--dns", providers.dns.text, **providers.settings)
    assert (ended.status, providers.dns.asked) == (0, [])
    assert (providers.relay.connections, providers.twilio.requests, providers.telegram.requests) == (0, [], [])


def test_what_dns_lacks_is_a_warning_and_no_failure(tmp_path: Path, providers: Providers) -> None:
    providers.dns.records.clear()
    ended = providers.check(tmp_path)
    assert (ended.status, ended.output.partition(":")[0]) == (0, "nothing is wrong")
    spf, dmarc = ended.errors.splitlines()
    assert spf.startswith("tocsin: warning: example.org has no SPF record")
    assert dmarc.startswith("tocsin: warning: there is no DMARC record")


def test_a_dns_server_that_is_none_is_refused(tmp_path: Path) -> None:
    for wrong in ("dns.example.org", "127.0.0.1:port", "[::1", "[::1]:99999"):
        ended = run(tmp_path, "check", "--dns", wrong)
        assert ended.status == 2
        assert ended.errors.startswith("tocsin: --dns must be an IP address")


def relay_refuses_the_login(providers: Providers) -> str:
    providers.relay.credentials = ("shop", "another")
    return "535 "


def relay_is_not_trusted(providers: Providers) -> str:
    del providers.settings["TOCSIN_SMTP_CA"]
    return "SSL"


def relay_is_not_there(providers: Providers) -> str:
    providers.settings["TOCSIN_SMTP_URL"] = f"smtp://127.0.0.1:{free_port()}"
    return "Connection refused; see TOCSIN_SMTP_URL"


def relay_is_silent(providers: Providers) -> str:
    providers.relay.script(hang("connect"))
    # Alone, since a busy machine may keep the others waiting for as long.
    for name in [name for name in providers.settings if name.startswith(("TOCSIN_TWILIO", "TOCSIN_TELEGRAM"))]:
        del providers.settings[name]
    providers.settings["TOCSIN_SEND_TIMEOUT"] = "2s"
    return "Timed out"


def relay_wants_nobody(providers: Providers) -> str:
    providers.relay.script(refuse("connect", "554 no service for you"))
    return "554 no service for you"


def twilio_refuses_the_token(providers: Providers) -> str:
    providers.settings["TOCSIN_TWILIO_AUTH_TOKEN"] = "another"
    return "20003 Authenticate"


def twilio_has_suspended_the_account(providers: Providers) -> str:
    providers.twilio.state = "suspended"
    return "the account is suspended; see TOCSIN_TWILIO_ACCOUNT_SID"


def telegram_refuses_the_token(providers: Providers) -> str:
    providers.settings["TOCSIN_TELEGRAM_BOT_TOKEN"] = "123456:AnotherTokenOfSomebodyElse"
    return "401 Unauthorized"


def telegram_is_not_there(providers: Providers) -> str:
    providers.settings["TOCSIN_TELEGRAM_API_URL"] = f"http://127.0.0.1:{free_port()}"
    return "ConnectError"


FAILURES = (
    relay_refuses_the_login,
    relay_is_not_trusted,
    relay_is_not_there,
    relay_is_silent,
    relay_wants_nobody,
    twilio_refuses_the_token,
    twilio_has_suspended_the_account,
    telegram_refuses_the_token,
    telegram_is_not_there,
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__.replace("_", " "))
def test_what_is_wrong_with_a_provider_is_told(tmp_path: Path, providers: Providers, failure: object) -> None:
    assert callable(failure)
    said = failure(providers)
    [problem] = problems(providers.check(tmp_path))
    assert problem.startswith(("smtp://", "twilio://", "telegram://"))
    assert said in problem


def test_of_an_answer_no_control_character_is_shown(tmp_path: Path, providers: Providers) -> None:
    providers.relay.script(refuse("connect", "554 no \x1b[31mservice"))
    [problem] = problems(providers.check(tmp_path))
    assert ": 554 no [31mservice; see " in problem


def test_what_a_terminal_would_act_on_in_a_name_becomes_visible(tmp_path: Path, providers: Providers) -> None:
    [problem] = problems(providers.check(tmp_path, TOCSIN_RULES="\x1b[31mrules.toml"))
    assert "cannot read \\x1b[31mrules.toml" in problem
    assert "\x1b" not in problem


def test_of_several_relays_each_is_reached(tmp_path: Path, providers: Providers) -> None:
    away = [f"smtp://127.0.0.1:{free_port()}" for _ in range(2)]
    urls = ",".join([away[0], providers.settings["TOCSIN_SMTP_URL"], away[1]])
    found = problems(providers.check(tmp_path, TOCSIN_SMTP_URL=urls))
    assert [problem.partition(": ")[0] for problem in found] == away


def test_every_failure_is_told_at_once_beside_wrong_rules(tmp_path: Path, providers: Providers) -> None:
    for failure in (relay_refuses_the_login, twilio_refuses_the_token, telegram_refuses_the_token):
        failure(providers)
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "one"\nchannels = ["pager"]\n')
    away = f"postgresql://tocsin:{PASSWORD}@127.0.0.1:{free_port()}/tocsin"
    more = {"TOCSIN_RULES": str(rules), "TOCSIN_DATABASE_URL": away}
    found = problems(providers.check(tmp_path, **more))
    for said in ("there is no channel 'pager'", "cannot use postgresql://", "535 ", "20003 ", "401 "):
        assert len([problem for problem in found if said in problem]) == 1, said
    assert len(found) == 5


def test_a_database_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("Dear diary, this is no database. " * 100)
    for name, said in (("text.db", "file is not a database"), ("missing/tocsin.db", "there is no folder")):
        [problem] = problems(run(tmp_path, "check", TOCSIN_DATABASE_URL=f"sqlite:///{name}"))
        assert said in problem


def test_a_database_file_is_read_and_stays_as_it_is(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").status == 0
    before = (tmp_path / "tocsin.db").read_bytes()
    assert run(tmp_path, "check").status == 0
    assert (tmp_path / "tocsin.db").read_bytes() == before
    sqlite3.connect(tmp_path / "tocsin.db").close()


def test_postgresql_and_nats_are_reached(tmp_path: Path) -> None:
    with temporary_database() as database, NatsServer("--user", "ann", "--pass", "right") as bus:
        url = bus.url.replace("nats://", "nats://ann:right@")
        ended = run(tmp_path, "check", TOCSIN_DATABASE_URL=database, TOCSIN_BUS_URL=url)
        assert (ended.status, ended.errors) == (0, "")
        assert ", the bus" in ended.output
        wrong = url.replace("right", PASSWORD)
        [problem] = problems(run(tmp_path, "check", TOCSIN_DATABASE_URL=database, TOCSIN_BUS_URL=wrong))
        assert problem.startswith("the bus: ")
        assert "uthorization" in problem
        nowhere = f"nats://127.0.0.1:{free_port()}"
        [problem] = problems(run(tmp_path, "check", TOCSIN_DATABASE_URL=database, TOCSIN_BUS_URL=nowhere))
        assert problem.startswith("the bus: ")
        elsewhere = f"postgresql://127.0.0.1:{free_port()}/tocsin"
        [problem] = problems(run(tmp_path, "check", TOCSIN_DATABASE_URL=database, TOCSIN_BUS_URL=elsewhere))
        assert "onnection refused" in problem
