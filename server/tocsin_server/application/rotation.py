"""What a running server reads again, and how each part of it is replaced: who may call, certificates, rules.

Calls go on under what they began with, later ones get what is new. So do streams, but for those of callers who may not
follow the feed any more: they end at once. What is wrong leaves what was in force, and one line says which file and
why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tocsin_server.application.checking import Checked, require_certificates, tls_files, token_rules
from tocsin_server.config import sources
from tocsin_server.config.settings import AccessSettings, Settings
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.feed.hub import Hub
from tocsin_server.intake import rule_loading
from tocsin_server.process.reloading import Part, Reloading
from tocsin_server.routing.book import CurrentRules
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.server import RpcServer

_CERTIFICATES: Final = ("tls_cert", "tls_key", "tls_client_ca")
_CREDENTIALS: Final = tuple(name for name in AccessSettings.model_fields if name not in _CERTIFICATES)


def reloading_of(settings: Settings, checked: Checked, rules: CurrentRules, hub: Hub, rpc: RpcServer) -> Reloading:
    """Return what reads again all that may change while a server serves."""

    def files_of_rules() -> Iterable[Path]:
        return [*sources.files_of(), *([settings.rules] if settings.rules else [])]

    parts = [
        Part(
            "access",
            "tokens and keys were read again",
            "who may call stays as it was",
            _files_of_credentials,
            lambda: _replace_access(checked.authenticator, hub),
        ),
        Part(
            "rules",
            "rules and policies were read again",
            "the rules stay as they were",
            files_of_rules,
            lambda: rule_loading.reload(settings, rules),
        ),
    ]
    if checked.tls is not None:
        parts.append(
            Part(
                "certificates",
                "certificates were read again",
                "the certificates stay as they were",
                _files_of_certificates,
                lambda: _replace_certificates(rpc),
            )
        )
    return Reloading(parts)


def _replace_access(authenticator: Authenticator, hub: Hub) -> Mapping[str, object]:
    """Let the callers in that the settings name now, and nobody else; the streams of others end."""
    now = sources.load_some(AccessSettings, _CREDENTIALS)
    new = Authenticator(now.auth_tokens, token_rules(now), wall_clock)
    if authenticator.required and not new.required:
        raise ConfigurationError("nobody is named who may call; without authentication at all takes a restart")
    require_certificates(new, sources.load_some(AccessSettings, _CERTIFICATES))
    authenticator.replace(new)
    return {"streams_ended": hub.end_what_is_not_allowed()}


def _replace_certificates(rpc: RpcServer) -> Mapping[str, object]:
    """Show the certificates that the settings name now, to connections that begin from now on."""
    tls = tls_files(sources.load_some(AccessSettings, _CERTIFICATES))
    if tls is None:
        raise ConfigurationError("TOCSIN_TLS_CERT, TOCSIN_TLS_KEY: TLS is turned off at a restart only")
    rpc.replace_certificates(tls)
    return {}


def _files_of_credentials() -> tuple[Path, ...]:
    return sources.files_of(_CREDENTIALS)


def _files_of_certificates() -> tuple[Path, ...]:
    try:
        now = sources.load_some(AccessSettings, _CERTIFICATES)
    except ConfigurationError:
        return sources.files_of()  # what is wrong is told by who reads it
    return (*sources.files_of(), *filter(None, (now.tls_cert, now.tls_key, now.tls_client_ca)))
