"""Development mode's outbox."""

from __future__ import annotations

import asyncio
import email
import email.policy
from pathlib import Path

from tocsin_server.channels.mail import MailComposer
from tocsin_server.channels.outbox import OutboxSender
from tocsin_server.channels.sender import Message, Outcome, OutcomeKind
from tocsin_server.model import ChannelType


def message(number: int = 1, created_at: int = 1_760_000_000_250_000, **changes: str) -> Message:
    plain = Message(
        channel_id=f"01980000-0000-7000-8000-{number:012d}",
        notification_id="01980000-0000-7000-9000-000000000001",
        address="ann@example.org",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        metadata=None,
        created_at=created_at,
        attempt=1,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the changes are strings


def send(channel: ChannelType, folder: Path, *messages: Message) -> list[Outcome]:
    async def main() -> list[Outcome]:
        sender = OutboxSender(channel, folder)
        outcomes = [await sender.send(message) for message in messages]
        await sender.close()
        return outcomes

    return asyncio.run(main())


def test_e_mail_is_written_as_it_would_go_over_the_wire(tmp_path: Path) -> None:
    [outcome] = send(ChannelType.EMAIL, tmp_path, message())
    name = "20251009T085320.250000Z-01980000-0000-7000-8000-000000000001.eml"
    assert outcome == Outcome(OutcomeKind.ACCEPTED, data={"file": f"email/{name}"})
    content = (tmp_path / "email" / name).read_bytes()
    assert content == MailComposer("Tocsin <tocsin@localhost>").compose(message()).content
    assert email.message_from_bytes(content, policy=email.policy.default)["Subject"] == "Your order has shipped"


def test_other_channels_are_written_as_readable_text(tmp_path: Path) -> None:
    for channel in (ChannelType.SMS, ChannelType.TELEGRAM):
        [outcome] = send(channel, tmp_path, message(address="+15550199"))
        text = (tmp_path / str(outcome.data["file"])).read_text(encoding="utf-8")
        assert text == "To: +15550199\nTitle: Your order has shipped\n\nIt will arrive on Friday.\n"


def test_names_sort_by_time_of_creation(tmp_path: Path) -> None:
    second = 1_000_000
    send(
        ChannelType.SMS, tmp_path, *(message(9 - n, created_at=1_760_000_000 * second + n * 300_000) for n in range(9))
    )
    numbers = [int(file.stem[-12:]) for file in sorted((tmp_path / "sms").iterdir())]
    assert numbers == list(range(9, 0, -1))


def test_a_repeated_attempt_replaces_its_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    send(ChannelType.SMS, tmp_path, message(), message(message="second attempt"))
    [file] = (tmp_path / "sms").iterdir()
    assert "second attempt" in file.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_to_is_a_provider_at_fault(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text("a file is in the way", encoding="utf-8")
    [outcome] = send(ChannelType.SMS, tmp_path, message())
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert outcome.code == "FileExistsError"


def test_an_address_that_is_none_is_refused_as_the_real_sender_would(tmp_path: Path) -> None:
    [outcome] = send(ChannelType.EMAIL, tmp_path, message(address="nobody"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.PERMANENT, "INVALID_ADDRESS")


def test_the_telling_names_are_those_of_the_channels() -> None:
    assert OutboxSender(ChannelType.TELEGRAM, Path("x")).name == "outbox://telegram"
