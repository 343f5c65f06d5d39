"""Entries of ``TOCSIN_AUTH_TOKENS``: ``name:scope+scope:sha256``, and after that what narrows it.

In place of the hash stands ``certificate`` for a caller that is known by its client certificate: by its common name, or
a DNS name in it. What may follow, each after a colon: ``recipients=guest+partner``, the types of recipients that the
caller may name, and ``rate=60/s`` (or ``/m``, ``/h``), how many notifications it may send.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import RecipientType
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.scopes import OF_EVERY_TOKEN, OF_NARROWED, SCOPES
from tocsin_server.timing.token_bucket import RateLimit

CERTIFICATE: Final = "certificate"

FASTEST: Final = 1_000_000
"""Of a rate."""

_ENTRY: Final = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,64}):(?P<scopes>[a-z_+*]+):(?P<proof>[0-9a-f]{64}|certificate)(?P<options>(?::[^:]*)*)"
)
_FORM: Final = "must be name:scope+scope:sha256, as `tocsin token --service NAME` prints it"
_RATE: Final = re.compile(r"([1-9][0-9]{0,6})/([smh])")


class ServiceToken(NamedTuple):
    """A caller, and how it shows that it is the one: the hash of its token, or `CERTIFICATE`."""

    proof: str
    principal: Principal


def read_entry(text: str) -> ServiceToken:
    """Read an entry.

    Raises:
        ConfigurationError: It is not of its form, or says what there is not.
    """
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"TOCSIN_AUTH_TOKENS: each entry {_FORM}")
    name, scopes = match["name"], _scopes(match["name"], match["scopes"])
    types, limit = None, None
    for option in filter(None, match["options"].split(":")):
        word, _, value = option.partition("=")
        if word == "recipients" and types is None:
            types = _types(name, value)
        elif word == "rate" and limit is None:
            limit = _rate_limit(name, value)
        else:
            raise _wrong(name, f"has {option!r}; there are recipients=guest+partner and rate=60/s, each once")
    rpcs = OF_EVERY_TOKEN.union(*(SCOPES[scope] for scope in scopes))
    if types is not None:
        if beyond := scopes - set(OF_NARROWED):
            allowed = ", ".join(OF_NARROWED)
            raise _wrong(name, f"has recipients=, which goes with the scopes {allowed}, not with {min(beyond)}")
        rpcs = OF_EVERY_TOKEN.union(*(OF_NARROWED[scope] for scope in scopes))
    proof = match["proof"]
    return ServiceToken(proof, Principal(name, scopes, rpcs, recipient_types=types, rate_limit=limit, proof=proof))


def _scopes(name: str, text: str) -> frozenset[str]:
    scopes = frozenset(SCOPES) if text == "*" else frozenset(text.split("+"))
    if unknown := scopes - set(SCOPES):
        raise _wrong(name, f"has the unknown scope {min(unknown)!r}; there are {', '.join(SCOPES)} and *")
    return scopes


def _types(name: str, text: str) -> frozenset[RecipientType]:
    words = text.split("+")
    if unknown := set(words) - set(RecipientType):
        raise _wrong(name, f"has the unknown recipients {min(unknown)!r}; there are {', '.join(RecipientType)}")
    return frozenset(RecipientType(word) for word in words)


def _rate_limit(name: str, text: str) -> RateLimit:
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) > FASTEST:
        raise _wrong(name, f"has rate={text}, which must look like 60/s, 600/m or 1000/h, {FASTEST} at most")
    return RateLimit(int(match[1]), match[2])


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f"TOCSIN_AUTH_TOKENS: {name} {problem}")
