"""How servers of NATS are named."""

from __future__ import annotations

import pytest

from tocsin_server.feed.bus.nats import credentials_apart


@pytest.mark.parametrize(
    ("urls", "bare", "options"),
    [
        (["nats://a:4222"], ["nats://a:4222"], {}),
        (["nats://ann:p%40ss%2Cword@a:4222"], ["nats://a:4222"], {"user": "ann", "password": "p@ss,word"}),
        (["nats://t%2Fken@a"], ["nats://a"], {"token": "t/ken"}),
        (["tls://a", " nats://ann:@[::1]:1"], ["tls://a", "nats://[::1]:1"], {"user": "ann", "password": ""}),
        (["nats://x:1@a", "nats://y:2@b"], ["nats://a", "nats://b"], {"user": "x", "password": "1"}),
    ],
)
def test_credentials_are_taken_out_of_urls_and_decoded(
    urls: list[str], bare: list[str], options: dict[str, str]
) -> None:
    assert credentials_apart(urls) == (bare, options)
