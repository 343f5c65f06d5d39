"""Agents over HTTP: whose token a call is made with, which hosts' names are answered, and what strangers cost."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import jwt
import pytest
from mcp.shared.exceptions import MCPError

from helpers.agents import agent_over_http, agent_over_stdio, serving_agents
from helpers.feeds import turns
from helpers.process import PATIENCE
from helpers.server import ServerUnderTest, running_server
from helpers.silent_server import SilentServer
from tocsin_client import AsyncClient, Caller, Client, Unauthenticated
from tocsin_server.agents import callers as callers_of_agents
from tocsin_server.agents.callers import MOST_ASKED, MOST_KEPT, Callers
from tocsin_server.agents.server import AgentServer
from tocsin_server.agents.serving import MOST_CONNECTIONS, Offer, check_reach, security, serve_http
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ConfigurationError

NAMES: Final = {"shop": "send+read", "router": "route", "other": "route"}
SECRET: Final = "a secret of at least thirty-two bytes"
SOMEBODY: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
PING: Final = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS: Final = {"Accept": "application/json, text/event-stream", "Authorization": "Bearer router"}


def entry(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(name.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("server")
    tokens = [entry(*pair) for pair in NAMES.items()]
    with running_server(folder, dev=True, auth_tokens=tokens, jwt_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def url(server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_agents(
        tmp_path_factory.mktemp("agents"), server.address, "--allow-host", "agents.example.org"
    ) as found:
        yield found


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_agent_has_the_rights_and_the_name_of_its_own_token(
    server: ServerUnderTest, url: str, mode: str
) -> None:
    with Client(server.address, token="shop") as shop:
        to = f"user:ext:{mode}"
        sent = shop.send(to, "T", "M", deferred=True, category=f"http.{mode}", addresses={"email": "a@example.org"})
    async with (
        agent_over_http(url, "router", mode) as router,
        agent_over_http(url, "shop", mode) as reader,
        agent_over_http(url, "other", mode) as other,
    ):
        names = await asyncio.gather(*(agent.do("whoami") for agent in (router, reader, other) * 5))
        assert [found["name"] for found in names] == ["router", "shop", "other"] * 5
        assert "decide" in await router.tools()
        assert "decide" not in await reader.tools()
        [given] = (await router.do("list_undecided", category=f"http.{mode}"))["undecided"]
        held = {name: given[name] for name in ("notification_id", "lease_token")}
        await router.do("decide", **held, channels=["email"], reason="because", model="test 1")
        [told] = (await reader.do("explain", notification_id=sent.notification.id))["decisions"]
        assert told["name"] == "router"
        assert "only what it decided" in await other.refusal("explain", notification_id=sent.notification.id)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_any_process_answers_any_request_of_an_agent(server: ServerUnderTest, tmp_path: Path, mode: str) -> None:
    with serving_agents(tmp_path, server.address) as one, serving_agents(tmp_path, server.address) as other:
        ports = itertools.cycle(httpx2.URL(url).port for url in (one, other))
        asked: set[int | None] = set()

        async def to_the_next(request: httpx2.Request) -> None:
            request.url = request.url.copy_with(port=next(ports))
            asked.add(request.url.port)

        async with agent_over_http(one, "router", mode, on_request=to_the_next) as agent:
            assert await agent.tools() == ["whoami", "list_undecided", "preview_decision", "decide", "explain"]
            for _ in range(3):
                assert (await agent.do("whoami"))["name"] == "router"
        assert len(asked) == 2


@pytest.mark.parametrize("transport", ["stdio", "auto", "legacy"])
async def test_a_call_that_an_agent_breaks_off_ends_that_call_alone(
    server: ServerUnderTest, url: str, tmp_path: Path, transport: str
) -> None:
    agents = (
        agent_over_stdio(tmp_path, server.address, TOCSIN_TOKEN="router")
        if transport == "stdio"
        else agent_over_http(url, "router", transport)
    )
    wanted = f"broken.{transport}"
    async with agents as agent:
        for _ in range(2):
            waiting = {"wait_seconds": 30, "category": wanted}
            with pytest.raises(MCPError):
                await agent.client.call_tool("list_undecided", waiting, read_timeout_seconds=0.5)
        assert (await agent.do("whoami"))["name"] == "router"
        if transport != "legacy":  # which does not hang up, and says so in a request that no session connects
            with Client(server.address, token="shop") as shop:
                shop.send("user:ext:waits", "T", "M", deferred=True, category=wanted)
            assert len((await agent.do("list_undecided", category=wanted))["undecided"]) == 1, "nobody else holds it"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer nobody's"}, 401),
        ({"Authorization": f"Bearer {'t' * 9_000}"}, 401),
        ({"Authorization": "Basic cm91dGVy"}, 401),
        ({"Host": "evil.example.org"}, 421),
        ({"Host": "127.0.0.1.evil.example.org:80"}, 421),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Content-Type": "text/plain"}, 400),
        ({"Host": "agents.example.org"}, 200),
        ({"Host": "agents.example.org:8443", "Origin": "https://agents.example.org:8443"}, 200),
    ],
)
async def test_who_may_not_come_is_sent_away(url: str, headers: dict[str, str], status: int) -> None:
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            url, content=json.dumps(PING), headers={"Content-Type": "application/json"} | HEADERS | headers
        )
    assert answer.status_code == status, answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_what_is_no_request_of_the_protocol_is_refused_and_it_goes_on(url: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS | {"Content-Type": "application/json"}) as http:
        large = await http.post(url, content=b'{"a":"' + b"x" * 300_000 + b'"}')
        assert large.status_code == 413
        for body in (b"", b"[]", b"\xff", b'{"jsonrpc":"2.0"}', b"[" * 100_000):
            assert 400 <= (await http.post(url, content=body)).status_code < 500
        assert (await http.get(url.replace("/mcp", "/"))).status_code == 404
    async with agent_over_http(url, "router") as agent:
        assert (await agent.do("whoami"))["name"] == "router"


async def test_whoever_was_sent_away_leaves_nothing_behind(server: ServerUnderTest) -> None:
    async with AsyncClient(server.address) as behind:
        callers = Callers(behind, bearer=True)
        agents = AgentServer(callers, verifier=callers)
        app = agents.streamable_http_app(
            json_response=True, stateless_http=True, transport_security=security(["agents.example.org"])
        )
        transport = httpx2.ASGITransport(app=app)
        async with (
            agents.session_manager.run(),
            httpx2.AsyncClient(transport=transport, base_url="http://agents.example.org") as http,
        ):
            statuses = set()
            for headers in (
                {},
                {"Host": "evil.example.org"},
                {"Authorization": "Bearer nobody's"},
                {"Accept": "text/html"},
            ):
                for body in (PING, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}):
                    statuses.add((await http.post("/mcp", json=body, headers=HEADERS | headers)).status_code)
            # The library once kept a session of each request that it refused (python-sdk#3228).
            assert agents.session_manager._server_instances == {}
    assert {401, 406, 421} <= statuses


async def test_wrong_tokens_keep_nobody_out_and_are_forgotten(server: ServerUnderTest) -> None:
    async with AsyncClient(server.address) as behind:
        callers = Callers(behind, bearer=True)
        good = await callers.verify_token("router")
        assert good is not None
        assert (good.client_id, good.scopes) == ("router", ["route"])
        answers = [await callers.verify_token(f"wrong-{number}") for number in range(1_500)]
        assert answers == [None] * 1_500
        assert len(callers._known) == MOST_KEPT
        recipients = jwt.encode({"sub": f"user:{SOMEBODY}", "exp": int(time.time()) + 600}, SECRET, "HS256")
        for odd in ("", "x" * 9_000, "smörgås", "two\nlines", recipients):
            assert await callers.verify_token(odd) is None
        assert await callers.verify_token("other") is not None


async def test_a_token_is_asked_about_once_in_a_while() -> None:
    now = 0.0

    class Asked:
        times = 0

        def with_token(self, _token: str) -> Asked:
            return self

        async def who_am_i(self, **_: Any) -> Caller:
            self.times += 1
            return Caller("router", ("route",), frozenset())

    behind: Any = Asked()
    callers = Callers(behind, bearer=True, clock=lambda: now)
    for now, times in ((0.0, 1), (29.0, 1), (31.0, 2)):  # noqa: B007 - the clock reads it
        assert await callers.verify_token("router") is not None
        assert behind.times == times


async def test_tokens_of_strangers_hold_nobody_up_while_the_server_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SilentServer() as silent:
        async with AsyncClient(silent.address) as behind:
            monkeypatch.setattr(callers_of_agents, "ASKED_FOR", 0.1)
            callers = Callers(behind, bearer=True)
            strangers = [callers.verify_token(f"wrong-{number}") for number in range(10 * MOST_ASKED)]
            found = await asyncio.wait_for(asyncio.gather(*strangers, callers.verify_token("router")), PATIENCE)
    assert {one.client_id for one in found if one is not None} == {"unknown"}, "the tools will say it in a sentence"


async def test_strangers_who_are_refused_at_a_pace_hold_up_nobody_who_is_known() -> None:
    class Slow:
        """A server that lets strangers wait."""

        def __init__(self, token: str = "") -> None:
            self._token = token

        def with_token(self, token: str) -> Slow:
            return Slow(token)

        async def who_am_i(self, **_: Any) -> Caller:
            if self._token != "router":
                await asyncio.Event().wait()
            return Caller("router", ("route",), frozenset())

    behind: Any = Slow()
    callers = Callers(behind, bearer=True)
    strangers = [
        asyncio.ensure_future(callers.verify_token(f"wrong-{number}")) for number in range(MOST_CONNECTIONS - 1)
    ]
    await turns()
    good = await callers.verify_token("router")
    for stranger in strangers:
        stranger.cancel()
    await asyncio.wait(strangers)
    assert good is not None
    assert good.client_id == "router", "not unknown, as when it could not be asked about"


async def test_while_the_server_is_away_the_tools_say_so(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, dev=True, auth_tokens=[entry("router", "route")]) as away,
        serving_agents(tmp_path, away.address) as url,
    ):
        async with agent_over_http(url, "router") as agent:
            assert (await agent.do("whoami"))["name"] == "router"
            away.stop()
            said = await agent.refusal("list_undecided")
            assert said.startswith("The Tocsin server can")
            assert "same call again" in said


async def test_calls_are_counted_for_each_token_by_itself(server: ServerUnderTest, tmp_path: Path) -> None:
    with serving_agents(tmp_path, server.address, "--calls-per-minute", "4") as url:
        async with agent_over_http(url, "router") as router, agent_over_http(url, "other") as other:
            await router.do("whoami")
            assert "at most 4 a minute" in await router.refusal("whoami")
            await other.do("whoami")


async def test_a_server_without_credentials_serves_agents_without(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as open_to_all, serving_agents(tmp_path, open_to_all.address) as url:
        async with agent_over_http(url) as agent:
            assert (await agent.do("whoami"))["name"] == ""


# -- where it may listen ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "names", "insecure", "problem"),
    [
        ("127.0.0.1", [], False, ""),
        ("::1", [], False, ""),
        ("0.0.0.0", ["agents.example.org"], False, "tokens would travel in the clear"),  # noqa: S104
        ("0.0.0.0", [], True, "by names that are not known here"),  # noqa: S104
        ("0.0.0.0", ["agents.example.org"], True, ""),  # noqa: S104
        ("127.0.0.1", ["http://agents.example.org"], False, "is not the name of a host"),
        ("127.0.0.1", ["*"], False, "is not the name of a host"),
        ("127.0.0.1", [""], False, "is not the name of a host"),
    ],
)
def test_it_listens_beyond_this_machine_only_where_it_was_told_to(
    host: str, names: list[str], insecure: bool, problem: str
) -> None:
    if not problem:
        check_reach(ListenAddress(host, 1), names, insecure=insecure)
        return
    with pytest.raises(ConfigurationError) as refused:
        check_reach(ListenAddress(host, 1), names, insecure=insecure)
    assert problem in str(refused.value)
    assert str(refused.value).startswith("--")


def test_a_name_with_a_port_is_answered_at_that_port_alone() -> None:
    allowed = security(["[::1]", "a.example:1"])
    assert allowed.allowed_hosts == ["[::1]", "[::1]:*", "a.example:1"]
    assert "https://a.example:1" in allowed.allowed_origins


async def test_callers_tokens_do_not_travel_to_another_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncClient("tocsin.example.org:50051") as behind:

        async def asks_for_tokens(**_: Any) -> Any:
            raise Unauthenticated("no token")

        monkeypatch.setattr(behind, "who_am_i", asks_for_tokens)
        with pytest.raises(ConfigurationError, match="add --tls"):
            await serve_http(behind, Offer(), "1", listen=ListenAddress("127.0.0.1", 0), announce=lambda _: None)
