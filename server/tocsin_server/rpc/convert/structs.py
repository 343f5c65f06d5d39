"""Metadata and providers' answers: JSON objects, and the Struct that carries them.

Metadata is measured before it is converted: a few bytes can stand for an object.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from google.protobuf import struct_pb2

from tocsin_server.domain.model import Json
from tocsin_server.rpc import validation
from tocsin_server.rpc.idempotency import canonical
from tocsin_server.rpc.validation import Violations


def read_metadata(message: struct_pb2.Struct, problems: Violations) -> tuple[Json | None, str | None]:
    """Return the value, and its canonical form."""
    try:
        _check_size(message)
        value = _json_object(message)
        text = canonical(value)
        size = len(text.encode())
    except ValueError as error:
        problems.add("metadata", str(error))
        return None, None
    if size > validation.LONGEST_METADATA:
        problems.add("metadata", f"must be at most {validation.LONGEST_METADATA} bytes as JSON, is {size}")
    return value, text


def _check_size(message: struct_pb2.Struct) -> None:
    """Raise ValueError for metadata that is too much to be converted; what costs least to measure comes first."""
    size = message.ByteSize()
    if size > validation.LARGEST_METADATA:
        raise ValueError(f"must be at most {validation.LONGEST_METADATA} bytes as JSON, is far more")
    if size > 2 * validation.MOST_VALUES:  # else it has no room for more, as each takes two bytes or more
        _count(message.fields.values(), validation.MOST_VALUES)


def _count(values: Collection[struct_pb2.Value], left: int) -> int:
    """Return how many values there may be beside these and those in them; raise ValueError when they are too many."""
    left -= len(values)
    if left < 0:
        raise ValueError(f"must hold at most {validation.MOST_VALUES} values")
    for value in values:
        kind = value.WhichOneof("kind")
        if kind == "list_value":
            left = _count(value.list_value.values, left)
        elif kind == "struct_value":
            left = _count(value.struct_value.fields.values(), left)
    return left


def _json_value(value: struct_pb2.Value, levels: int) -> Any:
    """Read a value, a number that is integral as an integer; raise ValueError for NaN and infinities.

    ``levels`` is how many levels of objects and arrays there may be from here on.
    """
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        if not math.isfinite(number):
            raise ValueError("numbers must be finite")
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        if "\x00" in value.string_value:
            raise ValueError("must not contain NUL")
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _json_object(value.struct_value, levels)
    if kind == "list_value":
        _check_levels(levels)
        return [_json_value(item, levels - 1) for item in value.list_value.values]
    return None


def _json_object(message: struct_pb2.Struct, levels: int = validation.DEEPEST_METADATA) -> dict[str, Any]:
    _check_levels(levels)
    fields = message.fields
    value = {}
    for name in fields:  # its items() are made in Python, for each member anew
        if "\x00" in name:
            raise ValueError("must not contain NUL")
        value[name] = _json_value(fields[name], levels - 1)
    return value


def _check_levels(levels: int) -> None:
    if levels <= 0:
        raise ValueError(f"must be nested at most {validation.DEEPEST_METADATA} levels deep")


def write_json(field: struct_pb2.Struct, value: Json) -> None:
    """Fill a Struct; an empty object is not an absent one."""
    field.update(value)
    if not value:
        field.SetInParent()
