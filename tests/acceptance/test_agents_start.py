"""How ``tocsin mcp`` starts, and the one line that says why it does not."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.process import PATIENCE, Ended, ServerProcess, command, environment, run, serving

TOKENS = {"reader": "read", "relay": "relay", "router": "route"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    entries = ",".join(f"{name}:{scope}:{hashlib.sha256(name.encode()).hexdigest()}" for name, scope in TOKENS.items())
    with serving(tmp_path_factory.mktemp("server"), "--dev", TOCSIN_AUTH_TOKENS=entries) as running:
        yield running


def started(server: ServerProcess, folder: Path, *arguments: str, **settings: str) -> Ended:
    return run(folder, "mcp", *arguments, **{"TOCSIN_SERVER": server.address, **settings})


@pytest.mark.parametrize(
    ("arguments", "token", "status", "said"),
    [
        ((), "router", 0, ""),
        (("--read-only",), "reader", 0, ""),
        ((), "", 1, "give a token with --token or TOCSIN_TOKEN"),
        ((), "nobody's", 1, "the server does not know this token"),
        ((), "relay", 1, "the token of relay allows none of the tools: it has the scope relay"),
        (("--http", "127.0.0.1"), "", 2, "--http: '127.0.0.1' is not host:port"),
        (("--http", "127.0.0.1:0"), "router", 2, "leave out --token, and unset TOCSIN_TOKEN"),
        (("--http", "0.0.0.0:0"), "", 1, "allow it with --insecure"),
        (("--allow-host", "agents.example.org"), "router", 2, "belong to --http"),
        (("--calls-per-minute", "1"), "router", 2, "'--calls-per-minute'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    server: ServerProcess, tmp_path: Path, arguments: tuple[str, ...], token: str, status: int, said: str
) -> None:
    settings = {"TOCSIN_TOKEN": token} if token else {}
    ended = started(server, tmp_path, *arguments, **settings)
    assert (ended.status, ended.output) == (status, ""), ended.errors
    assert said in ended.errors
    assert "Traceback" not in ended.errors
    if status == 1:
        assert ended.errors.startswith("tocsin: ")
        assert ended.errors.count("\n") == 1


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    for arguments in ((), ("--http", "127.0.0.1:0")):
        ended = run(tmp_path, "mcp", *arguments, TOCSIN_SERVER="127.0.0.1:9")
        assert ended.status == 1
        assert ended.errors.startswith("tocsin: cannot reach a server at 127.0.0.1:9 (")
        assert ended.errors.endswith("To start one: tocsin serve\n")


def test_a_port_that_is_taken_is_named(server: ServerProcess, tmp_path: Path) -> None:
    ended = started(server, tmp_path, "--http", server.address)
    assert ended.status == 1
    assert ended.errors == f"tocsin: cannot listen on {server.address}: Address already in use (--http)\n"


@pytest.mark.parametrize("missing", ["mcp", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from tocsin_server.cli.app import run\n"
        "sys.argv = ['tocsin', 'mcp']\n"
        "run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "tocsin: this command needs the extra `mcp`, which is not installed: pip install '.[server,mcp]' in the folder "
        "with Tocsin's source\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_over_http_it_says_where_it_is_and_ends_with_a_signal(
    server: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        command("mcp", "--http", "127.0.0.1:0"),
        cwd=tmp_path,
        env=environment({"TOCSIN_SERVER": server.address}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[0].startswith("Tocsin serves agents on http://127.0.0.1:")
    assert lines[1:] == [
        f"  server    {server.address}\n",
        "  access    each caller brings a bearer token, and has its rights\n",
        "  hosts     127.0.0.1, localhost, [::1]\n",
    ]
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize(
    "call",
    [
        '{"name":"whoami","arguments":{}}',
        '{"name":"list_undecided","arguments":{"wait_seconds":1}}',
    ],
)
def test_over_stdio_it_ends_quietly_when_the_program_that_started_it_dies(
    server: ServerProcess, tmp_path: Path, call: str
) -> None:
    process = subprocess.Popen(
        command("mcp"),
        cwd=tmp_path,
        env=environment({"TOCSIN_SERVER": server.address, "TOCSIN_TOKEN": "router"}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    hello = '"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}'
    process.stdin.write(f'{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{{hello}}}}}\n')
    process.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    process.stdin.flush()
    assert '"id":1' in process.stdout.readline()
    process.stdout.close()
    process.stdin.write(f'{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{call}}}\n')
    process.stdin.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(PATIENCE), errors) == (0, "")
