"""Retention as a server does it: what is old is gone after a while, and who comes back for it is told to list again."""

from __future__ import annotations

from pathlib import Path

import grpc

from helpers.calls import Api, refused, request, user
from helpers.server import running_server
from helpers.waiting import eventually


def test_what_is_older_than_it_is_kept_for_is_gone_and_its_subscriber_lists_again(tmp_path: Path) -> None:
    to = user()
    with running_server(tmp_path, retention=0.0) as server, Api(server.address) as api:
        with api.subscribe(to) as stream:
            stream.subscribed()
            sent = api.send(request(to)).id
            early = stream.cursor
            assert stream.notification().id == sent
        later = api.send(request(to)).id
        assert api.unread(to) == 2
    with running_server(tmp_path, retention=0.001) as server, Api(server.address) as api:
        eventually(lambda: api.unread(to) == 0)
        for one in (sent, later):
            assert refused(lambda one=one: api.get(one)).code is grpc.StatusCode.NOT_FOUND  # type: ignore[misc]
        with api.subscribe(to, early) as stream:
            assert not stream.subscribed().recovered
        with api.subscribe(to) as stream:
            stream.subscribed()
            new = api.send(request(to)).id
            assert stream.notification().id == new
