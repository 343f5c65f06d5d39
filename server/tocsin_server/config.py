"""The settings: one frozen, validated object, and the only reader of the environment.

A setting comes, in this order of precedence, from

1. the environment, ``TOCSIN_<NAME>``,
2. a file named by ``TOCSIN_<NAME>_FILE`` (for secrets: the file's content without surrounding white space),
3. the TOML file named by ``TOCSIN_CONFIG``, under the setting's name in lower case,
4. the default below.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tocsin_server.errors import ConfigurationError

PREFIX = "TOCSIN_"

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_UNIT_SECONDS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _parse_duration(value: object) -> object:
    """Turn ``5``, ``"250ms"``, ``"5s"``, ``"1h"`` into seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration: give seconds, or a number with ms, s, m, h or d")
    return float(match["number"]) * _UNIT_SECONDS[match["unit"]]


def _split_commas(value: object) -> object:
    """Turn ``"a, b"`` into a list; a TOML array passes as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Duration = Annotated[float, BeforeValidator(_parse_duration), Field(gt=0, allow_inf_nan=False)]
"""Seconds."""


class ListenAddress(NamedTuple):
    """A host and a port to listen on; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than localhost may resolve to anything."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a host, without brackets, is this machine and nothing else."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse_listen(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, colon, port = value.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is not host:port")
    return ListenAddress(host, int(port))


Listen = Annotated[ListenAddress, BeforeValidator(_parse_listen)]


class SmtpRelay(NamedTuple):
    """One SMTP server to hand mail to, from ``smtp://user:pass@host:587`` or ``smtps://…``."""

    host: str
    port: int
    implicit_tls: bool
    username: str | None
    password: SecretStr | None

    @property
    def name(self) -> str:
        """The relay without credentials, for logs and responses."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"


def parse_smtp_url(url: str) -> SmtpRelay:
    """Read one relay.

    Raises:
        ValueError: The URL is not of the form above. Its text names no part of the URL, which may hold a password.
    """
    form = "must look like smtp://user:password@host:587 or smtps://user:password@host:465"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(form) from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(form)
    implicit = parts.scheme == "smtps"
    return SmtpRelay(
        host=parts.hostname,
        port=port or (465 if implicit else 587),
        implicit_tls=implicit,
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


MEMORY_BUS = "memory://"
POSTGRESQL_BUS = "postgresql://"


_LIBPQ_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")


def is_postgresql(url: str) -> bool:
    """Tell whether a URL is one of libpq, which may name several hosts; without any it means a socket of this machine.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return parts.scheme in ("postgresql", "postgres") and all(_LIBPQ_HOST.fullmatch(host) for host in hosts)


def _is_nats(urls: str) -> bool:
    """Tell whether these are servers of NATS, comma-separated."""
    return all(_scheme(url) in ("nats", "tls") and urlsplit(url).hostname for url in urls.split(","))


def _scheme(url: str) -> str:
    """Return the scheme of a URL, nothing if its host or port is malformed."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        return ""
    return parts.scheme


_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(text: str) -> str:
    """Return an origin in the one form that browsers send: ``https://shop.example``, ``http://localhost:3000``.

    Raises:
        ValueError: The text is not an origin. (The origin ``null`` of sandboxed pages is none: everybody has it.)
    """
    form = f"{text[:100]!r} is not an origin such as https://shop.example or http://localhost:3000"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(form) from None
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.path not in ("", "/"):
        raise ValueError(form)
    if parts.query or parts.fragment or "@" in parts.netloc or "*" in host:
        raise ValueError(form)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


class Settings(BaseSettings):
    """Everything that can be set, with its default. Durations are in seconds, or such as ``250ms`` or ``1h``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", enable_decoding=False, hide_input_in_errors=True
    )

    listen: Listen = ListenAddress("127.0.0.1", 50051)
    """Where the gRPC server listens."""

    bridge_listen: Listen = ListenAddress("127.0.0.1", 8080)
    """Where the bridge listens for HTTP and WebSockets."""
    bridge_server: str | None = None
    """The gRPC server that the bridge subscribes to; as a rule the one at ``listen``."""
    bridge_server_ca: Path | None = None
    """PEM of the authorities of that server's certificate; turns TLS to it on, as ``tls_cert`` does."""
    bridge_origins: Annotated[tuple[str, ...], BeforeValidator(_split_commas)] = ()
    """Origins whose pages may use the bridge, comma-separated: ``https://shop.example``. None: this machine's only."""

    database_url: SecretStr = SecretStr("sqlite:///tocsin.db")
    """``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user:password@host/database``."""

    bus_url: SecretStr | None = None
    """What tells replicas of each other's changes: ``postgresql://`` (the database) or ``nats://host:4222``, several
    servers of one cluster comma-separated. By default it follows the database, see `bus`."""

    smtp_url: SecretStr | None = None
    """One or more relays, comma-separated, in order of preference."""

    email_from: str | None = None
    """Sender of e-mail, such as ``Shop <noreply@shop.example>``; needed with ``smtp_url``."""

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None
    """A phone number in E.164 form or a messaging service's SID (``MG…``)."""
    twilio_api_url: str | None = None
    """Base URL in place of Twilio's own."""

    telegram_bot_token: SecretStr | None = None
    telegram_api_url: str | None = None
    """Base URL of a self-hosted Bot API server."""

    retry_base: Duration = 5.0
    """Delay before the second attempt; each later one is three times as long."""
    retry_cap: Duration = 3600.0
    """Longest delay between two attempts."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 12
    auth_tokens: Annotated[tuple[str, ...], BeforeValidator(_split_commas), Field(repr=False)] = ()
    """Tokens of backends, comma-separated: ``name:scope+scope:sha256`` each, as ``tocsin token --service`` prints."""

    jwt_secret: SecretStr | None = None
    """Secret of recipient tokens (HS256), at least 32 bytes."""
    jwt_public_key: str | None = None
    """Or the public key of recipient tokens in PEM: RSA, P-256 or Ed25519."""

    tls_cert: Path | None = None
    """PEM of the gRPC server's certificate chain; with ``tls_key`` it turns TLS on."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """PEM of an authority; clients must then show a certificate of it."""

    lease: Annotated[Duration, Field(ge=1)] = 60.0
    """How long a claimed row stays with the process that claimed it, unless renewed."""
    send_timeout: Duration = 30.0
    """Longest time of one attempt as a whole."""
    sender_concurrency: Annotated[int, Field(ge=1, le=1000)] = 16
    """Attempts that one channel makes at the same time."""

    outbox: Path = Path("outbox")
    """Folder of development mode's messages."""

    shutdown_grace: Duration = 20.0
    """Longest time that a stop may take."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
            return value
        if is_postgresql(url) and len(urlsplit(url).path) > 1:
            return value
        raise ValueError("must look like sqlite:///tocsin.db or postgresql://user:password@host/database")

    @field_validator("bus_url")
    @classmethod
    def _known_bus(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            url = value.get_secret_value()
            if url not in (MEMORY_BUS, POSTGRESQL_BUS) and not is_postgresql(url) and not _is_nats(url):
                raise ValueError("must look like nats://host:4222, or be postgresql:// or memory://")
        return value

    @model_validator(mode="after")
    def _bus_fits_the_database(self) -> Settings:
        bus = self.bus_url.get_secret_value() if self.bus_url else MEMORY_BUS
        if bus != MEMORY_BUS and not is_postgresql(self.database_url.get_secret_value()):
            raise ValueError("TOCSIN_BUS_URL: one process serves a SQLite file and needs no bus; leave it out")
        return self

    @property
    def bus(self) -> str:
        """The URL of the bus to use: what is set, else what goes with the database; that of PostgreSQL in full."""
        database = self.database_url.get_secret_value()
        if not is_postgresql(database):
            return MEMORY_BUS
        bus = self.bus_url.get_secret_value() if self.bus_url else POSTGRESQL_BUS
        return database if bus == POSTGRESQL_BUS else bus

    @field_validator("bridge_origins")
    @classmethod
    def _well_formed_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parse_origin(origin) for origin in value)

    @field_validator("smtp_url")
    @classmethod
    def _well_formed_relays(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            urls = _split_commas(value.get_secret_value())
            if not isinstance(urls, list) or not urls:
                raise ValueError("names no relay")
            for url in urls:
                parse_smtp_url(url)
        return value

    @field_validator("twilio_api_url", "telegram_api_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else None

    @property
    def smtp_relays(self) -> tuple[SmtpRelay, ...]:
        """The relays in order of preference."""
        if self.smtp_url is None:
            return ()
        urls = _split_commas(self.smtp_url.get_secret_value())
        assert isinstance(urls, list)  # noqa: S101 - validated above
        return tuple(parse_smtp_url(url) for url in urls)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library passes all sources by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources as the module says. A ``.env`` file is not read: it would differ by working directory."""
        return init_settings, env_settings, _SecretFiles(settings_cls), _ConfigFile(settings_cls)


class _SecretFiles(PydanticBaseSettingsSource):
    """``TOCSIN_<NAME>_FILE`` for every setting."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the interface
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{PREFIX}{field_name.upper()}_FILE: cannot read {path}: {error}") from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class _ConfigFile(PydanticBaseSettingsSource):
    """The TOML file named by ``TOCSIN_CONFIG``."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # pragma: no cover
        raise NotImplementedError  # the whole file is read at once below

    def __call__(self) -> dict[str, Any]:
        path = os.environ.get(f"{PREFIX}CONFIG")
        if not path:
            return {}
        try:
            return tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{PREFIX}CONFIG: cannot read {path}: {error}") from error


def load(**overrides: object) -> Settings:
    """Read the settings; ``overrides`` (command-line options) win over every source, None means not given.

    Raises:
        ConfigurationError: Names every setting that is wrong, in one line.
    """
    given: Mapping[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    _refuse_unknown_variables()
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            "".join(f"{PREFIX}{str(part).upper()}: " for part in item["loc"][:1]) + _plain(item["msg"])
            for item in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(problems) from None


def environment_with(**overrides: str | None) -> dict[str, str]:
    """Return this process's environment with settings in it, for a process of ours to read; None means not given."""
    given = {f"{PREFIX}{name.upper()}": value for name, value in overrides.items() if value is not None}
    return {**os.environ, **given}


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return "there is no such setting" if message == "Extra inputs are not permitted" else message


_OTHER_VARIABLES = frozenset({"CONFIG", "SERVER", "TOKEN"})
"""Read by the commands and clients, not by the server."""


def _refuse_unknown_variables() -> None:
    """A misspelt setting would otherwise be a default in disguise."""
    known = {name.upper() for name in Settings.model_fields}
    for variable in os.environ:
        name = variable.removeprefix(PREFIX)
        if name == variable or name in known or name in _OTHER_VARIABLES or name.startswith("TEST_"):
            continue
        if name.removesuffix("_FILE") not in known:
            raise ConfigurationError(f"{variable}: there is no such setting")
