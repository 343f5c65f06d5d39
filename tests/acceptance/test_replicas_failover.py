"""The database server dies for good, and a standby takes its place: replicas go over to it by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import psycopg2
import pytest

from helpers.calls import DEADLINE, SENT, WEBSOCKET, Api, channel_of, refused, request, user
from helpers.postgresql import PostgresqlServer
from helpers.process import ServerProcess
from helpers.waiting import eventually
from tocsin_client import Backoff, Client, NotificationEvent

QUICK = Backoff(initial=0.02, cap=0.2)


@pytest.fixture
def pair() -> Iterator[tuple[PostgresqlServer, PostgresqlServer]]:
    """A primary, and a standby that has whatever the primary says it has committed."""
    primary = PostgresqlServer()
    standby = PostgresqlServer(primary=primary)
    with contextlib.closing(psycopg2.connect(primary.url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        cursor.execute("SELECT pg_reload_conf()")
    yield primary, standby
    primary.remove()
    standby.remove()


def test_replicas_find_the_promoted_standby_and_nothing_accepted_is_lost(
    tmp_path: Path, pair: tuple[PostgresqlServer, PostgresqlServer]
) -> None:
    primary, standby = pair
    name = primary.create_database().rpartition("/")[2]
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://tocsin@{hosts}/{name}?target_session_attrs=read-write"
    to = user()
    with contextlib.ExitStack() as stack:
        servers = [ServerProcess(tmp_path, TOCSIN_DATABASE_URL=url) for _ in range(2)]
        for server in servers:
            stack.callback(server.close)
        here, there = (stack.enter_context(Api(server.address)) for server in servers)
        client = stack.enter_context(Client(servers[1].address, reconnect=QUICK))
        events = stack.enter_context(client.subscribe(("user", to.id)))
        next(events)
        accepted = [here.send(request(to)).id for _ in range(20)]

        primary.stop("immediate")
        wanted = request(to, idempotency_key="in between", title="In between")
        assert refused(lambda: here.send(wanted)).reason == "DATABASE_UNAVAILABLE"
        standby.promote()

        def accepted_again() -> bool:
            with contextlib.suppress(grpc.RpcError):
                accepted.append(here.stub.Send(wanted, timeout=DEADLINE).notification.id)
                return True
            return False

        eventually(accepted_again)
        accepted += [there.send(request(to)).id for _ in range(20)]
        seen: list[str] = []
        while len(set(seen)) < len(accepted):
            event = next(events)
            if isinstance(event, NotificationEvent):
                seen.append(event.notification.id)
        assert list(dict.fromkeys(seen)) == accepted
        assert [one.id for one in here.list(recipient=to, feed_only=True).notifications] == accepted[::-1]
        assert there.unread(to) == len(accepted)
        eventually(lambda: all(channel_of(there.get(one), WEBSOCKET).status == SENT for one in accepted))
