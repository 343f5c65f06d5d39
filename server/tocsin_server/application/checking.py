"""What is wrong with the settings, said before anything is opened, and all of it at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin_server.channels.registry import build_senders
from tocsin_server.channels.sender import SenderFactory
from tocsin_server.config.certificates import PemFile, problem_of_authority, problem_of_pair
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.problems import Problems, WrongTogether
from tocsin_server.config.settings import AccessSettings, Settings
from tocsin_server.config.sources import WrongSettings
from tocsin_server.config.variables import PREFIX
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import ChannelType
from tocsin_server.intake.rule_loading import load
from tocsin_server.routing.book import RuleBook
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.certificates import TlsFiles
from tocsin_server.rpc.recipient_tokens import TokenRules


@dataclass(frozen=True, slots=True)
class Checked:
    """What the settings mean: who may call, how connections are protected, which providers and rules there are."""

    authenticator: Authenticator
    tls: TlsFiles | None
    senders: Mapping[ChannelType, Sequence[SenderFactory]]
    book: RuleBook

    @property
    def configured(self) -> tuple[ChannelType, ...]:
        """The channels that have a provider."""
        return tuple(channel for channel in ChannelType if self.senders.get(channel))


def check(settings: Settings, *, dev: bool, insecure: bool, rules_of: Callable[[Settings], RuleBook] = load) -> Checked:
    """Return what the settings mean.

    Args:
        settings: What is set.
        dev: Send what has no provider to the outbox.
        insecure: Allow listening beyond this machine without TLS or authentication.
        rules_of: Reads the rules that are set.

    Raises:
        WrongTogether: Names all that is wrong.
    """
    problems = Problems()
    rules = token_rules(settings)
    # Each kind of credentials by itself, since the first that is wrong would hide the other.
    backends = problems.tried(lambda: Authenticator(settings.auth_tokens, TokenRules(), wall_clock))
    if backends is not None:
        problems.tried(lambda: require_certificates(backends, settings))
    problems.tried(lambda: Authenticator((), rules, wall_clock))
    tls = problems.tried(lambda: tls_files(settings))
    senders = problems.tried(lambda: build_senders(settings, dev=dev)) or {}
    protected = tls is not None and (bool(settings.auth_tokens) or rules.has_key)
    if not (insecure or protected):
        problems.tried(lambda: _refuse_exposure("TOCSIN_LISTEN", settings.listen))
    book = problems.tried(lambda: rules_of(settings)) or RuleBook()
    problems.raise_any()
    bridge_token = settings.bridge_token.get_secret_value() if settings.bridge_token else None
    return Checked(Authenticator(settings.auth_tokens, rules, wall_clock, bridge_token), tls, senders, book)


def wrong_besides(
    error: WrongSettings, *, dev: bool, insecure: bool, rules_of: Callable[[Settings], RuleBook] = load
) -> Sequence[str]:
    """Return what is wrong with settings together, where some are wrong by themselves and left out.

    What is said of those is left out too: they are missing only since they are wrong.
    """
    if not isinstance(error.rest, Settings):
        return ()
    try:
        check(error.rest, dev=dev, insecure=insecure, rules_of=rules_of)
    except WrongTogether as together:
        return [said for said in together.said if error.variables.isdisjoint(_VARIABLE.findall(said))]
    return ()


_VARIABLE: Final = re.compile(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]")
"""A setting in a sentence: the whole of its name, since one may begin with another."""


def require_certificates(authenticator: Authenticator, settings: AccessSettings) -> None:
    """Raise `ConfigurationError` if a caller is known by a certificate that nobody is asked for."""
    if authenticator.needs_certificates and settings.tls_client_ca is None:
        raise ConfigurationError(
            "TOCSIN_AUTH_TOKENS: a caller that is known by its certificate needs TOCSIN_TLS_CLIENT_CA"
        )


def token_rules(settings: AccessSettings) -> TokenRules:
    """Return how recipients' tokens must be."""
    return TokenRules(
        settings.jwt_secret.get_secret_value() if settings.jwt_secret else None,
        settings.jwt_public_key,
        settings.jwt_keys.get_secret_value() if settings.jwt_keys else None,
        settings.jwt_audience,
        settings.jwt_issuer,
        settings.jwt_max_lifetime,
    )


def tls_files(settings: AccessSettings) -> TlsFiles | None:
    """Return the files of the certificate, None without TLS; raises `ConfigurationError`."""
    if settings.tls_cert is None and settings.tls_key is None:
        if settings.tls_client_ca is not None:
            raise ConfigurationError("TOCSIN_TLS_CLIENT_CA: needs TOCSIN_TLS_CERT and TOCSIN_TLS_KEY")
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigurationError("TOCSIN_TLS_CERT, TOCSIN_TLS_KEY: set both or neither")
    pair = PemFile("TOCSIN_TLS_CERT", settings.tls_cert), PemFile("TOCSIN_TLS_KEY", settings.tls_key)
    found = [problem_of_pair(*pair)]
    if settings.tls_client_ca is not None:
        found.append(problem_of_authority(PemFile("TOCSIN_TLS_CLIENT_CA", settings.tls_client_ca)))
    if any(found):
        raise ConfigurationError("; ".join(filter(None, found)))
    return TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def _refuse_exposure(setting: str, listen: ListenAddress) -> None:
    """Refuse an address that other machines reach.

    Without authentication, everybody who reaches the port may read and send everything; without TLS, everybody on
    the way reads the credentials.

    Raises:
        ConfigurationError: Names the setting.
    """
    if listen.is_loopback:
        return
    raise ConfigurationError(
        f"{setting}: {listen} can be reached from other machines, which needs TLS (TOCSIN_TLS_CERT, TOCSIN_TLS_KEY) "
        "and authentication (TOCSIN_AUTH_TOKENS or a TOCSIN_JWT_ key), or --insecure"
    )
