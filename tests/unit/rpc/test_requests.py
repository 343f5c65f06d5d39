"""How much a request may hold: every repeated field of every request has a bound, which is looked at first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from tocsin.v1 import (
    contact_service_pb2,
    decision_service_pb2,
    notification_service_pb2,
    operator_service_pb2,
    relay_service_pb2,
)
from tocsin.v1 import notification_pb2 as pb

from tocsin_server.domain.errors import BatchTooLarge, InvalidArgument, MalformedRequest, RequestTooLarge
from tocsin_server.rpc import requests
from tocsin_server.rpc.requests import LARGEST, LARGEST_OF, MEASURED, MOST, bounds_of, check, request_reader

PROTOS = Path(__file__).parents[3] / "protos/tocsin/v1"
FILES = tuple(
    module.DESCRIPTOR
    for module in (
        notification_service_pb2,
        contact_service_pb2,
        decision_service_pb2,
        operator_service_pb2,
        relay_service_pb2,
    )
)
METHODS = [method for file in FILES for service in file.services_by_name.values() for method in service.methods]
INPUTS = {method.input_type.full_name: method.input_type for method in METHODS}


def repeated_fields(message: Any) -> Iterator[Any]:
    """Yield every repeated field and map that a request can hold, at any depth."""
    seen: set[str] = set()
    waiting = [message]
    while waiting:
        current = waiting.pop()
        if current.full_name in seen:
            continue
        seen.add(current.full_name)
        for field in current.fields:
            if field.is_repeated:
                yield field
            if field.message_type is not None:
                waiting.append(field.message_type)


REPEATED = {field.full_name: field for message in INPUTS.values() for field in repeated_fields(message)}
BOUNDED = [name for name in REPEATED if not name.startswith("google.protobuf.")]


def test_no_service_is_forgotten_here() -> None:
    names = {path.stem for path in PROTOS.glob("*_service.proto")}
    assert names == {Path(file.name).stem for file in FILES}


def test_every_repeated_field_of_every_request_has_a_bound() -> None:
    unbounded = {name for name in REPEATED if name not in MOST and name.rpartition(".")[0] not in WHOLE}
    assert not unbounded, "give it a bound in rpc.requests.MOST, and say so in its comment"
    assert set(MOST) == set(BOUNDED), "what is not in any request needs no bound"


WHOLE = {*MEASURED, "google.protobuf.ListValue"}
"""Messages that convert measures as a whole; a list is in a Struct alone."""


def one_too_many(name: str) -> Any:
    """Return a request of which one repeated field has an element more than it may."""
    field = REPEATED[name]
    holder = field.containing_type
    message = GetMessageClass(holder)()
    element: Any = {"string": "x", "uint64": 1, "enum": 1}.get(_kind(field))
    values = getattr(message, field.name)
    for _ in range(MOST[name] + 1):
        values.append(element) if element is not None else values.add()
    if holder.full_name in INPUTS:
        return message
    [(owner, member)] = [(top, each) for top in INPUTS.values() for each in top.fields if each.message_type is holder]
    outer = GetMessageClass(owner)()
    getattr(outer, member.name).CopyFrom(message)
    return outer


def _kind(field: Any) -> str:
    if field.message_type is not None:
        return "message"
    if field.enum_type is not None:
        return "enum"
    return "string" if field.cpp_type == field.CPPTYPE_STRING else "uint64"


@pytest.mark.parametrize("name", BOUNDED)
def test_one_element_more_than_the_bound_is_refused_by_name(name: str) -> None:
    request = one_too_many(name)
    with pytest.raises(InvalidArgument) as refused:
        request_reader(request.DESCRIPTOR)(request.SerializeToString())
    [violation] = refused.value.violations
    assert violation.field.rpartition(".")[2] == REPEATED[name].name
    assert str(MOST[name]) in violation.description
    assert str(MOST[name] + 1) in violation.description


@pytest.mark.parametrize("name", BOUNDED)
def test_as_many_as_the_bound_says_are_taken(name: str) -> None:
    request = one_too_many(name)
    holder = request
    for part in where(request, name).split(".")[:-1]:
        holder = getattr(holder, part)
    del getattr(holder, REPEATED[name].name)[-1]
    for bound in bounds_of(request.DESCRIPTOR):
        check(request, bound)


def where(request: Any, name: str) -> str:
    [path] = [bound.where for bound in bounds_of(request.DESCRIPTOR) if bound.where.endswith(REPEATED[name].name)]
    return path


@pytest.mark.parametrize("name", BOUNDED)
def test_the_comment_of_a_field_says_its_bound(name: str) -> None:
    message, _, field = name.removeprefix("tocsin.v1.").rpartition(".")
    text = next(text for path in PROTOS.glob("*.proto") if f"\nmessage {message} {{" in (text := path.read_text()))
    body = text.partition(f"\nmessage {message} {{")[2]
    comment = re.search(rf"((?:^ *//.*\n)+) *repeated \S+ {field} =", body, re.MULTILINE)
    assert comment is not None
    words = " ".join(line.strip().removeprefix("//").strip() for line in comment[1].splitlines())
    assert f"at most {MOST[name]:,}" in words or f"1 to {MOST[name]:,}" in words, words


def test_a_field_without_a_bound_cannot_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {name: most for name, most in MOST.items() if name != "tocsin.v1.Contact.addresses"}
    monkeypatch.setattr(requests, "MOST", fewer)
    with pytest.raises(LookupError, match="addresses"):
        request_reader(contact_service_pb2.PutContactRequest.DESCRIPTOR)
    request_reader(notification_service_pb2.SendRequest.DESCRIPTOR)


def test_a_bound_within_repeated_elements_has_to_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {
        "tocsin.v1.ListResponse.notifications": 9,
        "tocsin.v1.Notification.channels": 9,
        "tocsin.v1.Channel.history": 9,
    }
    monkeypatch.setattr(requests, "MOST", {**MOST, **more})
    with pytest.raises(LookupError, match="repeats"):
        bounds_of(notification_service_pb2.ListResponse.DESCRIPTOR)


@pytest.mark.parametrize("message", INPUTS.values(), ids=lambda message: message.name)
def test_a_request_of_too_many_bytes_is_not_parsed(message: Any) -> None:
    largest = LARGEST_OF.get(message.full_name, LARGEST)
    with pytest.raises(InvalidArgument) as refused:
        request_reader(message)(b"\xff" * (largest + 1))  # which would be malformed
    expected = BatchTooLarge if message.name == "SendBatchRequest" else RequestTooLarge
    assert type(refused.value) is expected
    assert refused.value.metadata["actual"] == str(largest + 1)
    assert refused.value.metadata["limit"] == str(largest)
    with pytest.raises(MalformedRequest):
        request_reader(message)(b"\xff" * largest)


def test_the_largest_send_that_the_fields_allow_is_not_too_large() -> None:
    request = notification_service_pb2.SendRequest(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_POTENTIAL_CUSTOMER, id="0" * 36),
        title="\U0001f514" * 255,
        message="x" * 64 * 1024,
        idempotency_key="\U0001f514" * 255,
        channels=[pb.ChannelTarget(channel=pb.CHANNEL_TYPE_EMAIL, address="a" * 254)] * 16,
        addresses=[pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address="a" * 254)] * 16,
    )
    # Nothing takes more bytes for its JSON than the number 1 in an array.
    request.metadata.update({"k": [1] * ((32 * 1024 - len('{"k":[]}')) // 2)})
    request.send_at.GetCurrentTime()
    request.expires_at.GetCurrentTime()
    assert len(request.SerializeToString()) < LARGEST_OF["tocsin.v1.SendRequest"]
    assert request.metadata.ByteSize() < 192 * 1024
