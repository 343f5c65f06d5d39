"""The examples of the Python client, each a program of its own, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.postgresql import free_port
from helpers.process import PATIENCE, ServerProcess, environment, serving
from helpers.waiting import eventually
from tocsin_client import Client

EXAMPLES = Path(__file__).parents[2] / "clients" / "python" / "examples"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("server"), "--dev") as running:
        yield running


def start(server: ServerProcess, name: str, folder: Path) -> subprocess.Popen[str]:
    """Start an example, with the server that it asks for."""
    settings = environment({"TOCSIN_SERVER": server.address, "PYTHONWARNINGS": "error"})
    return subprocess.Popen(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(server: ServerProcess, name: str, folder: Path) -> str:
    process = start(server, name, folder)
    said, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    return said


def test_there_is_a_test_of_every_example() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} - {"one_sentence"} == {
        "send",
        "send_batch",
        "send_bulk",
        "send_async",
        "contacts",
        "operate",
        "follow",
        "decide",
        "decide_by_model",
        "agent_session",  # by test_agent_session
    }


@pytest.mark.timeout(180)
def test_without_a_server_an_example_ends_with_one_sentence(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    settings = environment(
        {"TOCSIN_SERVER": nowhere, "PYTHONWARNINGS": "error", "OPENAI_BASE_URL": f"http://{nowhere}"}
    )
    # All but the one that waits for a server as long as it takes.
    names = sorted({path.stem for path in EXAMPLES.glob("*.py")} - {"one_sentence", "follow"})
    started = {
        name: subprocess.Popen(
            [sys.executable, EXAMPLES / f"{name}.py"],
            cwd=tmp_path, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in names
    }  # fmt: skip
    for name, process in started.items():
        said, errors = process.communicate(timeout=120)  # some go on trying for as long as a call may take
        assert (process.returncode, said) == (1, ""), name
        *before, last = errors.splitlines()
        assert last.startswith(f"{name}.py: "), errors
        # `tocsin mcp`, which it starts, says by itself why it ends.
        assert len(before) == (name == "agent_session"), errors


def test_a_model_that_is_not_named_is_asked_for(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "decide_by_model.py"],
        cwd=tmp_path, env=environment({}), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "set OPENAI_BASE_URL" in ended.stderr


def test_operate_pauses_looks_and_erases(server: ServerProcess, tmp_path: Path) -> None:
    with Client(server.address) as client:
        client.send("user:ext:erased", "T", "M", channels=["websocket"])
    said = output(server, "operate", tmp_path).splitlines()
    assert [line for line in said if line.startswith(("websocket", "sms"))] == [
        "websocket 0 due, sends",
        "sms 0 due, paused",
    ]
    assert sorted(said[-5:]) == [
        "1 erased", "idempotency_keys", "notification_channels", "notifications", "recipient_feeds"
    ]  # fmt: skip


def test_send_is_told_of_a_repetition_and_of_what_is_wrong(server: ServerProcess, tmp_path: Path) -> None:
    stored, wrong = output(server, "send", tmp_path).splitlines()
    assert re.fullmatch(f"{UUID} is stored", stored)
    assert wrong.startswith("channels[0].address: must be ")
    again, _ = output(server, "send", tmp_path).splitlines()
    assert again == stored.replace("is stored", "was stored before")


def test_send_batch_prints_what_became_of_each(server: ServerProcess, tmp_path: Path) -> None:
    first, second = output(server, "send_batch", tmp_path).splitlines()
    assert re.fullmatch(f"order-ABC124-shipped {UUID}", first)
    assert re.fullmatch(f"order-ABC125-shipped {UUID}", second)


def test_send_bulk_prints_how_many_are_stored(server: ServerProcess, tmp_path: Path) -> None:
    assert output(server, "send_bulk", tmp_path) == "1000 are stored\n"


def test_send_async_prints_the_notification(server: ServerProcess, tmp_path: Path) -> None:
    assert "title='Your code'" in output(server, "send_async", tmp_path)


def test_contacts_prints_whom_it_has_put(server: ServerProcess, tmp_path: Path) -> None:
    assert output(server, "contacts", tmp_path) == "user:ext:42 ann@example.org pt-BR Europe/Lisbon\n"


def test_follow_goes_on_where_it_stopped(server: ServerProcess, tmp_path: Path) -> None:
    user = ("user", "0190a5d0-0000-7000-8000-000000000001")
    with Client(server.address) as client:
        for title in ("First", "Second"):
            client.send(user, title, "M", channels=["websocket"])
            process = start(server, "follow", tmp_path)
            assert process.stdout is not None
            # Other tests of this module send to the same person.
            assert any(line.startswith(title) for line in iter(process.stdout.readline, ""))
            eventually((tmp_path / "cursor").exists)
            process.terminate()
            process.communicate(timeout=PATIENCE)
            assert (tmp_path / "cursor").read_text()


def test_a_program_decides_what_was_deferred(server: ServerProcess, tmp_path: Path) -> None:
    process = start(server, "decide", tmp_path)
    try:
        with Client(server.address) as client:
            to = ("user", "0190a5d0-0000-7000-8000-00000000dec1")
            sent = client.send(to, title="Shipped", message="Your order is on its way.", deferred=True).notification
            assert process.stdout is not None
            assert process.stdout.readline() == "Shipped -> websocket\n"
            [decision] = client.explain(sent.id)
            assert (decision.by, decision.reason, decision.decider) == ("decider", "0 unread", "decide.py 1")
    finally:
        process.kill()
        process.communicate()
