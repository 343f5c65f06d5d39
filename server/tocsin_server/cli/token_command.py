"""``tocsin token``: credentials for backends, and for recipients in development."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tocsin_server.cli.arguments import UsageError, duration, registered

_LIFETIME = "1h"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


To = Annotated[str, typer.Option("--to", metavar="RECIPIENT", help="Make a recipient's token, such as for user:UUID.")]
Lifetime = Annotated[str, typer.Option("--lifetime", metavar="DURATION", help="How long a recipient's token is good.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Private key in PEM, when the server has a public key instead of a secret."
    ),
]
Service = Annotated[str, typer.Option("--service", metavar="NAME", help="Make a backend's token.")]
Scopes = Annotated[
    str,
    typer.Option(
        "--scopes",
        metavar="SCOPES",
        help="What a backend may do: send, send_any, read, contacts, route, route_anywhere, simulate, relay, admin, "
        "erase, or *.",
    ),
]
Recipients = Annotated[
    str,
    typer.Option("--recipients", metavar="TYPES", help="For whom a backend's token is, such as guest,partner; all."),
]
Rate = Annotated[str, typer.Option("--rate", metavar="RATE", help="How much a backend may send: 60/s, 600/m, 1000/h.")]
Certificate = Annotated[
    bool,
    typer.Option(
        "--certificate", help="A backend that shows a client certificate with that name, in place of a token."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(token)


def token(
    *,
    to: To = "",
    lifetime: Lifetime = _LIFETIME,
    key: KeyFile = None,
    service: Service = "",
    scopes: Scopes = "send,read",
    recipients: Recipients = "",
    rate: Rate = "",
    certificate: Certificate = False,
) -> None:
    """Make credentials.

    A recipient's token is a JWT signed with TOCSIN_JWT_SECRET (or --key); it allows that recipient's own feed, and
    nothing else. In production your own backend makes these, with any JWT library: `sub` is TYPE:UUID or TYPE:ext:ID,
    `exp` is required.

    A backend's token is random. The token goes to the backend, the line below it, which holds only its hash, into
    TOCSIN_AUTH_TOKENS; several such lines there, with the variable's name or without, are separated by commas or line
    breaks.

    \b
    Examples:
      tocsin token --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 --lifetime 8h
      tocsin token --service shop --scopes send,read
      tocsin token --service desk --scopes send --recipients guest,partner --rate 60/s
      tocsin token --service billing.internal --scopes send --certificate
    """
    try:
        typer.echo(_token(to, lifetime, key, service, _Narrowed(scopes, recipients, rate, certificate)))
    except UsageError as error:
        typer.echo(f"tocsin: {error}", err=True)
        raise typer.Exit(2) from None


class _Narrowed(NamedTuple):
    """What a backend may do, as the options say it."""

    scopes: str
    recipients: str
    rate: str
    certificate: bool


def _token(to: str, lifetime: str, key: Path | None, service: str, narrowed: _Narrowed) -> str:
    if bool(to) == bool(service):
        raise UsageError("give either --to or --service")
    return _recipient_token(to, lifetime, key) if to else _service_token(service, narrowed)


def _service_token(name: str, narrowed: _Narrowed) -> str:
    from tocsin_server.domain.errors import ConfigurationError  # noqa: PLC0415 - keeps other commands fast
    from tocsin_server.rpc.service_tokens import CERTIFICATE, read_entry  # noqa: PLC0415

    if not _NAME.fullmatch(name):
        raise UsageError("--service: a name has 1 to 64 letters, digits, dots, hyphens and underscores")
    plain = secrets.token_urlsafe(32)
    proof = CERTIFICATE if narrowed.certificate else hashlib.sha256(plain.encode()).hexdigest()
    parts = [name, _listed(narrowed.scopes), proof]
    if narrowed.recipients:
        parts.append(f"recipients={_listed(narrowed.recipients)}")
    if narrowed.rate:
        parts.append(f"rate={narrowed.rate}")
    entry = ":".join(parts)
    try:
        read_entry(entry)
    except ConfigurationError as error:
        said = str(error).removeprefix("TOCSIN_AUTH_TOKENS: ")
        option = "--scopes" if "scope" in said else "--recipients" if "recipients" in said else "--rate"
        raise UsageError(f"{option}: {said}") from None
    line = f"TOCSIN_AUTH_TOKENS={entry}"
    return line if narrowed.certificate else f"{plain}\n{line}"


def _listed(text: str) -> str:
    return "+".join(word.strip() for word in text.split(",") if word.strip())


def _recipient_token(to: str, lifetime: str, key: Path | None) -> str:
    import jwt  # noqa: PLC0415 - keeps other commands fast

    from tocsin_server.config import sources as config  # noqa: PLC0415
    from tocsin_server.domain.clock import wall_clock  # noqa: PLC0415
    from tocsin_server.domain.errors import ConfigurationError, Unauthenticated  # noqa: PLC0415
    from tocsin_server.rpc.recipient_tokens import RecipientTokens, TokenRules  # noqa: PLC0415
    from tocsin_server.rpc.signing_keys import signing_algorithm  # noqa: PLC0415

    recipient = registered(to)
    now = int(time.time())
    seconds = duration(lifetime, "--lifetime").total_seconds()
    if seconds < 1:
        raise UsageError("--lifetime: must be a second at least, such as 30m or 8h")
    try:
        settings = config.load()
        rules = TokenRules(
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            longest_lifetime=settings.jwt_max_lifetime,
        )
        if seconds > rules.longest_lifetime:
            longest = f"{rules.longest_lifetime:g} s"
            raise UsageError(f"--lifetime: the server takes {longest} at most, see TOCSIN_JWT_MAX_LIFETIME")
        if key is not None:
            private = key.read_bytes()
            signing_key, algorithm = private, signing_algorithm(private)
            rules = rules._replace(public_key=_public(private))
        else:
            if settings.jwt_secret is None:
                raise UsageError("set TOCSIN_JWT_SECRET, the server's, or give --key")
            rules = rules._replace(secret=settings.jwt_secret.get_secret_value())
            signing_key, algorithm = settings.jwt_secret.get_secret_value().encode(), "HS256"
        # Refuses the secret, and the id, that a server would refuse.
        tokens = RecipientTokens(rules, wall_clock)
        claims = {"sub": str(recipient), "iat": now, "exp": now + int(seconds)}
        claims |= {name: value for name, value in (("aud", rules.audience), ("iss", rules.issuer)) if value is not None}
        token = jwt.encode(claims, signing_key, algorithm=algorithm)
        tokens.read(token)
    except OSError as error:
        raise UsageError(f"--key: cannot read {key}: {error.strerror or error}") from None
    except Unauthenticated:
        raise UsageError(
            "--to: a server takes no such id; it is a UUID, or ext: and 1 to 255 characters without line breaks"
        ) from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"--key: {error}") from None
    except ConfigurationError as error:
        raise UsageError(str(error)) from None
    return token


def _public(private_key_pem: bytes) -> str:
    from cryptography.hazmat.primitives import serialization as forms  # noqa: PLC0415 - keeps other commands fast

    public = forms.load_pem_private_key(private_key_pem, password=None).public_key()
    return public.public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo).decode()
