"""The standard services beside ours: health checks and reflection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from helpers.calls import DEADLINE, Api
from helpers.server import ServerUnderTest, running_server

OURS = ("tocsin.v1.NotificationService", "tocsin.v1.ContactService")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


def test_the_server_and_each_service_say_that_they_serve(api: Api) -> None:
    health = health_pb2_grpc.HealthStub(api.channel)
    for service in ("", *OURS):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE)
        assert answer.status == SERVING, service
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="tocsin.v1.Unheard"), timeout=DEADLINE)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_whoever_watches_health_learns_that_the_server_stops(api: Api, server: ServerUnderTest) -> None:
    health = health_pb2_grpc.HealthStub(api.channel)
    watches = [health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=DEADLINE) for name in ("", OURS[0])]
    assert [next(watch).status for watch in watches] == [SERVING, SERVING]
    server.begin_stop()
    assert [next(watch).status for watch in watches] == [NOT_SERVING, NOT_SERVING]


def test_reflection_lists_the_services_and_describes_them(api: Api) -> None:
    reflection = reflection_pb2_grpc.ServerReflectionStub(api.channel)
    questions = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        *(reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in OURS),
        reflection_pb2.ServerReflectionRequest(file_by_filename="google/rpc/status.proto"),
    ]
    listed, *described = reflection.ServerReflectionInfo(iter(questions), timeout=DEADLINE)
    names = {service.name for service in listed.list_services_response.service}
    assert {*OURS, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= names
    files = [
        FileDescriptorProto.FromString(content)
        for answer in described
        for content in answer.file_descriptor_response.file_descriptor_proto
    ]
    services = {f"{file.package}.{service.name}": service for file in files for service in file.service}
    assert set(OURS) <= set(services)
    methods = {method.name: method.server_streaming for method in services[OURS[0]].method}
    assert methods == {
        "Send": False, "SendBatch": False, "Get": False, "List": False, "MarkRead": False, "CountUnread": False,
        "Cancel": False, "Retry": False, "Route": False, "Subscribe": True,
    }  # fmt: skip
    assert "google.rpc" in {file.package for file in files}
