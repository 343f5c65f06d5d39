"""The SMS sender and Twilio's API."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.drafts import claim
from helpers.scripted_http import Drop, Garble, Hang, Reply
from helpers.twilio_api import ACCOUNT_SID, AUTH_TOKEN, FROM, TwilioApi, error
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.channels.sms.sender import SmsSender
from tocsin_server.domain.model import ClaimedChannel


def message(**changes: str) -> ClaimedChannel:
    plain = claim(
        id="01980000-0000-7000-8000-000000000001",
        address="+15550199",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=1_760_000_000_000_000,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


async def send(server: TwilioApi, *messages: ClaimedChannel, **options: Any) -> list[Outcome]:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "sender": FROM,
        "api_url": server.url,
        "timeout": 10.0,
        **options,
    }
    sender = SmsSender(**given)
    try:
        return [await sender.send(Attempt(message)) for message in messages]
    finally:
        await sender.close()


async def test_the_request_is_the_one_that_twilio_documents() -> None:
    with TwilioApi() as server:
        [outcome] = await send(server, message())
        [request] = server.requests
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    assert request.form == {
        "To": "+15550199",
        "From": FROM,
        "Body": "Your order has shipped\nIt will arrive on Friday.",
    }
    assert outcome == Outcome(OutcomeKind.ACCEPTED, code="201", data={"sid": f"SM{1:032x}", "status": "queued"})


async def test_a_messaging_service_is_told_from_a_number_by_its_sid() -> None:
    with TwilioApi() as server:
        await send(server, message(), sender="MG00000000000000000000000000000001")
        [request] = server.requests
    assert request.form["MessagingServiceSid"] == "MG00000000000000000000000000000001"
    assert "From" not in request.form


async def test_a_title_that_the_message_repeats_is_left_out() -> None:
    with TwilioApi() as server:
        await send(server, message(message="Your order has shipped and will arrive on Friday."))
        [request] = server.requests
    assert request.form["Body"] == "Your order has shipped and will arrive on Friday."


async def test_text_beyond_ascii_arrives_unchanged() -> None:
    with TwilioApi() as server:
        await send(
            server, message(title="\U0001f514 \u041f\u0440\u0438\u0432\u0435\u0442", message="50 % & more = caf\xe9")
        )
        [request] = server.requests
    assert request.form["Body"] == "\U0001f514 \u041f\u0440\u0438\u0432\u0435\u0442\n50 % & more = caf\xe9"


async def test_requests_in_a_row_share_one_connection() -> None:
    with TwilioApi() as server:
        await send(server, message(), message(), message())
        assert len({request.connection for request in server.requests}) == 1


async def test_the_environment_of_the_library_does_not_change_where_requests_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    with TwilioApi() as server:
        [outcome] = await send(server, message())
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_a_base_url_may_have_a_path() -> None:
    with TwilioApi() as server:
        await send(server, message(), api_url=f"{server.url}/twilio")
        [request] = server.requests
    assert request.path.startswith("/twilio/2010-04-01/")


async def test_a_wrong_token_is_ours_to_mend() -> None:
    with TwilioApi() as server:
        [outcome] = await send(server, message(), auth_token="mistaken")
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.TRANSIENT, "20003", True)
    assert outcome.code in SmsSender.credential_codes
    assert "mistaken" not in repr(outcome)


async def test_an_unsubscribed_number_is_permanent() -> None:
    with TwilioApi() as server:
        server.script(error(400, 21610, "Attempt to send to unsubscribed recipient"))
        [outcome] = await send(server, message())
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "21610")
    assert outcome.detail == "Attempt to send to unsubscribed recipient"


async def test_throttling_passes_on_the_seconds_that_twilio_names() -> None:
    with TwilioApi() as server:
        server.script(error(429, 20429, "Too Many Requests", Retry_After="7"))
        server.script(error(429, 20429, "Too Many Requests", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"))
        named, dated = await send(server, message(), message())
    assert (named.kind, named.retry_after) == (OutcomeKind.THROTTLED, 7.0)
    assert (dated.kind, dated.retry_after) == (OutcomeKind.THROTTLED, 5.0)


@pytest.mark.parametrize(
    "step",
    [
        error(500, 20500, "Internal Server Error"),
        Reply(502, b"<html>Bad Gateway</html>"),
        Reply(201, b"<html>Welcome to our hotspot</html>"),
        Reply(200, {"status": "queued"}),
        Reply(200, ["SM1"]),
        Reply(201, b"\xff\xfe\x00"),
        Garble(),
        Drop(),
        Drop(unread=True),
    ],
)
async def test_without_a_readable_answer_the_outcome_is_unknown_and_asked_for_once(step: Any) -> None:
    with TwilioApi() as server:
        server.script(step)
        [outcome] = await send(server, message())
        assert len(server.requests) <= 1
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.UNKNOWN, True)


async def test_a_message_created_as_failed_is_not_accepted() -> None:
    with TwilioApi() as server:
        server.script(Reply(201, server.message({"To": "+15550199"}, status="failed", error_code=30007)))
        [outcome] = await send(server, message())
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "30007")
    assert outcome.data["status"] == "failed"


async def test_an_answer_from_a_proxy_is_not_blamed_on_the_number() -> None:
    with TwilioApi() as server:
        server.script(Reply(403, b"<html>blocked by policy</html>"))
        [outcome] = await send(server, message())
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.TRANSIENT, "403", True)


async def test_a_redirect_is_not_followed() -> None:
    with TwilioApi() as server:
        server.script(Reply(302, b"", {"Location": f"{server.url}/elsewhere"}))
        [outcome] = await send(server, message())
        assert len(server.requests) == 1
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)


async def test_requests_have_a_time_out() -> None:
    with TwilioApi() as server:
        server.script(Hang())
        [outcome] = await send(server, message(), timeout=1.0)
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "TimeoutError")
