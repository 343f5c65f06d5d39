"""Several real processes on one port, over a real PostgreSQL: started, killed, stopped, orphaned, refused."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from helpers.browser_socket import BrowserSocket, http
from helpers.calls import DEADLINE, EMAIL, Api, request, user
from helpers.postgresql import temporary_database
from helpers.process import Ended, ServerProcess, is_alive, is_open, run, serving
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually
from tocsin_server.config.network import ListenAddress

TWO = ("--workers", "2")
PORT = ("--listen", "127.0.0.1:0")


@pytest.fixture
def database() -> Iterator[str]:
    with temporary_database() as url:
        yield url


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def complaint(ended: Ended) -> str:
    """Return the one line with which a command refused."""
    assert ended.status == 1, ended
    assert ended.output == ""
    [line] = ended.errors.splitlines()
    assert line.startswith("tocsin: ")
    return line.removeprefix("tocsin: ")


def logged(server: ServerProcess, event: str) -> list[dict[str, str]]:
    """Return the fields of an event, each time that it was logged so far."""
    lines = [line for line in server.errors.splitlines() if f"[event={event} " in line]
    return [dict(re.findall(r"(\w+)=(\S+?)(?=[ \]])", line)) for line in lines]


def listens(server: ServerProcess) -> bool:
    host, port = server.address.rsplit(":", 1)
    return is_open(ListenAddress(host, int(port)))


def works(address: str) -> None:
    """Make a connection and use it; nothing may fail."""
    with Api(address) as api:
        to = user()
        sent = api.send(request(to)).id
        assert api.get(sent).id == sent
        assert api.unread(to) == 1
        health = health_pb2_grpc.HealthStub(api.channel).Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


# -- starting ------------------------------------------------------------------------------------


def test_workers_share_one_port_and_it_is_said_once(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, *TWO, "--database", database, TOCSIN_LOG_LEVEL="info") as server:
        first, second = server.workers
        assert len({first, second, server.pid}) == 3
        assert is_alive(first)
        assert is_alive(second)
        assert server.output.count("Tocsin serves gRPC on") == 1
        assert not server.address.endswith(":0")
        assert "refused" not in server.output
        assert '"listen"' not in server.output, "what workers say to their parent stays with it"
        for _ in range(10):
            works(server.address)
        assert server.errors == ""


def test_what_one_worker_accepts_reaches_the_subscribers_of_all(tmp_path: Path, database: str) -> None:
    to = user()
    with serving(tmp_path, *TWO, TOCSIN_DATABASE_URL=database) as server, ExitStack() as stack:
        streams = []
        for _ in range(8):  # at random among two: all with the same one once in 128 times, and then nothing is lost
            api = stack.enter_context(Api(server.address))
            streams.append(stack.enter_context(api.subscribe(to)))
            streams[-1].subscribed()
        with Api(server.address) as sender:
            sent = [sender.send(request(to)).id for _ in range(5)]
        for stream in streams:
            assert stream.ids(5) == sent


def test_the_database_is_prepared_once_and_before_the_workers(tmp_path: Path, database: str) -> None:
    text = complaint(run(tmp_path, "serve", *PORT, *TWO, "--no-migrate", TOCSIN_DATABASE_URL=database))
    assert "tocsin migrate" in text
    assert run(tmp_path, "migrate", TOCSIN_DATABASE_URL=database).status == 0
    with serving(tmp_path, *TWO, "--no-migrate", TOCSIN_DATABASE_URL=database) as server:
        works(server.address)


def test_one_bridge_serves_beside_all_workers(tmp_path: Path, database: str) -> None:
    to = user()
    settings = {"TOCSIN_DATABASE_URL": database, "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0"}
    with serving(tmp_path, *TWO, "--bridge", **settings) as server:
        eventually(lambda: "bridge" in server.output)
        [found] = re.findall(r"^  bridge    ws://(\S+):(\d+)/ws$", server.output, re.MULTILINE)
        bridge = ListenAddress(found[0], int(found[1]))
        eventually(lambda: http(bridge, "/healthz")[0] == 200)
        with BrowserSocket(f"ws://{bridge}/ws") as page, Api(server.address) as api:
            page.subscribe(to)
            sent = api.send(request(to)).id
            assert page.ids(1) == [sent]
            server.terminate()
            assert page.ending() == (1001, "SHUTTING_DOWN")
        assert server.wait() == 0
        assert not is_open(bridge)


def test_options_reach_the_workers(tmp_path: Path, database: str) -> None:
    arguments = (*TWO, "--dev", "--insecure", "--listen", "0.0.0.0:0", "--database", database)
    with serving(tmp_path, *arguments) as server:
        port = server.address.rpartition(":")[2]
        with Api(f"127.0.0.1:{port}") as api:
            api.send(request(user(), (EMAIL, "ann@example.org")))
        eventually(lambda: list((tmp_path / "outbox").rglob("*.eml")))


# -- deaths --------------------------------------------------------------------------------------


def test_a_killed_worker_comes_back_while_the_others_serve(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, *TWO, TOCSIN_DATABASE_URL=database) as server:
        first, second = server.workers
        os.kill(first, signal.SIGKILL)
        [died] = eventually(lambda: logged(server, "worker_died"))
        assert (died["pid"], died["status"]) == (str(first), "-9")
        works(server.address)  # as long as none has come back, the other has it all
        [restarted] = eventually(lambda: logged(server, "worker_restarted"))
        assert restarted["worker"] == died["worker"]
        assert restarted["pid"] != died["pid"]
        assert is_alive(second)
        # And it serves: it is the only one now.
        os.kill(second, signal.SIGKILL)
        eventually(lambda: len(logged(server, "worker_died")) == 2)
        works(server.address)
        eventually(lambda: len(logged(server, "worker_restarted")) == 2)
        for _ in range(10):
            works(server.address)
        server.terminate()
        assert server.wait() == 0


def test_workers_do_not_outlive_their_parent_whatever_ends_it(tmp_path: Path, database: str) -> None:
    settings = {"TOCSIN_DATABASE_URL": database, "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0"}
    with serving(tmp_path, *TWO, "--bridge", **settings) as server, Api(server.address) as api:
        with api.subscribe(user()) as stream:
            stream.subscribed()
            server.signal(signal.SIGKILL)
            refusal = stream.ending()
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
            assert refusal.metadata["cursor"] == stream.cursor
        assert server.wait() == -signal.SIGKILL
        assert not listens(server)
        address = server.address
    with serving(tmp_path, *TWO, "--listen", address, TOCSIN_DATABASE_URL=database) as again:
        assert again.address == address
        works(address)


# -- stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "a terminal's Ctrl-C", "a service manager's SIGTERM to all"])
def test_a_stop_ends_streams_with_their_cursor_and_all_processes_with_success(
    tmp_path: Path, database: str, way: str
) -> None:
    with serving(tmp_path, *TWO, TOCSIN_DATABASE_URL=database) as server, ExitStack() as stack:
        workers = server.workers
        streams = []
        for _ in range(6):
            api = stack.enter_context(Api(server.address))
            streams.append(stack.enter_context(api.subscribe(user())))
            streams[-1].subscribed()
        if way == "a terminal's Ctrl-C":
            server.signal_group(signal.SIGINT)
        elif way == "a service manager's SIGTERM to all":
            for pid in (*workers, server.pid):
                os.kill(pid, signal.SIGTERM)
        else:
            server.signal(signal.Signals[way])
        for stream in streams:
            refusal = stream.ending()
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
            assert refusal.metadata["cursor"] == stream.cursor
        assert server.wait() == 0
        assert not any(map(is_alive, workers))
        assert "Traceback" not in server.errors
        assert not logged(server, "worker_killed")
        address = server.address
    # At once on the same port: what is left of the old connections must not be in the way.
    with serving(tmp_path, *TWO, "--listen", address, TOCSIN_DATABASE_URL=database) as again:
        assert again.address == address
        works(address)


def test_a_second_signal_ends_all_of_them_at_once(tmp_path: Path, database: str, smtp: SmtpServer) -> None:
    settings = {
        "TOCSIN_DATABASE_URL": database,
        "TOCSIN_SMTP_URL": smtp.url,
        "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
        "TOCSIN_SEND_TIMEOUT": "1h",
        "TOCSIN_SHUTDOWN_GRACE": "1h",
    }
    smtp.script(hang("content"))
    with (
        serving(tmp_path, *TWO, **settings) as server,
        Api(server.address) as api,
        api.subscribe(user()) as stream,
    ):
        stream.subscribed()
        api.send(request(user(), (EMAIL, "ann@example.org")))
        assert smtp.hanging.wait(DEADLINE)
        server.terminate()
        assert stream.ending().reason == "SHUTTING_DOWN"
        assert server.running, "the first signal waits for the attempt that is under way"
        server.terminate()
        assert server.wait() == 1
        assert "Traceback" not in server.errors
    smtp.release()


def test_a_worker_that_hangs_is_killed_in_the_end(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, *TWO, TOCSIN_DATABASE_URL=database, TOCSIN_SHUTDOWN_GRACE="400ms") as server:
        stopped, other = server.workers
        os.kill(stopped, signal.SIGSTOP)
        server.terminate()
        assert server.wait() == 0
        [killed] = logged(server, "worker_killed")
        assert killed["pid"] == str(stopped)
        assert not is_alive(stopped)
        assert not is_alive(other)


# -- refusing to start ---------------------------------------------------------------------------


def test_a_second_server_on_the_port_is_refused(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, *TWO, TOCSIN_DATABASE_URL=database) as server:
        listen = ("--listen", server.address)
        assert server.address in complaint(run(tmp_path, "serve", *listen))
        assert server.address in complaint(run(tmp_path, "serve", *listen, *TWO, TOCSIN_DATABASE_URL=database))
        works(server.address)


def test_workers_on_a_port_that_somebody_has_are_refused(tmp_path: Path, database: str) -> None:
    with serving(tmp_path) as server:
        ended = run(tmp_path, "serve", "--listen", server.address, *TWO, TOCSIN_DATABASE_URL=database)
        assert server.address in complaint(ended)
        works(server.address)


def test_a_file_cannot_be_served_by_several(tmp_path: Path) -> None:
    text = complaint(run(tmp_path, "serve", *PORT, *TWO))
    assert "one process serves a SQLite file" in text
    assert "TOCSIN_DATABASE_URL=postgresql://" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "settings", "named"),
    [
        ((), {"TOCSIN_BUS_URL": "memory://"}, "TOCSIN_BUS_URL"),
        (("--listen", "192.0.2.1:50051"), {}, "--insecure"),
        ((), {"TOCSIN_SMTP_URL": "smtp://shop:hunter2@mail.example"}, "TOCSIN_EMAIL_FROM"),
    ],
)
def test_what_is_wrong_is_named_once_before_anything_is_touched(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], named: str
) -> None:
    nowhere = "postgresql://tocsin:hunter2@127.0.0.1:9/tocsin"
    ended = run(tmp_path, "serve", *PORT, *TWO, *arguments, TOCSIN_DATABASE_URL=nowhere, **settings)
    text = complaint(ended)
    assert named in text
    assert "hunter2" not in text


@pytest.mark.parametrize("count", ["0", "65", "-1", "many"])
def test_a_number_of_workers_is_from_1_to_64(tmp_path: Path, count: str) -> None:
    ended = run(tmp_path, "serve", *PORT, "--workers", count)
    assert ended.status == 2
    assert "--workers" in ended.errors
    assert "Traceback" not in ended.errors


def test_one_worker_is_the_server_itself(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "1") as server:
        works(server.address)
        assert "workers" not in server.output
        server.kill()
        assert not listens(server), "nothing is left of it"
