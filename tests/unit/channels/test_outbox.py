"""Development mode's outbox."""

from __future__ import annotations

import email
import email.policy
import stat
from pathlib import Path

import pytest

from helpers.drafts import claim
from tocsin_server.channels.email.channel import MailFile
from tocsin_server.channels.email.mail import MailComposer
from tocsin_server.channels.outbox import REFUSALS, SIMULATED, OutboxForm, OutboxSender, PlainText
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.domain.model import ChannelType, ClaimedChannel


def message(number: int = 1, created_at: int = 1_760_000_000_250_000, **changes: str) -> ClaimedChannel:
    plain = claim(
        id=f"01980000-0000-7000-8000-{number:012d}",
        address="ann@example.org",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=created_at,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


FORMS: dict[ChannelType, OutboxForm] = {
    ChannelType.EMAIL: MailFile("Tocsin <tocsin@localhost>"),
    ChannelType.SMS: PlainText(),
    ChannelType.TELEGRAM: PlainText(),
}


def outbox_of(folder: Path) -> list[str]:
    return [found.name for found in folder.iterdir()]


async def send(channel: ChannelType, folder: Path, *messages: ClaimedChannel) -> list[Outcome]:
    sender = OutboxSender(channel.value, folder, FORMS[channel])
    outcomes = [await sender.send(Attempt(message)) for message in messages]
    await sender.close()
    return outcomes


async def test_e_mail_is_written_as_it_would_go_over_the_wire(tmp_path: Path) -> None:
    [outcome] = await send(ChannelType.EMAIL, tmp_path, message())
    name = "20251009T085320.250000Z-01980000-0000-7000-8000-000000000001.eml"
    assert outcome == Outcome(OutcomeKind.ACCEPTED, data={"file": f"email/{name}"})
    content = (tmp_path / "email" / name).read_bytes()
    assert content == MailComposer("Tocsin <tocsin@localhost>").compose(message()).content
    assert email.message_from_bytes(content, policy=email.policy.default)["Subject"] == "Your order has shipped"


async def test_other_channels_are_written_as_readable_text(tmp_path: Path) -> None:
    for channel in (ChannelType.SMS, ChannelType.TELEGRAM):
        [outcome] = await send(channel, tmp_path, message(address="+15550199"))
        text = (tmp_path / str(outcome.data["file"])).read_text(encoding="utf-8")
        assert text == "To: +15550199\nTitle: Your order has shipped\n\nIt will arrive on Friday.\n"


async def test_names_sort_by_time_of_creation(tmp_path: Path) -> None:
    second = 1_000_000
    await send(
        ChannelType.SMS, tmp_path, *(message(9 - n, created_at=1_760_000_000 * second + n * 300_000) for n in range(9))
    )
    numbers = [int(file.stem[-12:]) for file in sorted((tmp_path / "sms").iterdir())]
    assert numbers == list(range(9, 0, -1))


async def test_a_repeated_attempt_replaces_its_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    await send(ChannelType.SMS, tmp_path, message(), message(message="second attempt"))
    [file] = (tmp_path / "sms").iterdir()
    assert "second attempt" in file.read_text(encoding="utf-8")


async def test_a_folder_that_cannot_be_written_to_is_a_provider_at_fault(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text("a file is in the way", encoding="utf-8")
    [outcome] = await send(ChannelType.SMS, tmp_path, message())
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert outcome.code == "FileExistsError"


async def test_nobody_but_the_owner_may_read_what_was_sent(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    await send(ChannelType.SMS, outbox, message())
    made = [outbox, *outbox.rglob("*")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o700, 0o700, 0o600]


async def test_an_address_that_is_none_is_refused_as_the_real_sender_would(tmp_path: Path) -> None:
    [outcome] = await send(ChannelType.EMAIL, tmp_path, message(address="nobody"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "INVALID_ADDRESS")


def test_the_telling_names_are_those_of_the_channels() -> None:
    assert OutboxSender("telegram", Path("x"), PlainText()).name == "outbox://telegram"


@pytest.mark.parametrize("address", ["fail@example.org", "FAIL+order7@example.org", "+15550000001", "@tocsin_fail"])
async def test_some_addresses_are_refused_for_good(tmp_path: Path, address: str) -> None:
    [outcome] = await send(ChannelType.SMS, tmp_path, message(address=address))
    assert (outcome.kind, outcome.code, outcome.provider_fault) == (OutcomeKind.PERMANENT, SIMULATED, False)
    assert not outbox_of(tmp_path)


@pytest.mark.parametrize("address", ["retry@example.org", "+15550000002", "@tocsin_retry"])
async def test_some_addresses_are_refused_for_a_while(tmp_path: Path, address: str) -> None:
    tries = [message(address=address)._replace(attempts=number) for number in range(REFUSALS + 1)]
    kinds = [outcome.kind for outcome in await send(ChannelType.SMS, tmp_path, *tries)]
    assert kinds == [OutcomeKind.TRANSIENT] * REFUSALS + [OutcomeKind.ACCEPTED]


@pytest.mark.parametrize("address", ["failure@example.org", "ann+fail@example.org", "+15550000010", "@tocsin_failed"])
async def test_addresses_that_look_like_those_are_taken(tmp_path: Path, address: str) -> None:
    [outcome] = await send(ChannelType.SMS, tmp_path, message(address=address))
    assert outcome.kind is OutcomeKind.ACCEPTED
