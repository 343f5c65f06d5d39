"""Messages of an API that is newer than the clients: enums have another value, messages another field.

The descriptors are those of ``tocsin.v1`` with additions, in a pool of their own. What is made with them is read again
as the messages of today, which keep what they do not know and send it on.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, json_format, struct_pb2, timestamp_pb2
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from tocsin.v1 import contact_service_pb2, decision_service_pb2, notification_pb2, notification_service_pb2

_STANDARD: Final = (struct_pb2, timestamp_pb2, duration_pb2, status_pb2)
_OURS: Final = (notification_pb2, notification_service_pb2, contact_service_pb2, decision_service_pb2)

NUMBER: Final = 99
"""Of the value that each enum has got; its name ends with ``_OF_TOMORROW``."""

FIELD: Final = 1999
"""Of the field ``of_tomorrow`` that each message has got, a text."""


@cache
def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(descriptor: Any, ours: bool) -> None:
        if descriptor.name in added:
            return
        added.add(descriptor.name)
        for dependency in descriptor.dependencies:
            add(dependency, dependency.package == "tocsin.v1")
        file = descriptor_pb2.FileDescriptorProto()
        descriptor.CopyToProto(file)
        if ours:
            _extend(file)
        pool.Add(file)

    for module in _STANDARD:
        add(module.DESCRIPTOR, ours=False)
    for module in _OURS:
        add(module.DESCRIPTOR, ours=True)
    return pool


def _extend(file: Any) -> None:
    for enum in file.enum_type:
        prefix = enum.value[0].name.removesuffix("_UNSPECIFIED")
        enum.value.add(name=f"{prefix}_OF_TOMORROW", number=NUMBER)
    for message in file.message_type:
        message.field.add(
            name="of_tomorrow",
            number=FIELD,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )


def message(name: str, content: dict[str, Any]) -> Any:
    """Make a message of ``tocsin.v1`` from its JSON form; a new field or value may be in it."""
    newer = GetMessageClass(_pool().FindMessageTypeByName(f"tocsin.v1.{name}"))()
    json_format.ParseDict(content, newer)
    for module in _OURS:
        if name in module.DESCRIPTOR.message_types_by_name:
            return getattr(module, name).FromString(newer.SerializeToString())
    raise KeyError(name)
