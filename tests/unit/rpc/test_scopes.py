"""The table of scopes: every RPC of every service that the server answers stands in it, and nothing else does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tocsin.v1 import (
    contact_service_pb2,
    decision_service_pb2,
    notification_service_pb2,
    operator_service_pb2,
    relay_service_pb2,
)

from tocsin_server.domain.errors import PermissionDenied
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.rpc import scopes
from tocsin_server.rpc.auth import ANYBODY, Authenticator
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.scopes import EVERY_RPC, OF_EVERY_TOKEN, OF_RECIPIENTS, PUBLIC, SCOPES, name_of

OURS = (
    notification_service_pb2,
    contact_service_pb2,
    decision_service_pb2,
    operator_service_pb2,
    relay_service_pb2,
)
STANDARD = (health_pb2, reflection_pb2)
PROTOS = Path(__file__).parents[3] / "protos/tocsin/v1"


def rpcs(*modules: Any) -> set[str]:
    """Return the full names of all RPCs of some files."""
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return {name_of(method) for service in services for method in service.methods}


def test_every_rpc_of_ours_is_in_some_scope_or_of_every_token_and_every_standard_one_is_public() -> None:
    assert {module.DESCRIPTOR.name for module in OURS} == {
        f"tocsin/v1/{path.name}" for path in PROTOS.glob("*_service.proto")
    }
    assert rpcs(*OURS) == EVERY_RPC
    assert not OF_EVERY_TOKEN.intersection(*SCOPES.values())
    assert rpcs(*STANDARD) == PUBLIC


def test_every_name_in_the_module_is_one_of_an_rpc_or_service() -> None:
    named = {value for name, value in vars(scopes).items() if name.isupper() and isinstance(value, str)}
    services = {service.full_name for module in OURS for service in module.DESCRIPTOR.services_by_name.values()}
    assert named == rpcs(*OURS) | services


def test_recipients_may_do_nothing_that_changes_or_shows_anything_but_a_feed() -> None:
    assert {rpc.rpartition("/")[2] for rpc in OF_RECIPIENTS} == {"Subscribe", "List", "MarkRead", "CountUnread"}
    assert SCOPES["read"] >= OF_RECIPIENTS


def second_service_with_a_list() -> str:
    """Return the full name of the List of a service that does not exist yet."""
    file = descriptor_pb2.FileDescriptorProto(name="later.proto", package="tocsin.v1", syntax="proto3")
    file.message_type.add(name="Empty")
    service = file.service.add(name="LaterService")
    service.method.add(name="List", input_type=".tocsin.v1.Empty", output_type=".tocsin.v1.Empty")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return name_of(pool.FindServiceByName("tocsin.v1.LaterService").methods_by_name["List"])


def test_a_method_of_another_service_with_the_same_name_is_another_rpc() -> None:
    later = second_service_with_a_list()
    assert later == "tocsin.v1.LaterService/List"
    recipient = Principal("user:x", frozenset(), OF_RECIPIENTS)
    recipient.require_rpc("tocsin.v1.NotificationService/List")
    with pytest.raises(PermissionDenied) as refused:
        recipient.require_rpc(later)
    assert refused.value.metadata == {"method": later}
    ANYBODY.require_rpc(later)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_do_what_its_scope_allows_and_nothing_else(scope: str) -> None:
    authenticator = Authenticator([f"name:{scope}:{_hash('token')}"], TokenRules(), lambda: 0)
    caller = authenticator.holder_of("token")
    for rpc in rpcs(*OURS):
        if rpc in SCOPES[scope] | OF_EVERY_TOKEN:
            caller.require_rpc(rpc)
        else:
            with pytest.raises(PermissionDenied) as refused:
                caller.require_rpc(rpc)
            needed, _, has = str(refused.value).partition("; ")
            enough = [name for name, rpcs in SCOPES.items() if rpc in rpcs]
            assert needed == f"{rpc.rpartition('/')[2]} needs a token with the scope {' or '.join(enough)}"
            assert has == f"these credentials have {scope}"
    assert caller.acts_for_anybody == (scope in ("send_any", "admin"))
    assert caller.reads_everything == (scope == "read")


@pytest.mark.parametrize(
    ("entry", "rpc", "told"),
    [
        (
            "read:{}:recipients=guest",
            scopes.SIMULATE,
            "the scope read or simulate that is for all recipients; these credentials are for recipients of type guest",
        ),
        ("send:{}:recipients=guest", scopes.GET_QUEUE, "the scope admin; these credentials have send"),
    ],
)
def test_a_narrowed_token_is_told_whether_it_lacks_a_scope_or_is_too_narrow(entry: str, rpc: str, told: str) -> None:
    authenticator = Authenticator([f"name:{entry.format(_hash('token'))}"], TokenRules(), lambda: 0)
    with pytest.raises(PermissionDenied) as refused:
        authenticator.holder_of("token").require_rpc(rpc)
    assert str(refused.value) == f"{rpc.rpartition('/')[2]} needs a token with {told}"


@pytest.mark.parametrize(
    ("rpc", "needed"), [(scopes.GET, "a token with the scope read"), (scopes.WHO_AM_I, "a service token")]
)
def test_a_recipient_is_told_that_its_token_is_for_its_feed(rpc: str, needed: str) -> None:
    recipient = Principal("user:x", frozenset(), OF_RECIPIENTS, Recipient(RecipientType.USER, str(uuid4())))
    with pytest.raises(PermissionDenied) as refused:
        recipient.require_rpc(rpc)
    assert str(refused.value) == (
        f"{rpc.rpartition('/')[2]} needs {needed}; a recipient's token allows that recipient's own feed only"
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
