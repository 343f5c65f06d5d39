"""A limit of a policy is exact over gRPC, however many callers and replicas there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1 import notification_service_pb2_grpc as service_grpc

from helpers.calls import SMS, WEBSOCKET, read_refusal, request, user
from helpers.databases import database_at
from helpers.postgresql import temporary_database
from helpers.process import serving

CALLERS = 32
EACH = 12
LIMIT = 150

RULES = f"""
[[policies]]
name = "texts in all"
channels = ["sms"]
limit = {{ count = {LIMIT}, per = "366d", each = "all" }}
"""


@pytest.fixture
def url() -> Iterator[str]:
    with temporary_database() as url:
        yield url


async def test_a_limit_is_filled_exactly_by_32_callers_of_three_replicas(url: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    settings = {"TOCSIN_DATABASE_URL": url, "TOCSIN_RULES": str(tmp_path / "rules.toml")}
    answers: Counter[str] = Counter()

    async def call(address: str, number: int) -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = service_grpc.NotificationServiceStub(channel)
            for turn in range(EACH):
                wanted = request(user(), (SMS, "+447400123456"), WEBSOCKET)
                wanted.idempotency_key = f"{number}-{turn // 2}"  # each is sent twice
                wanted.recipient.id = "01a20434-dac1-761b-a8d4-000000000001"
                try:
                    sent: service_pb.SendResponse = await stub.Send(wanted)
                except grpc.RpcError as error:
                    refusal = read_refusal(error)
                    assert refusal.retry_after is not None
                    answers[refusal.reason] += 1
                else:
                    answers["duplicate" if sent.duplicate else "accepted"] += 1

    with ExitStack() as stack:
        replicas = [stack.enter_context(serving(tmp_path, "--dev", **settings)).address for _ in range(3)]
        await asyncio.gather(*(call(replicas[number % 3], number) for number in range(CALLERS)))
    database = database_at(url)
    assert answers["accepted"] == LIMIT
    assert set(answers) == {"accepted", "duplicate", "POLICY_LIMIT"}
    assert database.counts()["notifications"] == database.counts()["idempotency_keys"] == LIMIT
    assert database.rows("SELECT count FROM policy_counts") == [(LIMIT,)]
    assert database.rows("SELECT count(*) FROM notification_channels WHERE channel = 'sms'") == [(LIMIT,)]
