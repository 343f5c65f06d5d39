"""What an operator reads while something is wrong, from the real process: what it is, in few lines, and its end.

A kind of event has at most 20 lines a minute; what one outage makes thousands of callers meet is one line.
"""

from __future__ import annotations

import contextlib
import http.client
import re
from collections import Counter
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from helpers.calls import DEADLINE, EMAIL, FAILED, Api, channel_of, request, user
from helpers.postgresql import PostgresqlServer, free_port
from helpers.process import ServerProcess, serving
from helpers.smtp_server import SmtpServer, refuse
from helpers.waiting import eventually
from tocsin_server.bridge.health import READY
from tocsin_server.telemetry.bound import LINES

ADDRESS, BODY = "ann@example.org", "The vault code is 4711."
MANY = 60


def told(server: ServerProcess) -> Counter[str]:
    """Count the lines at WARNING and above by event; none may have what is private in it."""
    lines = [line for line in server.errors.splitlines() if re.match(r"\S+ (WARNING|ERROR|CRITICAL) ", line)]
    assert not [line for line in lines if ADDRESS in line or BODY in line or "s3cret" in line]
    events = Counter(found[1] if (found := re.search(r"\[event=(\w+)", line)) else line for line in lines)
    assert max(events.values(), default=0) <= LINES
    return events


def left_out(server: ServerProcess, event: str) -> int:
    """Return how many lines of an event were counted in place of being written."""
    found = re.findall(rf"\[event={event} .*left_out=(\d+)", server.errors)
    return sum(map(int, found))


def mail_settings(url: str) -> dict[str, str]:
    return {"TOCSIN_SMTP_URL": url, "TOCSIN_EMAIL_FROM": "noreply@shop.example"}


def send_many(api: Api) -> list[str]:
    requests = [request(user(), (EMAIL, ADDRESS), message=BODY) for _ in range(MANY)]
    return [result.response.notification.id for result in api.batch(*requests)]


def test_mailboxes_that_do_not_exist_are_a_line_each_and_then_a_number(tmp_path: Path) -> None:
    with SmtpServer() as relay:
        relay.script(*(refuse("rcpt", f"550 5.1.1 {ADDRESS} is unknown here") for _ in range(MANY)))
        with serving(tmp_path, **mail_settings(relay.url)) as server, Api(server.address) as api:
            sent = send_many(api)
            eventually(lambda: all(channel_of(api.get(one), EMAIL).status == FAILED for one in sent))
            server.terminate()
            assert server.wait() == 0
            assert told(server) == {"delivery_failed": LINES}
            assert left_out(server, "delivery_failed") == MANY - LINES + 1


def test_a_wrong_password_is_told_by_name_and_not_for_each_mail(tmp_path: Path) -> None:
    with SmtpServer(credentials=("tocsin", "a-new-one")) as relay:
        url = relay.url.replace("a-new-one", "s3cret")
        with serving(tmp_path, **mail_settings(url)) as server, Api(server.address) as api:
            send_many(api)
            eventually(lambda: "event=provider_failing" in server.errors)
            server.terminate()
            assert server.wait() == 0
            events = told(server)
    assert events.keys() == {"credentials_refused", "provider_failing"}
    assert events["provider_failing"] == 1


def test_a_relay_that_is_down_is_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, **mail_settings(f"smtp://127.0.0.1:{free_port()}")) as server, Api(server.address) as api:
        send_many(api)
        eventually(lambda: "event=provider_failing" in server.errors)
        server.terminate()
        assert server.wait() == 0
        assert told(server) == {"provider_failing": 1}


def statuses(api: Api) -> dict[str, str]:
    """Return what the health service says of the server, and of what needs the database."""
    answer = health_pb2_grpc.HealthStub(api.channel).List(health_pb2.HealthListRequest(), timeout=DEADLINE)
    names = {"": "server", READY: "ready"}
    word = health_pb2.HealthCheckResponse.ServingStatus.Name
    return {names[name]: word(one.status) for name, one in answer.statuses.items() if name in names}


def probe(address: str, path: str) -> int:
    """Ask a bridge how it is."""
    connection = http.client.HTTPConnection(address, timeout=DEADLINE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def test_a_database_that_is_stopped_is_told_once_by_whoever_needs_it_and_once_when_it_is_back(tmp_path: Path) -> None:
    postgresql = PostgresqlServer()
    try:
        settings = {
            "TOCSIN_DATABASE_URL": postgresql.create_database(),
            "TOCSIN_LEASE": "1s",
            "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0",
        }
        with serving(tmp_path, "--dev", "--bridge", **settings) as server, Api(server.address) as api:
            bridge = eventually(lambda: re.findall(r"ws://(\S+)/ws", server.output))[0]
            api.send(request(user(), (EMAIL, ADDRESS)))
            assert statuses(api) == {"server": "SERVING", "ready": "SERVING"}
            assert (probe(bridge, "/healthz"), probe(bridge, "/readyz")) == (200, 200)
            postgresql.stop()
            answers: Counter[grpc.StatusCode] = Counter()
            for _ in range(MANY):
                try:
                    api.stub.Send(request(user(), (EMAIL, ADDRESS), message=BODY), timeout=DEADLINE)
                except grpc.RpcError as error:
                    answers[error.code()] += 1
            assert answers == {grpc.StatusCode.UNAVAILABLE: MANY}
            eventually(lambda: "event=claim_failed" in server.errors)
            eventually(lambda: statuses(api) == {"server": "SERVING", "ready": "NOT_SERVING"})
            eventually(lambda: probe(bridge, "/readyz") == 503)
            assert probe(bridge, "/healthz") == 200
            postgresql.start()
            # Nobody calls: it is found out all the same.
            eventually(lambda: "event=database_back" in server.errors)
            eventually(lambda: statuses(api) == {"server": "SERVING", "ready": "SERVING"})
            eventually(lambda: probe(bridge, "/readyz") == 200)
            server.terminate()
            assert server.wait() == 0
            events = told(server)
            assert events["database_away"] == events["database_back"] == 1
            assert sum(events.values()) <= LINES
    finally:
        postgresql.remove()
