"""Both senders in bulk of the Python client, against a server that does what the test says, and the real one.

What they have in common with those of other languages is in clients/conformance/scenarios/60_bulk.json.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from tocsin.v1 import notification_service_pb2 as pb

from helpers.process import ServerProcess
from helpers.scripted_server import SILENCE, ScriptedServer, notification
from helpers.waiting import eventually
from tocsin_client import AsyncClient, BulkOptions, Cancelled, Client, Unauthenticated

USER: Final = "user:0190a5d0-0000-7000-8000-000000000001"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def accepted(request: Any) -> Any:
    """Accept every request of a batch."""
    result = pb.SendResult(response=pb.SendResponse(notification=notification()))
    return pb.SendBatchResponse(results=[result] * len(request.requests))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("tocsin-bulk")]


def sizes(server: ScriptedServer) -> list[int]:
    return [len(call.request.requests) for call in server.calls("SendBatch")]


def test_nothing_runs_before_the_first_send_and_after_the_close(server: ScriptedServer) -> None:
    server.script("SendBatch", accepted)
    with Client(server.address) as client:
        sender = client.bulk_sender()
        assert not threads()
        future = sender.send(USER, "t", "m", channels=["websocket"])
        assert len(threads()) == 2
        sender.close()
        assert future.done()
        assert not threads()


def test_bad_arguments_are_refused_at_once_and_nothing_is_handed_over(server: ScriptedServer) -> None:
    with (
        Client(server.address) as client,
        client.bulk_sender() as sender,
        pytest.raises(ValueError, match="carrier pigeon"),
    ):
        sender.send(USER, "t", "m", channels=["carrier pigeon"])
    assert not server.calls("SendBatch")


def test_whoever_sends_waits_while_there_is_no_room(server: ScriptedServer) -> None:
    options = BulkOptions(linger=0, max_requests=1, in_flight=1, max_pending=2)
    go_on = threading.Event()

    def hold_up(request: Any) -> Any:
        assert go_on.wait(60)
        return accepted(request)

    server.script("SendBatch", hold_up, accepted, accepted)
    with Client(server.address) as client, client.bulk_sender(options) as sender:
        sent: list[Future[Any]] = []

        def send_three() -> None:
            sent.extend(sender.send(USER, str(number), "m") for number in range(3))

        worker = threading.Thread(target=send_three)
        worker.start()
        server.wait_for_calls("SendBatch", 1)
        eventually(lambda: sender._gathering.pending == 2)
        assert not sender._gathering.has_room(1)
        go_on.set()
        worker.join(60)
        wait(sent, 20)
    assert [future.result().duplicate for future in sent] == [False] * 3


def test_closing_wakes_whoever_waits_for_room(server: ScriptedServer) -> None:
    server.script("SendBatch", SILENCE)
    with Client(server.address) as client:
        sender = client.bulk_sender(BulkOptions(linger=0, max_pending=1))
        first = sender.send(USER, "t", "m")
        server.wait_for_calls("SendBatch", 1)
        refused: list[BaseException] = []

        def send() -> None:
            try:
                sender.send(USER, "t", "m")
            except RuntimeError as error:
                refused.append(error)

        waiting = threading.Thread(target=send)
        waiting.start()
        sender.close(timeout=0)
        waiting.join(60)
        assert [str(error) for error in refused] == ["the sender is closed"]
        assert isinstance(first.exception(), Cancelled)


def test_a_future_that_is_cancelled_before_its_batch_leaves_is_not_sent(server: ScriptedServer) -> None:
    server.script("SendBatch", accepted)
    with Client(server.address) as client, client.bulk_sender(BulkOptions(linger=10)) as sender:
        kept, dropped = sender.send(USER, "kept", "m"), sender.send(USER, "dropped", "m")
        assert dropped.cancel()
        sender.flush()
        assert kept.result().duplicate is False
    [call] = server.calls("SendBatch")
    assert [request.title for request in call.request.requests] == ["kept"]


def test_a_token_function_that_fails_fails_the_sends_and_not_the_sender(server: ScriptedServer) -> None:
    tokens: Iterator[Any] = iter([OSError("no token file"), "good"])

    def token() -> str:
        given = next(tokens)
        if isinstance(given, Exception):
            raise given
        return str(given)

    server.script("SendBatch", accepted)
    with Client(server.address, token=token) as client, client.bulk_sender() as sender:
        with pytest.raises(OSError, match="no token file"):
            sender.send(USER, "t", "m").result(60)
        assert sender.send(USER, "t", "m").result(60).duplicate is False
    assert server.calls("SendBatch")[0].metadata["authorization"] == "Bearer good"


def test_a_token_function_that_hangs_does_not_hold_up_the_close(server: ScriptedServer) -> None:
    given = threading.Event()
    with Client(server.address, token=lambda: "token" if given.wait() else "") as client:
        sender = client.bulk_sender()
        future = sender.send("guest", "title", "message", channels=["websocket"])
        sender.close(timeout=0)
        assert isinstance(future.exception(0), Cancelled)
        given.set()


def test_asyncio_sends_leave_while_the_loop_goes_on_sending(server: ScriptedServer) -> None:
    async def main() -> None:
        server.script("SendBatch", *[accepted] * 20)
        async with AsyncClient(server.address) as client:
            async with client.bulk_sender(BulkOptions(linger=10, max_requests=10, max_pending=50)) as sender:
                futures = [await sender.send(USER, str(number), "m") for number in range(200)]
            results = await asyncio.gather(*futures)
            assert not any(result.duplicate for result in results)
            assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("tocsin-bulk")]

    asyncio.run(main())
    assert sizes(server) == [10] * 20


def test_asyncio_closing_fails_what_is_left_and_refuses_more(server: ScriptedServer) -> None:
    async def main() -> None:
        server.script("SendBatch", SILENCE)
        async with AsyncClient(server.address) as client:
            sender = client.bulk_sender(BulkOptions(linger=0))
            future = await sender.send(USER, "t", "m")
            await asyncio.to_thread(server.wait_for_calls, "SendBatch", 1)
            await sender.close(timeout=0)
            await sender.close()
            assert isinstance(future.exception(), Cancelled)
            with pytest.raises(RuntimeError, match="the sender is closed"):
                await sender.send(USER, "t", "m")

    asyncio.run(main())
    gc.collect()


def test_senders_of_a_closed_client_are_closed(server: ScriptedServer) -> None:
    server.script("SendBatch", SILENCE)
    client = Client(server.address)
    sender = client.with_token("another").bulk_sender(BulkOptions(linger=0))
    future = sender.send(USER, "t", "m")
    server.wait_for_calls("SendBatch", 1)
    client.close()
    assert isinstance(future.exception(20), Cancelled | Unauthenticated)
    assert not threads()


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_every_send_is_stored_exactly_once_while_the_server_is_killed_twice(tmp_path: Path, kind: str) -> None:
    count = 5_000
    process = ServerProcess(tmp_path, "--dev")
    address = process.address

    def stored() -> int:
        return int(process.database.rows("SELECT count(*) FROM notifications")[0][0])

    def reached(least: int) -> bool:
        return stored() >= least

    async def by_asyncio() -> list[Any]:
        async with AsyncClient(address) as client, client.bulk_sender(BulkOptions(max_requests=50)) as sender:
            futures = [await sender.send(USER, str(number), "m", channels=["websocket"]) for number in range(count)]
        return list(await asyncio.gather(*futures))

    def by_threads() -> list[Any]:
        with Client(address) as client, client.bulk_sender(BulkOptions(max_requests=50)) as sender:
            futures = [sender.send(USER, str(number), "m", channels=["websocket"]) for number in range(count)]
        return [future.result() for future in futures]

    results: list[Any] = []
    sending = threading.Thread(
        target=lambda: results.extend(by_threads() if kind == "sync" else asyncio.run(by_asyncio()))
    )
    sending.start()
    try:
        for least in (500, 2_000):
            eventually(partial(reached, least), timeout=60)
            process.kill()
            process.close()
            process = ServerProcess(tmp_path, "--dev", "--listen", address)
            assert process.address == address
        sending.join(60)
        assert not sending.is_alive()
        assert len({result.notification.id for result in results}) == count
        assert stored() == count
    finally:
        process.close()
