"""What a running server reads again, and how each part of it is replaced: who may call, certificates, rules.

Nothing that runs notices: calls and streams go on under what they began with, later ones get what is new. What is wrong
leaves what was in force, and one line says which file and why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tocsin_server.application.checking import Checked, require_certificates, tls_files, token_rules
from tocsin_server.config import sources
from tocsin_server.config.settings import AccessSettings, Settings
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.intake import rule_loading
from tocsin_server.process.reloading import Part, Reloading
from tocsin_server.routing.book import CurrentRules
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.server import RpcServer

log = logging.getLogger(__name__)

_CERTIFICATES: Final = ("tls_cert", "tls_key", "tls_client_ca")
_CREDENTIALS: Final = tuple(name for name in AccessSettings.model_fields if name not in _CERTIFICATES)


def reloading_of(settings: Settings, checked: Checked, rules: CurrentRules, rpc: RpcServer) -> Reloading:
    """Return what reads again all that may change while a server serves."""

    def of_rules() -> Iterable[Path]:
        return [*sources.files_of(), *([settings.rules] if settings.rules else [])]

    parts = [
        Part(_files_of_credentials, lambda: reload_access(checked.authenticator)),
        Part(of_rules, lambda: rule_loading.reload(settings, rules)),
    ]
    if checked.tls is not None:
        parts.append(Part(_files_of_certificates, lambda: reload_certificates(rpc)))
    return Reloading(parts)


def reload_access(authenticator: Authenticator) -> None:
    """Let the callers in that the settings name now, and nobody else."""

    def replace() -> None:
        now = sources.load_some(AccessSettings, _CREDENTIALS)
        new = Authenticator(now.auth_tokens, token_rules(now), wall_clock)
        if authenticator.required and not new.required:
            raise ConfigurationError("nobody is named who may call; without authentication at all takes a restart")
        require_certificates(new, sources.load_some(AccessSettings, _CERTIFICATES))
        authenticator.replace(new)

    if _done(replace, "access_refused", "who may call stays as it was", _files_of_credentials()):
        log.info("tokens and keys were read again", extra={"event": "access_reloaded"})


def reload_certificates(rpc: RpcServer) -> None:
    """Show the certificates that the settings name now, to connections that begin from now on."""

    def replace() -> None:
        tls = tls_files(sources.load_some(AccessSettings, _CERTIFICATES))
        if tls is None:
            raise ConfigurationError("TOCSIN_TLS_CERT, TOCSIN_TLS_KEY: TLS is turned off at a restart only")
        rpc.replace_certificates(tls)

    if _done(replace, "certificates_refused", "the certificates stay as they were", _files_of_certificates()):
        log.info("certificates were read again", extra={"event": "certificates_reloaded"})


def _done(replace: Callable[[], None], event: str, otherwise: str, files: Iterable[Path]) -> bool:
    try:
        replace()
    except ConfigurationError as error:
        named = ", ".join(str(path) for path in files)
        log.error("%s: %s", otherwise, error, extra={"event": event, "files": named})  # noqa: TRY400 - all is said
        return False
    return True


def _files_of_credentials() -> tuple[Path, ...]:
    return sources.files_of(_CREDENTIALS)


def _files_of_certificates() -> tuple[Path, ...]:
    try:
        now = sources.load_some(AccessSettings, _CERTIFICATES)
    except ConfigurationError:
        return sources.files_of()  # what is wrong is told by who reads it
    return (*sources.files_of(), *filter(None, (now.tls_cert, now.tls_key, now.tls_client_ca)))
