"""What a server refuses, in the words of who typed the command: options in place of the API's fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tocsin_client import Violation

_PARAMETERS: Final = {
    "addresses": "address",
    "channels": "channel",
    "created_after": "since",
    "created_before": "before",
    "id": "notification_id",
    "idempotency_key": "key",
    "lease_token": "lease",
    "recipient": "to",
    "routing.deferred": "defer",
    "routing.route_by": "route_by",
    "strategy.escalate_after": "escalate_after",
    "strategy.goal": "goal",
    "strategy.kind": "strategy",
    "up_to_cursor": "up_to",
}
"""The command's parameter for a field of the API, where the two have different names."""

_OPTIONS: Final = {"notification_id": "ID", "ids": "ID"}
"""How a parameter is typed, where it is not an option of its name."""

_WORDS: Final = {
    "STRATEGY_KIND_FALLBACK": ("strategy", "--strategy fallback"),
    "routing.deferred": ("defer", "--defer"),
    "its lease_token": ("lease", "--lease with its token"),
    "earlier than until": ("before", "earlier than --before"),
    "in channels or in addresses": ("address", "in --channel or by --address"),
}
"""What the server says of other fields, with the parameter that a command must have for it to be said otherwise."""

_PLACE: Final = re.compile(r"\[(\d+)\]")


def told(bad: Violation, given: Mapping[str, Any]) -> str:
    """Return what is wrong with a field; ``given`` has the command's parameters by name, as they were typed.

    A field that is no option of the command keeps its name.
    """
    parameter = _parameter(bad.field, given)
    if parameter is None:
        return f"{bad.field}: {bad.description}" if bad.field else in_options(bad.description, given)
    option = _OPTIONS.get(parameter, "--" + parameter.replace("_", "-"))
    value, place = given[parameter], _PLACE.search(bad.field)
    if place and isinstance(value, list) and len(value) > 1 and int(place[1]) < len(value):
        option += f" {value[int(place[1])]}"
    said = in_options(bad.description, given)
    if bad.field == "recipient.id" and "UUID" in said and ":ext:" not in str(value):
        kind, _, number = str(value).partition(":")
        said += f"; an id of your own is written {kind}:ext:{number}"
    return f"{option}: {said}"


def _parameter(field: str, given: Mapping[str, Any]) -> str | None:
    """Return the command's parameter that a field was made of."""
    name = _PLACE.sub("", field)
    while name:
        parameter = _PARAMETERS.get(name, name)
        if parameter in given:
            return parameter
        name = name.rpartition(".")[0]
    return None


def in_options(text: str, given: Mapping[str, Any]) -> str:
    """Return a sentence of the server with options where it names fields that the command has options for."""
    for word, (parameter, option) in _WORDS.items():
        if parameter in given:
            text = text.replace(word, option)
    return text
