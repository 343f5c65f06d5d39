"""``tocsin token``: credentials for backends, and for recipients in development."""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from tocsin_server.cli.arguments import UsageError, duration
from tocsin_server.cli.arguments import recipient as read_recipient

_LIFETIME = "1h"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def token(
        to: Annotated[
            str, typer.Option("--to", metavar="RECIPIENT", help="Make a recipient's token, such as for user:UUID.")
        ] = "",
        lifetime: Annotated[
            str, typer.Option("--lifetime", metavar="DURATION", help="How long a recipient's token is good.")
        ] = _LIFETIME,
        key: Annotated[
            Path | None,
            typer.Option("--key", help="Private key in PEM, when the server has a public key instead of a secret."),
        ] = None,
        service: Annotated[str, typer.Option("--service", metavar="NAME", help="Make a backend's token.")] = "",
        scopes: Annotated[
            str, typer.Option("--scopes", help="What a backend may do: send, read, route, contacts, or *.")
        ] = "send,read",
    ) -> None:
        """Make credentials.

        A recipient's token is a JWT signed with TOCSIN_JWT_SECRET (or --key); it allows that recipient's own feed,
        and nothing else. In production your own backend makes these, with any JWT library: `sub` is TYPE:UUID,
        `exp` is required.

        A backend's token is random. The token goes to the backend, the line below it, which holds only its hash,
        into TOCSIN_AUTH_TOKENS.

        Examples:
          tocsin token --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 --lifetime 8h
          tocsin token --service shop --scopes send,read
        """
        try:
            typer.echo(_token(to, lifetime, key, service, scopes))
        except UsageError as error:
            typer.echo(f"tocsin: {error}", err=True)
            raise typer.Exit(2) from None


def _token(to: str, lifetime: str, key: Path | None, service: str, scopes: str) -> str:
    if bool(to) == bool(service):
        raise UsageError("give either --to or --service")
    return _recipient_token(to, lifetime, key) if to else _service_token(service, scopes)


def _service_token(name: str, scopes: str) -> str:
    from tocsin_server.errors import ConfigurationError  # noqa: PLC0415 - keeps other commands fast
    from tocsin_server.rpc.auth import Authenticator  # noqa: PLC0415

    plain = secrets.token_urlsafe(32)
    listed = "+".join(scope.strip() for scope in scopes.split(",") if scope.strip())
    entry = f"{name}:{listed}:{hashlib.sha256(plain.encode()).hexdigest()}"
    try:
        Authenticator([entry], None, None, clock=lambda: 0)
    except ConfigurationError as error:
        raise UsageError(str(error).removeprefix("TOCSIN_AUTH_TOKENS: ")) from None
    return f"{plain}\nTOCSIN_AUTH_TOKENS={entry}"


def _recipient_token(to: str, lifetime: str, key: Path | None) -> str:
    import jwt  # noqa: PLC0415 - keeps other commands fast

    from tocsin_server import config  # noqa: PLC0415
    from tocsin_server.errors import ConfigurationError  # noqa: PLC0415
    from tocsin_server.rpc.auth import signing_algorithm  # noqa: PLC0415

    recipient = read_recipient(to)
    if not recipient.id:
        raise UsageError("--to: needs an id, such as user:UUID; who is not registered has no feed")
    try:
        if key is not None:
            signing_key: str | bytes = key.read_bytes()
            algorithm = signing_algorithm(key.read_bytes())
        else:
            secret = config.load().jwt_secret
            if secret is None:
                raise UsageError("set TOCSIN_JWT_SECRET, the server's, or give --key")
            signing_key, algorithm = secret.get_secret_value(), "HS256"
    except (OSError, ValueError, ConfigurationError) as error:
        raise UsageError(str(error)) from None
    expiry = int(time.time() + duration(lifetime, "--lifetime").total_seconds())
    claims = {"sub": f"{recipient.type}:{recipient.id}", "exp": expiry}
    return jwt.encode(claims, signing_key, algorithm=algorithm)
