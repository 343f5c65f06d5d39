"""Rules on the real process: refused at the start, read again on SIGHUP, in one process and in workers."""

from __future__ import annotations

import signal
from pathlib import Path

from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import EMAIL, SMS, Api, refused, user
from helpers.postgresql import temporary_database
from helpers.process import ServerProcess, run, serving
from helpers.waiting import eventually

MAIL = '[[rules]]\nname = "mail"\nchannels = ["email"]\n'
TEXT = '[[rules]]\nname = "text"\nwhen = \'category == "a.b"\'\nchannels = ["sms"]\n'
WRONG = '[[rules]]\nname = "one"\nwhen = "categry == 1"\nchannels = ["pager"]\n'
NO_MAIL = TEXT + '[[policies]]\nname = "no mail"\ndeny = ["email"]\n'


def _unnamed() -> service_pb.SendRequest:
    addresses = [
        pb.Address(channel=EMAIL, address="ann@example.org"),
        pb.Address(channel=SMS, address="+15550100"),
    ]
    return service_pb.SendRequest(recipient=user(), title="A", message="B", category="a.b", addresses=addresses)


def _chosen(server: ServerProcess) -> list[int]:
    with Api(server.address) as api:
        return [row.channel for row in api.send(_unnamed()).channels]


def test_wrong_rules_are_refused_at_the_start_with_everything_that_is_wrong(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(WRONG)
    ended = run(tmp_path, "serve", "--listen", "127.0.0.1:0", TOCSIN_RULES=str(rules), TOCSIN_RETRY_BASE="1h")
    assert ended.status == 1
    [line] = ended.errors.splitlines()
    assert f"{rules}: rule 'one', channels: there is no channel 'pager'" in line
    assert "when, column 1: there is no variable 'categry'; did you mean 'category'?" in line
    assert not (tmp_path / "tocsin.db").exists()


def test_sighup_reads_them_again_and_wrong_ones_leave_those_in_force(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(MAIL)
    with serving(tmp_path, "--dev", "--rules", "rules.toml") as server:
        assert f"  rules     {rules}\n" in server.output
        assert _chosen(server) == [EMAIL]
        rules.write_text(WRONG)
        server.signal(signal.SIGHUP)
        eventually(lambda: "event=rules_refused" in server.errors)
        assert _chosen(server) == [EMAIL]
        rules.write_text(NO_MAIL)
        server.signal(signal.SIGHUP)
        eventually(lambda: "event=rules_reloaded rules=1 policies=1" in server.errors)
        assert _chosen(server) == [SMS]
        named = _unnamed()
        named.channels.add(channel=EMAIL)
        with Api(server.address) as api:
            refusal = refused(lambda: api.send(named))
        assert (refusal.reason, refusal.metadata) == ("POLICY_DENIED", {"channels": "email", "policies": "no mail"})
        server.terminate()
        assert server.wait() == 0


def test_sighup_reaches_every_worker(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(MAIL)
    with temporary_database() as database:
        arguments = ("--dev", "--workers", "2", "--database", database)
        with serving(tmp_path, *arguments, TOCSIN_RULES=str(rules)) as server:
            workers = server.workers
            rules.write_text(TEXT)
            server.signal(signal.SIGHUP)
            eventually(lambda: server.errors.count("event=rules_reloaded") == 2)
            assert [_chosen(server) for _ in range(6)] == [[SMS]] * 6
            assert server.workers == workers
