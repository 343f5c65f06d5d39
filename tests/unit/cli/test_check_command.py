"""``tocsin check``: everything that is wrong at once, and which rule a notification would meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.process import run

SHOP = Path(__file__).parents[3] / "server" / "deploy" / "rules-shop.toml"
HEADING = "rules, in order; the first that matches chooses the channels:"
ID = "0190a5d0-0000-7000-8000-000000000001"
AT = ("--at", "2026-01-10T03:00:00Z")
WRONG = '[[rules]]\nname = "one"\nwhen = "categry == 1"\nchannels = ["pager"]\n'


def test_all_is_well_with_what_comes_by_itself(tmp_path: Path) -> None:
    ended = run(tmp_path, "check")
    assert (ended.status, ended.errors) == (0, "")
    [well, reached] = ended.output.splitlines()
    assert well == "all is well: channels websocket; 0 rules, 0 policies"
    assert reached == f"reached: {tmp_path / 'tocsin.db'}"
    assert not list(tmp_path.iterdir())


def test_the_sample_is_well(tmp_path: Path) -> None:
    ended = run(tmp_path, "check", "--dev", "--offline", TOCSIN_RULES=str(SHOP))
    assert ended.output == "all is well: channels websocket, email, telegram, sms; 5 rules, 4 policies\n"


def test_settings_and_rules_are_wrong_at_once_a_line_each(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(WRONG)
    ended = run(tmp_path, "check", TOCSIN_RULES=str(rules), TOCSIN_TLS_CERT="server.pem")
    assert ended.status == 1
    lines = ended.errors.splitlines()
    assert len(lines) == 3
    assert "TOCSIN_TLS_KEY" in lines[0]
    assert lines[1] == (
        f"tocsin: {rules}: rule 'one', channels: there is no channel 'pager'; there is websocket, email, telegram, sms"
    )
    assert "when, column 1: there is no variable 'categry'; did you mean 'category'?" in lines[2]


def test_what_is_wrong_by_itself_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(WRONG)
    wrong = {"SMTP_URL": "relay", "LISTEN": "0.0.0.0:1", "LOG_LEVEL": "loud", "TWILIO_ACCOUNT_SID": "AC1"}
    ended = run(
        tmp_path, "check", TOCSIN_RULES="rules.toml", **{f"TOCSIN_{name}": value for name, value in wrong.items()}
    )
    assert ended.status == 1
    for said in ("TOCSIN_SMTP_URL: ", "TOCSIN_LOG_LEVEL: ", "TOCSIN_LISTEN: 0.0.0.0:1 can be reached", "'pager'"):
        assert ended.errors.count(said) == 1, ended.errors


def test_a_setting_that_is_wrong_is_not_said_to_be_missing_too(tmp_path: Path) -> None:
    certificate = {"TOCSIN_TLS_CERT": "no such file.pem", "TOCSIN_TLS_KEY": "no such key.pem"}
    said = run(tmp_path, "check", "--insecure", TOCSIN_LOG_LEVEL="loud", **certificate).errors
    assert "set both or neither" not in said
    served = run(tmp_path, "serve", "--insecure", TOCSIN_LOG_LEVEL="loud", **certificate)
    assert served.status == 1
    assert len(served.errors.splitlines()) == 1
    assert "TOCSIN_LOG_LEVEL" in served.errors


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ("--to", "guest", "--category", "auth.code", "--address", "sms=+442079460000"),
            [
                HEADING,
                "  yes  login codes: SMS, after 30 s e-mail",
                "",
                "it would go out by sms",
                "  email: no address is known; contacts are not known here: add --address email=...",
                "  sms: counts towards the policy 'three SMS a day for each recipient', which allows 3 in 1d",
            ],
        ),
        (
            (
                *("--to", "guest", "--category", "auth.code"),
                *("--address", "sms=+442079460000", "--address", "email=a@example.org"),
            ),
            [
                HEADING,
                "  yes  login codes: SMS, after 30 s e-mail",
                "",
                "it would go out by sms; if that fails or is unread after 30s, by email",
                "  sms: counts towards the policy 'three SMS a day for each recipient', which allows 3 in 1d",
            ],
        ),
        (
            ("--to", f"user:{ID}", "--category", "delivery.arriving", "--address", "sms=+442079460000"),
            [
                HEADING,
                "  no   login codes: SMS, after 30 s e-mail (the condition is false)",
                "  yes  a courier is at the door: wherever they look first",
                "",
                "it would go out by websocket and sms, at once",
                "  telegram: no address is known; contacts are not known here: add --address telegram=...",
                "  sms: put off to 2026-01-10T08:00:00Z, by the policy 'texts in the daytime'",
                "  sms: counts towards the policy 'three SMS a day for each recipient', which allows 3 in 1d",
            ],
        ),
        (
            ("--to", "guest", "--category", "marketing.news", "--address", "email=a@example.org"),
            [
                HEADING,
                "  no   login codes: SMS, after 30 s e-mail (the condition is false)",
                "  no   a courier is at the door: wherever they look first (the condition is false)",
                "  no   large orders: the feed, after an hour e-mail (the condition is false)",
                "  no   orders: the feed (the condition is false)",
                "  yes  marketing: e-mail",
                "",
                "it would not be sent: Send would be refused (NO_ROUTE), since no channel is left",
                "  email: denied by the policy 'guests get no marketing'",
            ],
        ),
        (
            ("--to", "guest", "--address", "telegram=@ann_example", "--at", "2026-01-10T23:00:00Z"),
            [
                HEADING,
                "  no   login codes: SMS, after 30 s e-mail (the condition is false)",
                "  no   a courier is at the door: wherever they look first (the condition is false)",
                "  no   large orders: the feed, after an hour e-mail (the condition is false)",
                "  no   orders: the feed (the condition is false)",
                "  no   marketing: e-mail (the condition is false)",
                "  yes  built-in: the feed, and each channel that has a provider and a known address",
                "",
                "it would go out by telegram",
                "  telegram: put off to 2026-01-11T08:00:00Z, by the policy 'texts in the daytime'",
            ],
        ),
    ],
)
def test_it_explains_what_a_notification_would_meet(
    tmp_path: Path, arguments: tuple[str, ...], lines: list[str]
) -> None:
    ended = run(tmp_path, "check", "--dev", "--rules", str(SHOP), "--explain", *AT, *arguments)
    assert (ended.errors, ended.output.splitlines()) == ("", lines)


def test_rules_that_are_never_reached_are_told(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rules]]\nname = "all by mail"\nchannels = ["email"]\n'
        '[[rules]]\nname = "codes"\nwhen = \'category == "auth.code"\'\nchannels = ["sms"]\n'
    )
    ended = run(tmp_path, "check", "--dev", "--offline", "--rules", str(rules))
    assert ended.status == 0
    assert ended.output == "nothing is wrong: channels websocket, email, telegram, sms; 2 rules, 0 policies\n"
    assert ended.errors == (
        "tocsin: warning: rule 'codes' is never reached: "
        "'all by mail' before it has no condition, so it takes everything\n"
    )
    # Whoever asks about a notification gets the answer all the same.
    explained = run(tmp_path, "check", "--dev", "--rules", str(rules), "--explain", "--to", "guest")
    assert explained.output.startswith(f"{HEADING}\n  yes  all by mail\n")


def test_explaining_needs_a_recipient(tmp_path: Path) -> None:
    ended = run(tmp_path, "check", "--explain")
    assert (ended.status, ended.errors) == (2, "tocsin: --explain needs --to, such as --to guest\n")


def test_of_somebody_of_whom_no_address_is_known_it_says_what_to_add(tmp_path: Path) -> None:
    ended = run(tmp_path, "check", "--dev", "--explain", "--to", "guest")
    assert ended.output.splitlines()[-2:] == [
        "it would not be sent: Send would be refused (NO_ROUTE), since no channel is left",
        "  no address is known; contacts are not known here: add --address CHANNEL=...",
    ]
