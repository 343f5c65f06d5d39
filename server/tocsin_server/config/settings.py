"""Everything that can be set: one frozen, validated object, grouped by the component that reads it.

A setting is a field with its form, its bounds, its default, and a text below it, from which the table in
``server/README.md`` is made. Where values come from is the business of `config.sources`. Durations are in seconds.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from tocsin_server.config.durations import parse_duration
from tocsin_server.config.network import (
    MEMORY_BUS,
    POSTGRESQL_BUS,
    HttpProxy,
    ListenAddress,
    SmtpRelay,
    is_nats,
    is_postgresql,
    parse_http_proxy,
    parse_listen,
    parse_origin,
    parse_smtp_url,
    require_database,
    require_ehlo_name,
    require_http,
)
from tocsin_server.domain.bearer import TOKEN

# -- forms -----------------------------------------------------------------------------------------


def split_list(text: str) -> list[str]:
    """Return what a text lists, separated by commas or on lines of their own; a line after ``#`` is a comment."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [part.strip() for line in lines for part in line.split(",") if part.strip()]


def _parse_list(value: object) -> object:
    if isinstance(value, str):
        value = split_list(value)
    if isinstance(value, list) and not any(value):
        raise ValueError("names nothing")  # which is not a way to write the default, see `config.sources`
    return value


def _parse_listen(value: object) -> object:
    return parse_listen(value) if isinstance(value, str) else value


def _parse_listen_or_off(value: object) -> object:
    return None if value == "off" else _parse_listen(value)


def _parse_networks(value: object) -> object:
    """Turn ``"10.0.0.0/8, ::1"`` into networks, and ``none`` into none at all."""
    found = _parse_list(value)
    if not isinstance(found, list):
        return found
    try:
        return () if found == ["none"] else tuple(ip_network(text) for text in found)
    except ValueError as error:
        raise ValueError(f"{error}; give addresses and networks such as 10.0.0.0/8, or none") from None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]
"""Seconds."""

Listen = Annotated[ListenAddress, BeforeValidator(_parse_listen)]

ListenOrOff = Annotated[ListenAddress | None, BeforeValidator(_parse_listen_or_off)]

Texts = Annotated[tuple[str, ...], BeforeValidator(_parse_list)]
"""Several texts: comma-separated, a line each, or an array in TOML."""


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_parse_networks)]
"""Networks and single addresses, as `Texts`; or the word ``none``."""


class _Group(BaseModel):
    """What one component reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


# -- groups ----------------------------------------------------------------------------------------


class ServerSettings(_Group):
    """The server."""

    listen: Listen = ListenAddress("127.0.0.1", 50051)
    """Where it serves gRPC. Beyond this machine it takes TLS and authentication, or `--insecure`."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    """`debug`, `info`, `warning` or `error`."""
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = "console"
    """`console`, a line for people, or `json`, an object a line with the same fields."""
    shutdown_grace: Duration = 20.0
    """Longest time that a stop may take."""
    outbox: Path = Path("outbox")
    """Folder of development mode's messages."""


class MetricsSettings(_Group):
    """Metrics."""

    metrics_listen: ListenOrOff = ListenAddress("127.0.0.1", 9464)
    """Where the server shows its figures to Prometheus (`/metrics`) and answers probes (`/healthz`, `/readyz`), in
    plain HTTP and without asking who calls; or `off`. Of several workers, each has a port of its own: this one, the
    next, and so on."""
    bridge_metrics_listen: ListenOrOff = ListenAddress("127.0.0.1", 9463)
    """The same of the bridge's own process, which shows its probes at `TOCSIN_BRIDGE_LISTEN`."""


class TracingSettings(_Group):
    """Traces."""

    tracing: Annotated[Literal["off", "otlp"], BeforeValidator(_lower)] = "off"
    """`otlp` hands spans of calls and attempts to an OpenTelemetry collector; needs the extra `tracing`. Where it is,
    and how many are kept, say OpenTelemetry's own variables, such as `OTEL_EXPORTER_OTLP_ENDPOINT` and
    `OTEL_TRACES_SAMPLER`."""


class StorageSettings(_Group):
    """The database and the bus."""

    database_url: SecretStr = SecretStr("sqlite:///tocsin.db")
    """Three slashes and a relative path, four and an absolute one; or `postgresql://user:password@host/database`,
    in any form that libpq takes, for more than one process."""
    retention: Annotated[float, BeforeValidator(parse_duration), Field(ge=0, allow_inf_nan=False)] = 90 * 86_400.0
    """For how long notifications are kept, from their creation, with all that belongs to them; `0` is for ever. What is
    still to be sent stays until it is; what waits for its subscriber does not."""
    bus_url: SecretStr | None = Field(default=None, examples=["nats://host:4222"])
    """What tells replicas on one PostgreSQL of each other's changes. By default the database itself
    (`postgresql://`). `nats://host:4222` (or `tls://`; several of one cluster, comma-separated) takes that off it.
    Losing it costs latency, never events."""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        require_database(value.get_secret_value())
        return value

    @field_validator("bus_url")
    @classmethod
    def _known_bus(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            url = value.get_secret_value()
            if url not in (MEMORY_BUS, POSTGRESQL_BUS) and not is_postgresql(url) and not is_nats(url):
                raise ValueError("must look like nats://host:4222, or be postgresql:// or memory://")
        return value

    @model_validator(mode="after")
    def _bus_fits_the_database(self) -> StorageSettings:
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


class AccessSettings(_Group):
    """Who may call, and how connections are protected."""

    auth_tokens: Annotated[Texts, Field(repr=False, examples=["name:send+read:sha256"])] = ()
    """Tokens of backends, hashed, with what each may do, for whom and how much: an entry each as
    `tocsin token --service NAME` prints it, with `TOCSIN_AUTH_TOKENS=` before it or without, separated by commas or on
    lines of their own."""
    jwt_secret: SecretStr | None = Field(default=None, examples=["32 random bytes or more"])
    """Secret that recipients' tokens are signed with (HS256), at least 32 bytes."""
    jwt_public_key: str | None = Field(default=None, examples=["-----BEGIN PUBLIC KEY-----…"])
    """Or the public key of those tokens in PEM: RSA, P-256 or Ed25519."""
    jwt_keys: SecretStr | None = Field(default=None, examples=['{"keys": [{"kid": "2026", …}]}'])
    """Or beside either, several keys of the same kinds, or `oct`, as a JWK Set (RFC 7517): a token names one by its
    `kid`, and one that names none of them is held against the key above."""
    jwt_audience: str | None = Field(default=None, examples=["https://notify.shop.example"])
    """What `aud` of those tokens must be. By default anything, also none."""
    jwt_issuer: str | None = Field(default=None, examples=["https://shop.example"])
    """What `iss` of those tokens must be. By default anything, also none."""
    jwt_max_lifetime: Annotated[Duration, Field(ge=1)] = 30 * 86_400.0
    """How long such a token may be good at most, from its `iat`, or from now, to its `exp`."""
    tls_cert: Path | None = Field(default=None, examples=["/etc/tocsin/server.pem"])
    """PEM file of the server's certificate chain. With the key it turns TLS on."""
    tls_key: Path | None = Field(default=None, examples=["/etc/tocsin/server.key"])
    """PEM file of its key."""
    tls_client_ca: Path | None = Field(default=None, examples=["/etc/tocsin/clients.pem"])
    """PEM file of an authority. Clients must then show a certificate of it."""

    @field_validator("auth_tokens")
    @classmethod
    def _entries_as_printed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Whoever joins what `tocsin token` printed has the variable's name before each entry.
        return tuple(entry.removeprefix("TOCSIN_AUTH_TOKENS=").strip() for entry in value)


class DeliverySettings(_Group):
    """Delivery."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 12
    """Attempts on a channel before it is given up."""
    retry_base: Duration = 5.0
    """Delay before the second attempt. Each later one is three times as long, with jitter."""
    retry_cap: Duration = 3600.0
    """Longest delay between two attempts. With the defaults a channel is tried for about 5 hours."""
    send_timeout: Duration = 30.0
    """Longest time of one attempt as a whole."""
    sender_concurrency: Annotated[int, Field(ge=1, le=1000)] = 16
    """Attempts that one channel makes at the same time."""
    http_proxy: SecretStr | None = Field(default=None, examples=["http://proxy.internal:3128"])
    """Proxy for requests to Twilio and Telegram: `http://proxy:3128` or `http://user:password@proxy:3128`. What the
    environment says by `HTTPS_PROXY` is not read."""
    lease: Annotated[Duration, Field(ge=1)] = 60.0
    """How long a row stays with a process that gives no sign of life."""

    @field_validator("http_proxy")
    @classmethod
    def _well_formed_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_http_proxy(value.get_secret_value())
        return value

    @property
    def proxy(self) -> HttpProxy | None:
        """The proxy, taken apart."""
        return parse_http_proxy(self.http_proxy.get_secret_value()) if self.http_proxy else None


class EmailSettings(_Group):
    """E-mail."""

    smtp_url: SecretStr | None = Field(default=None, examples=["smtp://user:password@host:587"])
    """`smtp://user:password@host:587` (STARTTLS when offered) or `smtps://…`; several, comma-separated, in order of
    preference. A relay that offers pipelining and gets it wrong has `?pipelining=off` at its end."""
    email_from: str | None = Field(default=None, examples=["Shop <noreply@shop.example>"])
    """The sender, such as `Shop <noreply@shop.example>`, or `"Shop, Inc." <noreply@shop.example>`."""
    email_reply_to: str | None = Field(default=None, examples=["Help <help@shop.example>"])
    """Where answers are to go, if not to the sender."""
    smtp_ehlo_name: str | None = Field(default=None, examples=["tocsin.shop.example"])
    """The name by which this server greets relays (EHLO). By default the machine's."""
    smtp_ca: Path | None = Field(default=None, examples=["/etc/tocsin/relays.pem"])
    """PEM file of authorities to trust for relays' certificates, besides the system's."""
    smtp_client_cert: Path | None = Field(default=None, examples=["/etc/tocsin/smtp.pem"])
    """PEM file of a certificate to show to relays that ask for one, with its chain."""
    smtp_client_key: Path | None = Field(default=None, examples=["/etc/tocsin/smtp.key"])
    """PEM file of its key, if it is not in the same file."""

    @field_validator("smtp_ehlo_name")
    @classmethod
    def _name_for_ehlo(cls, value: str | None) -> str | None:
        return require_ehlo_name(value) if value else None

    @field_validator("smtp_url")
    @classmethod
    def _well_formed_relays(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            urls = split_list(value.get_secret_value())
            if not urls:
                raise ValueError("names no relay")
            for url in urls:
                parse_smtp_url(url)
        return value

    @property
    def smtp_relays(self) -> tuple[SmtpRelay, ...]:
        """The relays in order of preference."""
        if self.smtp_url is None:
            return ()
        return tuple(parse_smtp_url(url) for url in split_list(self.smtp_url.get_secret_value()))


class SmsSettings(_Group):
    """SMS."""

    twilio_account_sid: str | None = Field(default=None, examples=["AC0123…"])
    """The account at Twilio."""
    twilio_auth_token: SecretStr | None = Field(default=None, examples=["0123456789abcdef…"])
    """Its token."""
    twilio_from: str | None = Field(default=None, examples=["+15550100"])
    """The sender: a phone number in E.164 form, or a messaging service's SID (`MG…`)."""
    twilio_api_url: str | None = Field(default=None, examples=["https://api.twilio.com"])
    """Base URL in place of Twilio's own."""

    @field_validator("twilio_api_url")
    @classmethod
    def _twilio_over_http(cls, value: str | None) -> str | None:
        return require_http(value) if value else None


class TelegramSettings(_Group):
    """Telegram."""

    telegram_bot_token: SecretStr | None = Field(default=None, examples=["123456:ABC…"])
    """The bot's token, from BotFather."""
    telegram_api_url: str | None = Field(default=None, examples=["http://127.0.0.1:8081"])
    """Base URL of a self-hosted Bot API server."""

    @field_validator("telegram_api_url")
    @classmethod
    def _telegram_over_http(cls, value: str | None) -> str | None:
        return require_http(value) if value else None


class RoutingSettings(_Group):
    """Who decides."""

    rules: Path | None = Field(default=None, examples=["/etc/tocsin/rules.toml"])
    """TOML file of the rules and policies by which channels are chosen (`[[rules]]`, `[[policies]]`), if they do not
    stand in the one that `TOCSIN_CONFIG` names. Read at the start, on SIGHUP, and when they change."""


class BridgeSettings(_Group):
    """The bridge."""

    bridge_listen: Listen = ListenAddress("127.0.0.1", 8080)
    """Where it serves WebSockets and pages."""
    bridge_server: str | None = Field(default=None, examples=["tocsin.internal:50051"])
    """The gRPC server that it subscribes to; by default the one at `TOCSIN_LISTEN`."""
    bridge_server_ca: Path | None = Field(default=None, examples=["/etc/tocsin/ca.pem"])
    """PEM file of whom to trust for that server's certificate. Turns TLS to it on, as `TOCSIN_TLS_CERT` does."""
    bridge_origins: Annotated[Texts, Field(examples=["https://shop.example"])] = ()
    """Origins whose pages may use the bridge beside its own, comma-separated: `https://shop.example`; of apps that show
    pages of their own `capacitor://localhost` and the like. By default this machine's. `null` is what browsers send for
    pages without an origin (files, sandboxed frames, `data:` URLs): it lets all of them in, whoever made them."""
    bridge_trusted_proxies: Networks = (ip_network("127.0.0.0/8"), ip_network("::1"))
    """Proxies that are believed when they say, in `X-Forwarded-For` or `Forwarded`, for whom they connect to the
    bridge, of whose places each address has a share: addresses and networks, comma-separated, or `none`."""
    bridge_token: SecretStr | None = Field(default=None, examples=["32-random-characters"])
    """The bridge's own token, by which it opens streams at the server. Give server and bridge the same one, or the
    bridge one of `TOCSIN_AUTH_TOKENS` with the scope `relay`. `tocsin serve --bridge` makes one up."""

    @field_validator("bridge_token")
    @classmethod
    def _fit_for_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError(
                "has spaces, line breaks or letters that are not ASCII, or more than 8,192 characters, which no header "
                "holds"
            )
        return value

    @field_validator("bridge_origins")
    @classmethod
    def _well_formed_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parse_origin(origin) for origin in value)


GROUPS: Final[tuple[type[_Group], ...]] = (
    ServerSettings,
    MetricsSettings,
    TracingSettings,
    StorageSettings,
    AccessSettings,
    RoutingSettings,
    DeliverySettings,
    EmailSettings,
    SmsSettings,
    TelegramSettings,
    BridgeSettings,
)
"""In the order in which the table has them."""


class Settings(
    ServerSettings,
    MetricsSettings,
    TracingSettings,
    StorageSettings,
    AccessSettings,
    RoutingSettings,
    DeliverySettings,
    EmailSettings,
    SmsSettings,
    TelegramSettings,
    BridgeSettings,
):
    """Everything that can be set, with its default."""


def example(name: str) -> Any:
    """Return a value that would be right for a setting, as it is written."""
    field = Settings.model_fields[name]
    return field.examples[0] if field.examples else field.default
