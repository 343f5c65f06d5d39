"""The bus over PostgreSQL where it differs from others: sessions that are ended, payloads, strangers on the channel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg2
import pytest

from helpers.postgresql import temporary_database
from helpers.replica import EPOCH, Replica, exchange, hint, replicas, terminate_connections, user
from helpers.waiting import eventually
from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus import postgresql as bus_postgresql
from tocsin_server.feed.bus.hints import Hint
from tocsin_server.feed.bus.postgresql import CHANNEL, LONGEST_PAYLOAD


@pytest.fixture
def url() -> Iterator[str]:
    with temporary_database() as url:
        yield url


def execute(url: str, statement: str, *arguments: object) -> None:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)


def test_a_session_that_an_administrator_ends_is_made_again(url: str) -> None:
    to = user()
    with replicas(url) as (here, there):
        there.join(to)
        for count in (2, 3):
            assert terminate_connections(url) == 2
            here.wait_for_reset(count)
            there.wait_for_reset(count)
            exchange(here, there, [to])


def test_many_recipients_with_the_longest_lines_go_through_at_once(url: str) -> None:
    largest = 2**63 - 1
    several = [Recipient(RecipientType.POTENTIAL_CUSTOMER, user().id) for _ in range(2_000)]
    with replicas(url) as (here, there):
        there.join(*several)
        here.bus.publish([Hint(to, FeedPosition(EPOCH, largest)) for to in several])
        for to in several:
            there.wait_for(to, largest)
        assert (here.resets, there.resets) == (1, 1)


def test_the_longest_payload_is_what_notify_takes(url: str) -> None:
    execute(url, "SELECT pg_notify(%s, %s)", CHANNEL, "x" * LONGEST_PAYLOAD)
    with pytest.raises(psycopg2.Error, match="payload string too long"):
        execute(url, "SELECT pg_notify(%s, %s)", CHANNEL, "x" * (LONGEST_PAYLOAD + 1))


def test_hints_are_gathered_between_two_statements_and_the_last_ones_go_out_at_the_close(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, other = user(), user()
    with replicas(url) as (here, there):
        there.join(to, other)
        monkeypatch.setattr(bus_postgresql, "INTERVAL", 3600.0)
        here.publish(to, 1)
        there.wait_for(to, 1)
        for sequence in range(2, 50):
            here.publish(to, sequence)
        here.publish(other, 1)
        here.close()
        there.wait_for(other, 1)
        assert there.hints == {to: [1, 49], other: [1]}


def test_what_strangers_say_on_the_channel_is_passed_over(url: str) -> None:
    to = user()
    with replicas(url, 1) as [there]:
        there.join(to)
        for payload in ("", "hello", f"user {to.id} one two", "user"):
            execute(url, "SELECT pg_notify(%s, %s)", CHANNEL, payload)
        execute(url, "SELECT pg_notify(%s, %s)", CHANNEL, f"user {to.id} {EPOCH} 5")
        there.wait_for(to, 5)
        assert there.hints == {to: [5]}
        assert there.resets == 1


def test_hints_whose_statement_fails_are_published_later(url: str) -> None:
    execute(
        url,
        "CREATE FUNCTION pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'not now'; END $$",
    )
    to = user()
    with replicas(url, 1) as [there], Replica(f"{url}?options=-csearch_path%3Dpublic,pg_catalog", hint(to, 1)) as here:
        there.join(to)
        here.publish(to, 2)
        here.wait_for_reset(2)
        assert there.hints == {}
        execute(url, "DROP FUNCTION public.pg_notify(text, text)")
        there.wait_for(to, 2)
        assert there.hints == {to: [2]}


def test_replicas_on_other_databases_of_the_server_hear_nothing(url: str) -> None:
    to = user()
    with temporary_database() as other, replicas(url) as (here, there), replicas(other, 1) as [stranger]:
        there.join(to)
        stranger.join(to)
        stranger.publish(to, 1)
        here.publish(to, 2)
        there.wait_for(to, 2)
        assert there.hints == {to: [2]}


def test_refused_credentials_are_logged_without_the_password_until_they_are_good(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tocsin_server.feed.bus.connection")
    role = f"role_{urlsplit(url).path[1:]}"
    parts = urlsplit(url)
    mistaken = parts._replace(netloc=f"{role}:open-sesame@{parts.netloc.rpartition('@')[2]}").geturl()
    with Replica(mistaken) as replica:
        eventually(lambda: "bus_lost" in [record.event for record in caplog.records])  # type: ignore[attr-defined]
        assert role in str(vars(caplog.records[0]))
        assert replica.resets == 0
        execute(url, f"CREATE ROLE {role} LOGIN PASSWORD 'open-sesame'")
        try:
            replica.wait_for_reset()
            replica.close()
        finally:
            execute(url, f"DROP ROLE {role}")
    assert not any("sesame" in str(vars(record)) for record in caplog.records)
