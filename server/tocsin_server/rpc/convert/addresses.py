"""Known addresses, as requests give them."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.v1 import notification_pb2 as pb

from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.rpc.convert.words import CHANNEL_TYPE_PROBLEM, CHANNEL_TYPES
from tocsin_server.rpc.validation import Violations


def read_addresses(
    messages: Sequence[pb.Address], address_problem: AddressProblem, problems: Violations, field: str = "addresses"
) -> dict[ChannelType, str]:
    """Read addresses, at most one of each channel; ``address_problem`` knows the channels' forms of them."""
    addresses: dict[ChannelType, str] = {}
    for place, message in enumerate(messages):
        channel = CHANNEL_TYPES.get(message.channel)
        if channel is None:
            problems.add(f"{field}[{place}].channel", CHANNEL_TYPE_PROBLEM)
        elif channel == ChannelType.WEBSOCKET:
            problems.add(f"{field}[{place}].channel", "must not be CHANNEL_TYPE_WEBSOCKET, which has no address")
        elif channel in addresses:
            problems.add(f"{field}[{place}].channel", f"gives a second address for {channel}")
        else:
            problems.add(
                f"{field}[{place}].address",
                address_problem(channel, message.address) if message.address else "must be given",
            )
            addresses[channel] = message.address
    return addresses
