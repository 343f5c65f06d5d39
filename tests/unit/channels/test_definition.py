"""That a channel is a folder and a line of the registry."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest
from pydantic import SecretStr

import tocsin_server
from helpers.drafts import claim
from tocsin_server.channels.definition import ChannelDefinition, is_complete
from tocsin_server.channels.registry import CHANNELS, build_senders
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind, Sender, SenderFactory
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import ChannelType, ClaimedChannel

SOURCE = Path(tocsin_server.__file__).parent

# -- a made-up channel -----------------------------------------------------------------------------


class Loft:
    """A sender of pigeons."""

    name = "pigeon://loft"
    credential_codes = ()

    async def send(self, attempt: Attempt) -> Outcome:
        attempt.handed_over = True
        return Outcome(OutcomeKind.ACCEPTED, "flown", data={"to": attempt.claim.address})

    async def reach(self) -> str:
        return ""

    async def close(self) -> None:
        pass


class Feather:
    """Notes on feathers."""

    suffix = ".feather"

    def render(self, message: ClaimedChannel) -> bytes:
        return message.message.encode()


def lofts(settings: Settings, _dev: bool) -> list[SenderFactory]:
    return [Loft] if is_complete(settings, "telegram_bot_token", "telegram_api_url") else []


PIGEON = ChannelDefinition(
    ChannelType.TELEGRAM,  # the enums are the database's and the protos', and know no pigeons
    required_settings="TOCSIN_TELEGRAM_BOT_TOKEN and TOCSIN_TELEGRAM_API_URL",
    address_problem=lambda address: None if address.startswith("loft-") else "must be a loft, such as loft-7",
    providers=lofts,
    outbox_form=lambda _settings: Feather(),
)
TOKEN = SecretStr("token")


def only(settings: Settings, *, dev: bool = False) -> Sender:
    """Make the one sender of the one channel."""
    [factories] = build_senders(settings, dev=dev, channels=[PIGEON]).values()
    [factory] = factories
    return factory()


async def test_a_made_up_channel_sends_by_its_definition_alone() -> None:
    sender = only(Settings(telegram_bot_token=TOKEN, telegram_api_url="http://loft"))
    assert sender.name == "pigeon://loft"
    outcome = await sender.send(Attempt(claim(address="loft-7")))
    assert (outcome.kind, outcome.data) == (OutcomeKind.ACCEPTED, {"to": "loft-7"})


async def test_a_made_up_channel_has_its_own_form_in_the_outbox(tmp_path: Path) -> None:
    sender = only(Settings(outbox=tmp_path / "outbox"), dev=True)
    outcome = await sender.send(Attempt(claim(address="loft-7", message="coo")))
    assert (tmp_path / "outbox" / outcome.data["file"]).read_bytes() == b"coo"
    assert outcome.data["file"].endswith(".feather")


def test_a_made_up_channel_half_configured_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_TELEGRAM_API_URL must be set too"):
        build_senders(Settings(telegram_bot_token=TOKEN), dev=False, channels=[PIGEON])


def test_a_made_up_channel_that_is_not_configured_is_absent() -> None:
    assert build_senders(Settings(), dev=False, channels=[PIGEON]) == {}


# -- the channels there are ------------------------------------------------------------------------


def test_each_channel_with_a_provider_is_defined_once_in_a_folder_of_its_name() -> None:
    assert {channel.type for channel in CHANNELS} == set(ChannelType) - {ChannelType.WEBSOCKET}
    assert len(CHANNELS) == len({channel.type for channel in CHANNELS})
    for channel in CHANNELS:
        folder = SOURCE / "channels" / channel.type.value
        for module in ("__init__", "address", "answers", "channel", "sender"):
            assert (folder / f"{module}.py").is_file()


NAMED_IN = {
    "agents/sending_tools.py": "a parameter for each address",
    "bridge/demo.py": "the standard library's module of the name email",
    "bridge/proxies.py": "the same",
    "channels/registry.py": "the line of each",
    "cli/contact_command.py": "an option for each address",
    "cli/options.py": "the same",
    "config/settings.py": "their settings, and the table's groups",
    "config/network.py": "the URL of a relay",
    "domain/masking.py": "how its address is hidden",
    "domain/model.py": "the enum",
    "routing/policies.py": "phone numbers, which alone have a country",
    "routing/reading.py": "the same",
}
"""Where, outside its folder, the code may know a channel by its name or its provider's."""

PROVIDERS = re.compile(r"email|sms|telegram|smtp|twilio", re.IGNORECASE)


def names_in(path: Path) -> set[str]:
    """Return the names in a module's code that are of a channel; comments and texts may mention what they like."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    return {token.string for token in tokens if token.type == tokenize.NAME and PROVIDERS.search(token.string)}


def test_a_channel_s_name_is_in_its_folder_and_a_few_places_that_are_listed() -> None:
    own = [SOURCE / "channels" / channel.type.value for channel in CHANNELS]
    found = {
        str(path.relative_to(SOURCE)): names
        for path in SOURCE.rglob("*.py")
        if not any(path.is_relative_to(folder) for folder in own) and (names := names_in(path))
    }
    assert set(found) == set(NAMED_IN), found
