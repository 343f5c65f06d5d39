"""The Telegram sender and the Bot API."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.drafts import claim
from helpers.scripted_http import Drop, Garble, Hang, Reply
from helpers.telegram_api import BOT_ID, TOKEN, TelegramApi, error
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind, Paced
from tocsin_server.channels.telegram.sender import TelegramSender
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import ClaimedChannel, Micros
from tocsin_server.domain.operating import Turn


def message(**changes: str) -> ClaimedChannel:
    plain = claim(
        id="01980000-0000-7000-8000-000000000001",
        address="4242",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=1_760_000_000_000_000,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


class Time:
    """A clock that moves when somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def send(
    server: TelegramApi, *messages: ClaimedChannel, time: Time | None = None, **options: Any
) -> list[Outcome]:
    """Send one after the other; between two, a second passes on the sender's clock unless ``time`` is given."""
    used = time or Time()
    given: dict[str, Any] = {
        "token": TOKEN,
        "api_url": server.url,
        "connections": 4,
        "timeout": 10.0,
        "clock": used.clock,
        "sleep": used.sleep,
        **options,
    }
    turns = given.pop("turns", None)
    sender = TelegramSender(**given)
    if turns is not None:
        assert isinstance(sender, Paced)
        sender.keep_pace_with(turns)
    outcomes = []
    try:
        for message in messages:
            outcomes.append(await sender.send(Attempt(message)))
            if time is None:
                used.now += 1.0
        return outcomes
    finally:
        await sender.close()


async def test_the_request_is_the_one_that_the_bot_api_documents() -> None:
    with TelegramApi() as server:
        [outcome] = await send(server, message())
        [request] = server.requests
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert request.form == {"chat_id": "4242", "text": "Your order has shipped\nIt will arrive on Friday."}
    assert outcome == Outcome(OutcomeKind.ACCEPTED, code="200", data={"message_id": 1})


async def test_text_that_looks_like_markup_arrives_unchanged() -> None:
    with TelegramApi() as server:
        await send(server, message(title="*a* <b>", message="_c_ & \U0001f514"))
        [request] = server.requests
    assert request.form["text"] == "*a* <b>\n_c_ & \U0001f514"
    assert "parse_mode" not in request.form


async def test_a_channel_is_reached_by_its_name() -> None:
    with TelegramApi() as server:
        [outcome] = await send(server, message(address="@tocsin_news"))
        assert server.requests[0].form["chat_id"] == "@tocsin_news"
    assert outcome.kind is OutcomeKind.ACCEPTED


async def test_the_name_is_the_public_half_of_the_token() -> None:
    senders = [TelegramSender(token=token, connections=1, timeout=1.0) for token in (TOKEN, "no-token-at-all")]
    for sender in senders:
        await sender.close()
    assert [sender.name for sender in senders] == [f"telegram://{BOT_ID}", "telegram://"]


async def test_a_text_of_the_greatest_length_is_sent_and_a_longer_one_refused_whole() -> None:
    with TelegramApi() as server:
        sent, refused = await send(
            server, message(title="t", message="x" * 4094), message(title="t", message="\U0001f514" * 2048)
        )
        assert len(server.requests) == 1
    assert sent.kind is OutcomeKind.ACCEPTED
    assert (refused.kind, refused.code) == (OutcomeKind.PERMANENT, "MESSAGE_TOO_LONG")


async def test_a_migrated_group_is_followed_at_once_and_its_new_address_reported() -> None:
    with TelegramApi() as server:
        server.script(
            error(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=-100777,
            )
        )
        [outcome] = await send(server, message(address="-777"))
        assert [request.form["chat_id"] for request in server.requests] == ["-777", "-100777"]
    assert (outcome.kind, outcome.address) == (OutcomeKind.ACCEPTED, "-100777")


async def test_the_new_address_is_reported_even_if_sending_to_it_fails() -> None:
    moved = error(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100777)
    with TelegramApi() as server:
        server.script(
            moved, error(403, "Forbidden: bot was kicked from the supergroup chat"), moved, Drop(), moved, moved
        )
        refused, lost, to_and_fro = await send(server, *(message(address="-777") for _ in range(3)))
        assert len(server.requests) == 6
    assert (refused.kind, refused.address) == (OutcomeKind.TRANSIENT, "-100777")
    assert (lost.kind, lost.address) == (OutcomeKind.UNKNOWN, "-100777")
    assert to_and_fro.address == "-100777"
    assert to_and_fro.kind is OutcomeKind.PERMANENT


async def test_flood_control_passes_on_the_seconds_and_holds_the_chat_back() -> None:
    time = Time()
    with TelegramApi() as server:
        server.script(error(429, "Too Many Requests: retry after 35", retry_after=35))
        first, second, other = await send(server, message(), message(), message(address="99"), time=time)
        assert len(server.requests) == 2
    assert (first.kind, first.retry_after, first.code) == (OutcomeKind.THROTTLED, 35.0, "429")
    assert second.kind is OutcomeKind.THROTTLED
    assert second.retry_after == pytest.approx(35.0, abs=0.1)
    assert other.kind is OutcomeKind.ACCEPTED


async def test_a_second_message_to_a_chat_waits_a_second_and_a_third_goes_back_to_the_queue() -> None:
    class Standing(Time):
        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    time = Standing()
    with TelegramApi() as server:
        first, second, third = await send(server, message(), message(), message(), time=time)
        assert len(server.requests) == 2
    assert time.slept == pytest.approx([1.0])
    assert (first.kind, second.kind) == (OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED)
    assert (third.kind, third.code) == (OutcomeKind.THROTTLED, "OWN_LIMIT")
    assert third.retry_after == pytest.approx(2.0)
    assert not third.provider_fault


class Turns:
    """Gives turns as a test says, as the database does to all processes of a service."""

    def __init__(self, *given: Turn | Exception) -> None:
        self.given = list(given)
        self.asked: list[tuple[str, Micros, Micros]] = []

    async def take(self, name: str, interval: Micros, most: Micros) -> Turn:
        self.asked.append((name, interval, most))
        turn = self.given.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn


async def test_with_other_processes_a_message_waits_for_a_turn_of_the_bots() -> None:
    time, turns = (
        Time(),
        Turns(Turn(0, True), Turn(micros(0.5), True), Turn(micros(1.5), False), DatabaseUnavailable("x")),
    )
    with TelegramApi() as server:
        outcomes = await send(
            server, *(message(address=str(number)) for number in range(1, 5)), time=time, turns=turns.take
        )
        assert len(server.requests) == 2
    assert sum(time.slept) == pytest.approx(0.5)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 2 + [OutcomeKind.THROTTLED] * 2
    assert [(outcome.code, outcome.retry_after) for outcome in outcomes[2:]] == [
        ("OWN_LIMIT", 1.5), ("DATABASE_UNAVAILABLE", 1.0)
    ]  # fmt: skip
    assert set(turns.asked) == {(f"telegram://{BOT_ID}", micros(1 / 30), micros(1))}


async def test_no_more_than_thirty_messages_a_second_go_out() -> None:
    time = Time()
    with TelegramApi() as server:
        await send(server, *(message(address=str(number)) for number in range(1, 32)), time=time)
    assert sum(time.slept) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("refusal", "kind", "fault"),
    [
        (error(403, "Forbidden: bot was blocked by the user"), OutcomeKind.PERMANENT, False),
        (error(403, "Forbidden: bot can't send messages to the user"), OutcomeKind.TRANSIENT, False),
        (error(400, "Bad Request: chat not found"), OutcomeKind.PERMANENT, False),
        (error(401, "Unauthorized"), OutcomeKind.TRANSIENT, True),
        (error(404, "Not Found"), OutcomeKind.TRANSIENT, True),
        (error(500, "Internal Server Error"), OutcomeKind.UNKNOWN, True),
        (Reply(502, b"<html>Bad Gateway</html>"), OutcomeKind.UNKNOWN, True),
        (Reply(403, b"<html>blocked by policy</html>"), OutcomeKind.TRANSIENT, True),
        (Reply(200, error(400, "Bad Request: chat not found").body), OutcomeKind.PERMANENT, False),
        (Reply(200, {"ok": False, "description": "hm"}), OutcomeKind.UNKNOWN, True),
        (Reply(200, {"ok": False}), OutcomeKind.UNKNOWN, True),
        (Reply(200, {"ok": True}), OutcomeKind.UNKNOWN, True),
        (Reply(200, {"ok": True, "result": {"message_id": "?"}}), OutcomeKind.UNKNOWN, True),
        (Reply(200, b"<html>Welcome to our hotspot</html>"), OutcomeKind.UNKNOWN, True),
        (Reply(200, b"\xff\xfe\x00"), OutcomeKind.UNKNOWN, True),
        (Reply(200, [1]), OutcomeKind.UNKNOWN, True),
        (Garble(), OutcomeKind.UNKNOWN, True),
        (Drop(), OutcomeKind.UNKNOWN, True),
        (Drop(unread=True), OutcomeKind.UNKNOWN, True),
    ],
)
async def test_an_answer_other_than_success_is_judged_and_asked_for_once(
    refusal: Any, kind: OutcomeKind, fault: bool
) -> None:
    with TelegramApi() as server:
        server.script(refusal)
        [outcome] = await send(server, message())
        assert len(server.requests) <= 1
    assert (outcome.kind, outcome.provider_fault) == (kind, fault)


async def test_a_wrong_token_is_ours_to_mend_and_not_in_the_outcome() -> None:
    with TelegramApi() as server:
        [outcome] = await send(server, message(), token="42:mistaken")
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.TRANSIENT, "401", True)
    assert outcome.code in TelegramSender.credential_codes
    assert "mistaken" not in repr(outcome)


async def test_a_token_that_makes_no_url_is_ours_to_mend_and_not_in_the_outcome() -> None:
    with TelegramApi() as server:
        [outcome] = await send(server, message(), token="42:mis\ntaken")
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert "taken" not in repr(outcome)


async def test_requests_have_a_time_out() -> None:
    with TelegramApi() as server:
        server.script(Hang())
        [outcome] = await send(server, message(), timeout=1.0)
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "ReadTimeout")
