"""What SMTP replies mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.channels.email.answers import (
    EnhancedStatus,
    Stage,
    classify_loss,
    classify_reply,
    enhanced_status,
)
from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.verdict import ACCEPTED, LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict

BEFORE_CONTENT = [stage for stage in Stage if stage is not Stage.CONTENT]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 <ann@example.org>: user unknown", PERMANENT),
        (550, "no such user here", PERMANENT),
        (550, "5.5.0 mailbox unavailable", PERMANENT),
        (551, "user not local", NOT_HERE),
        (553, "5.1.3 bad address syntax", PERMANENT),
        (554, "transaction failed", NOT_HERE),
        (556, "5.1.10 recipient address has null MX", PERMANENT),
        (501, "syntax error in parameters", NOT_HERE),
        (553, "mailbox name not allowed", NOT_HERE),
        (552, "5.3.4 message too big", NOT_HERE),
        (550, "5.6.7 non-ASCII addresses not permitted", NOT_HERE),
        (550, "5.4.4 unable to route", NOT_HERE),
        (550, "5.4.5 daily sending quota exceeded", PROVIDER_FAULT),
        (550, "5.1.90 daily limit for message recipients", PROVIDER_FAULT),
        (521, "this host accepts no mail", PROVIDER_FAULT),
        (550, "5.2.1 mailbox disabled", PERMANENT),
        (550, "5.7.17 mailbox owner has changed", PERMANENT),
        (552, "5.2.2 mailbox full", LATER),
        (552, "too many recipients", LATER),
        (452, "4.2.2 mailbox full", LATER),
        (450, "4.7.1 greylisted", LATER),
        (450, "greylisted, come back", LATER),
        (451, "4.4.4 unable to route", LATER),
        (451, "4.3.0 queue file write error", PROVIDER_FAULT),
        (452, "4.3.1 insufficient system storage", PROVIDER_FAULT),
        (452, "insufficient system storage", PROVIDER_FAULT),
        (421, "4.3.2 shutting down", PROVIDER_FAULT),
        (554, "5.7.1 <ann@example.org>: relay access denied", PROVIDER_FAULT),
        (530, "5.7.0 authentication required", PROVIDER_FAULT),
        (550, "5.1.8 sender's domain does not resolve", PROVIDER_FAULT),
        (503, "5.5.1 need MAIL first", PROVIDER_FAULT),
        (555, "parameters not recognised", PROVIDER_FAULT),
        (252, "cannot VRFY", PROVIDER_FAULT),
    ],
)
def test_a_reply_to_the_recipient_is_about_the_address_unless_it_says_otherwise(
    code: int, text: str, expected: Verdict
) -> None:
    assert classify_reply(Stage.RCPT, code, text) == expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (250, "2.0.0 queued", ACCEPTED),
        (251, "queued elsewhere", ACCEPTED),
        (554, "5.7.1 message refused: spam", NOT_HERE),
        (550, "5.7.0 content rejected", NOT_HERE),
        (552, "5.3.4 message too big", NOT_HERE),
        (552, "too much mail data", NOT_HERE),
        (554, "5.6.0 malformed message", NOT_HERE),
        (550, "I do not like it", NOT_HERE),
        (550, "5.1.1 no such user, as it turned out", PERMANENT),
        (554, "Message rejected: Email address is not verified.", PROVIDER_FAULT),
        (550, "5.7.26 neither SPF nor DKIM passed", PROVIDER_FAULT),
        (554, "5.3.5 system incorrectly configured", PROVIDER_FAULT),
        (451, "local error in processing", LATER),
        (451, "4.3.0 cannot write queue file", PROVIDER_FAULT),
        (421, "4.3.2 shutting down", PROVIDER_FAULT),
        (-1, "Malformed SMTP response line: hello", UNKNOWN),
        (354, "go on", UNKNOWN),
    ],
)
def test_a_reply_to_the_content_is_about_the_message_unless_it_says_otherwise(
    code: int, text: str, expected: Verdict
) -> None:
    assert classify_reply(Stage.CONTENT, code, text) == expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.7.1 sender address rejected: not owned by user", PROVIDER_FAULT),
        (553, "5.1.7 bad sender address", PROVIDER_FAULT),
        (452, "4.3.1 insufficient system storage", PROVIDER_FAULT),
        (530, "5.7.0 must issue a STARTTLS command first", PROVIDER_FAULT),
        (552, "5.3.4 message size exceeds fixed limit", NOT_HERE),
        (552, "too big", NOT_HERE),
        (550, "5.6.7 non-ASCII addresses not permitted", NOT_HERE),
        (556, "domain accepts no mail", PROVIDER_FAULT),
    ],
)
def test_a_reply_to_the_sender_is_about_us_except_for_size_and_script(code: int, text: str, expected: Verdict) -> None:
    assert classify_reply(Stage.MAIL, code, text) == expected


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.AUTH])
@pytest.mark.parametrize("code", [421, 432, 454, 521, 530, 534, 535, 538, 550, 554])
def test_before_the_transaction_every_refusal_is_the_provider_s(stage: Stage, code: int) -> None:
    assert classify_reply(stage, code, "5.1.1 whatever it says") == PROVIDER_FAULT


@pytest.mark.parametrize(
    ("code", "text"),
    [(454, "Throttling failure: Maximum sending rate exceeded."), (421, "4.7.28 unusual rate of unsolicited mail")],
)
def test_too_high_a_rate_is_throttling_at_every_stage(code: int, text: str) -> None:
    for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT):
        verdict = classify_reply(stage, code, text)
        assert verdict.kind is OutcomeKind.THROTTLED
        assert verdict.retry_after


def test_an_exhausted_daily_quota_uses_up_attempts() -> None:
    verdict = classify_reply(Stage.MAIL, 454, "Throttling failure: Daily message quota exceeded.")
    assert verdict == PROVIDER_FAULT


def test_a_lost_line_is_unknown_only_after_the_content() -> None:
    assert classify_loss(Stage.CONTENT) == UNKNOWN
    assert {classify_loss(stage) for stage in BEFORE_CONTENT} == {PROVIDER_FAULT}


@given(st.sampled_from(BEFORE_CONTENT), st.integers(-1, 999), st.text(max_size=40))
def test_before_the_content_nothing_is_accepted_or_unknown(stage: Stage, code: int, text: str) -> None:
    assert classify_reply(stage, code, text).kind not in (OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN)


@given(st.sampled_from(list(Stage)), st.integers(400, 499), st.text(max_size=40))
def test_a_4yz_reply_is_never_permanent(stage: Stage, code: int, text: str) -> None:
    assert classify_reply(stage, code, text).kind in (OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED)


@given(
    st.sampled_from(list(Stage)),
    st.integers(500, 599),
    st.tuples(st.integers(0, 9), st.integers(0, 99)).map(lambda pair: f"5.{pair[0]}.{pair[1]} text"),
)
def test_only_a_verdict_about_the_provider_feeds_its_breaker(stage: Stage, code: int, text: str) -> None:
    verdict = classify_reply(stage, code, text)
    assert verdict in (PERMANENT, NOT_HERE, LATER, PROVIDER_FAULT)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 no such user", EnhancedStatus(5, 1, 1)),
        (550, "5.7.130", EnhancedStatus(5, 7, 130)),
        (550, "4.1.1 contradicts its reply code", None),
        (550, "no such user 5.1.1", None),
        (550, "5.1.1.1 is an address of a host", None),
        (550, "", None),
    ],
)
def test_an_enhanced_status_is_read_from_the_beginning_of_the_text(
    code: int, text: str, expected: EnhancedStatus | None
) -> None:
    assert enhanced_status(code, text) == expected
