"""What all client commands have in common: how to reach the server, how to print, and how to fail.

`client_command` gives a command these options and its `Session`, and turns whatever goes wrong as expected into
one line on standard error and an exit status; a traceback means a fault in the command itself.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec

import typer

from tocsin_server.cli import output
from tocsin_server.cli.arguments import UsageError

if TYPE_CHECKING:
    from tocsin_client import Client, TocsinError

Options = ParamSpec("Options")

FAILED: Final = 1
"""Exit status of a call that was refused or failed."""

MISUSED: Final = 2
"""Exit status of a command that was used wrongly."""

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, by the convention of shells."""

_PANEL: Final = "Connection and output"

Server = Annotated[
    str,
    typer.Option("--server", envvar="TOCSIN_SERVER", metavar="HOST:PORT", help="The server.", rich_help_panel=_PANEL),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="TOCSIN_TOKEN",
        metavar="TOKEN",
        help="Credentials. Better in the environment, where other users do not see them. Beyond this machine "
        "they are sent with TLS only.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
UseTls = Annotated[
    bool,
    typer.Option("--tls", help="Use TLS; implied by the options below.", show_default=False, rich_help_panel=_PANEL),
]
TlsCa = Annotated[
    str,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="PEM of the authority of the server's certificate; without it, gRPC's built-in ones.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TlsCert = Annotated[
    str,
    typer.Option(
        "--tls-cert",
        metavar="FILE",
        help="PEM of a client certificate, for servers that ask for one.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TlsKey = Annotated[
    str,
    typer.Option("--tls-key", metavar="FILE", help="PEM of its key.", show_default=False, rich_help_panel=_PANEL),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON, one object per line, with the field names of the API.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class Session:
    """One run of a client command: where the server is, and whether to print JSON."""

    server: str
    token: str
    tls: bool
    tls_ca: str
    tls_cert: str
    tls_key: str
    json: bool

    def client(self) -> Client:
        """Return a client for the server; raises UsageError for options that do not fit together."""
        from tocsin_client import Backoff, Client, Tls  # noqa: PLC0415 - heavy: only when a command runs

        files = (self.tls_ca or None, self.tls_cert or None, self.tls_key or None)
        try:
            tls = Tls.from_files(*files) if self.tls or any(files) else None
            # Somebody waits at a terminal: three attempts ride out a blink, and then they should know.
            return Client(self.server, token=self.token or None, tls=tls, retry=Backoff(attempts=3))
        except ValueError as error:
            hint = "; add --tls" if self.token and not self.tls else ""
            raise UsageError(f"{str(error).partition(': pass tls')[0]}{hint}") from None
        except OSError as error:
            raise UsageError(f"cannot read {error.filename}: {error.strerror}") from None


def client_command(body: Callable[Concatenate[Session, Options], None]) -> Callable[..., None]:
    """Make a Typer command of a function whose first argument is its `Session`."""
    common = {
        "server": (Server, "127.0.0.1:50051"),
        "token": (Token, ""),
        "tls": (UseTls, False),
        "tls_ca": (TlsCa, ""),
        "tls_cert": (TlsCert, ""),
        "tls_key": (TlsKey, ""),
        "json": (Json, False),
    }

    @functools.wraps(body)
    def command(**given: Any) -> None:
        session = Session(**{name: given.pop(name) for name in common})
        status = _run(functools.partial(body, session, **given), session)
        if status:
            raise typer.Exit(status)

    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in common.items()
    ]
    # Typer reads the options from the signature and the annotations, so both must have the shared ones as well.
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(work: Callable[[], Any], session: Session) -> int:
    try:
        work()
        return 0
    except UsageError as error:
        output.note(str(error))
        return MISUSED
    except UnicodeError:
        output.note("an argument, or the input, is not valid UTF-8")
        return MISUSED
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        from tocsin_client import TocsinError  # noqa: PLC0415 - heavy: only when a command runs

        if not isinstance(error, TocsinError):
            raise
        output.note(sentence(error, session.server))
        return FAILED


def sentence(error: TocsinError, server: str) -> str:
    """Return what to tell the person about a failed call, in one line."""
    if error.violations:
        return "; ".join(
            f"{bad.field}: {bad.description}" if bad.field else bad.description for bad in error.violations
        )
    if error.code == "UNAVAILABLE" and not error.reason:
        return f"cannot reach a server at {server} ({cause(error)}); is one running there? To start one: tocsin serve"
    if error.code == "DEADLINE_EXCEEDED" and not error.reason:
        return f"no answer from {server} in time"
    hints = {
        "UNAUTHENTICATED": "give a token with --token or TOCSIN_TOKEN",
        "UNIMPLEMENTED": f"is {server} a Tocsin server of this version?",
    }
    message = error.message or error.code.lower().replace("_", " ")
    hint = hints.get(error.code)
    return f"{message} ({hint})" if hint else message


def cause(error: TocsinError) -> str:
    """Return in a few words why a call failed. gRPC tells broken connections as a chain; its end says most."""
    return (error.message if error.reason else error.message.rpartition(": ")[2]) or "no connection"
