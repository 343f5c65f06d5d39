"""What all client commands have in common: how to reach the server, how to print, and how to fail.

`client_command` gives a command these options and its `Session`, and turns whatever goes wrong as expected into
one line on standard error and an exit status; a traceback means a fault in the command itself.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec, TypeVar

import typer

from tocsin_server.cli import fields, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.config.certificates import PemFile, problem_of_authority, problem_of_pair

if TYPE_CHECKING:
    from tocsin_client import AsyncClient, Client, Tls, TocsinError

AnyClient = TypeVar("AnyClient")
Options = ParamSpec("Options")

FAILED: Final = 1
"""Exit status of a call that was refused or failed."""

MISUSED: Final = 2
"""Exit status of a command that was used wrongly."""

STILL_PENDING: Final = 3
"""Exit status of ``send --wait`` when its time was over before the notification was settled."""

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, by the convention of shells."""

DEFAULT_SERVER: Final = "127.0.0.1:50051"

_PANEL: Final = "Connection and output"

Server = Annotated[
    str,
    typer.Option("--server", envvar="TOCSIN_SERVER", metavar="HOST:PORT", help="The server.", rich_help_panel=_PANEL),
]
Token = Annotated[
    str | None,
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
    str | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="PEM of the authority of the server's certificate; without it, gRPC's built-in ones.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TlsCert = Annotated[
    str | None,
    typer.Option(
        "--tls-cert",
        metavar="FILE",
        help="PEM of a client certificate, for servers that ask for one.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TlsKey = Annotated[
    str | None,
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
    token: str | None
    tls: bool
    tls_ca: str | None
    tls_cert: str | None
    tls_key: str | None
    json: bool = False

    def client(self) -> Client:
        """Return a client for the server; raises UsageError for options that are wrong or do not fit together."""
        from tocsin_client import Client  # noqa: PLC0415 - heavy: only when a command runs

        return self._connected(Client)

    def async_client(self) -> AsyncClient:
        """Return one for the tasks of an event loop; raises UsageError likewise."""
        from tocsin_client import AsyncClient  # noqa: PLC0415 - heavy: only when a command runs

        return self._connected(AsyncClient)

    def _connected(self, kind: Callable[..., AnyClient]) -> AnyClient:
        # What the library says by itself on standard error is for its developers; `sentence` is for people.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from tocsin_client import Backoff  # noqa: PLC0415 - heavy: only when a command runs

        self._refuse_empty()
        tls = self.line_tls()
        try:
            # Somebody waits at a terminal: three attempts ride out a blink, and then they should know.
            return kind(self.server, token=self.token, tls=tls, retry=Backoff(attempts=3))
        except ValueError as error:
            reason, _, _ = str(error).partition(": pass tls")
            if reason != str(error):
                raise UsageError(f"{reason}; add --tls") from None
            if reason.startswith("the token "):
                raise UsageError(
                    f"{'TOCSIN_TOKEN' if self.token == os.environ.get('TOCSIN_TOKEN') else '--token'}: {reason}"
                ) from None
            hint = "; for TLS there is --tls" if self.server.lower().startswith(("https:", "grpcs:", "tls:")) else ""
            raise UsageError(f"--server: {reason}{hint}") from None

    def line_tls(self) -> Tls | None:
        """Return how the connection is protected, None for not at all; raises UsageError for unusable files."""
        from tocsin_client import Tls  # noqa: PLC0415 - heavy: only when a command runs

        if not self.tls_options():
            return None
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("--tls-cert and --tls-key belong together: give both or neither")
        problem = ""
        if self.tls_ca is not None:
            problem = problem_of_authority(PemFile("--tls-ca", Path(self.tls_ca)))
        if self.tls_cert is not None and self.tls_key is not None and not problem:
            certificate, key = PemFile("--tls-cert", Path(self.tls_cert)), PemFile("--tls-key", Path(self.tls_key))
            problem = problem_of_pair(certificate, key)
        if problem:
            raise UsageError(problem)
        return Tls.from_files(self.tls_ca, self.tls_cert, self.tls_key)

    def tls_options(self) -> str:
        """Return the options of TLS that were given; nothing if none were."""
        files = {"--tls-ca": self.tls_ca, "--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        given = ["--tls"] if self.tls else []
        return ", ".join(given + [option for option, path in files.items() if path is not None])

    def _refuse_empty(self) -> None:
        """Refuse what is given but empty, as settings of the server are: it would protect nothing, without a word."""
        for variable, value in (("TOCSIN_SERVER", self.server), ("TOCSIN_TOKEN", self.token)):
            set_to = os.environ.get(variable, "x")
            if not set_to.strip() and value in (None, DEFAULT_SERVER, set_to):  # else an option goes before it
                raise UsageError(f"{variable}: is set but empty; unset it, or give it a value")
        options = {"--server": self.server, "--tls-ca": self.tls_ca, "--tls-cert": self.tls_cert}
        options |= {"--tls-key": self.tls_key, "--token": self.token}
        for option, value in options.items():
            if value is not None and not value.strip():
                raise UsageError(f"{option}: is given but empty; leave it out, or give a value")


_CONNECTION: Final[dict[str, tuple[Any, Any]]] = {
    "server": (Server, DEFAULT_SERVER),
    "token": (Token, None),
    "tls": (UseTls, False),
    "tls_ca": (TlsCa, None),
    "tls_cert": (TlsCert, None),
    "tls_key": (TlsKey, None),
}


def client_command(body: Callable[Concatenate[Session, Options], None]) -> Callable[..., None]:
    """Make a Typer command of a function whose first argument is its `Session`."""
    return _command(body, {**_CONNECTION, "json": (Json, False)})


def connected_command(body: Callable[Concatenate[Session, Options], None]) -> Callable[..., None]:
    """Make one of a function that prints nothing of what the server answers."""
    return _command(body, _CONNECTION)


def _command(
    body: Callable[Concatenate[Session, Options], None], common: dict[str, tuple[Any, Any]]
) -> Callable[..., None]:

    @functools.wraps(body)
    def command(**given: Any) -> None:
        session = Session(**{name: given.pop(name) for name in common})
        status = _run(functools.partial(body, session, **given), session, given)
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


def _run(work: Callable[[], Any], session: Session, given: Mapping[str, Any]) -> int:
    try:
        work()
        return 0
    except UsageError as error:
        for said in error.args:
            output.note(said)
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
        for said in [fields.told(bad, given) for bad in error.violations] or [sentence(error, session, given)]:
            output.note(said)
        return FAILED


def sentence(error: TocsinError, session: Session, given: Mapping[str, Any]) -> str:
    """Return what to tell the person about a failed call, in one line.

    The fields that it names are left to `fields.told`; ``given`` is what was typed, by parameter.
    """
    if error.code == "UNAVAILABLE" and not error.reason:
        return _unreachable(error, session)
    if error.code == "DEADLINE_EXCEEDED" and not error.reason:
        return f"no answer from {session.server} in time"
    message = fields.in_options(error.message, given) or error.code.lower().replace("_", " ")
    hint = ""
    if error.reason == "UNAUTHENTICATED":
        hint = "the server does not know this token" if session.token else "give a token with --token or TOCSIN_TOKEN"
    elif error.code == "UNIMPLEMENTED" and not error.reason:  # else it says itself that it does not offer this
        hint = f"is {session.server} a Tocsin server of this version?"
    return f"{message} ({hint})" if hint else message


def _unreachable(error: TocsinError, session: Session) -> str:
    """Return why there is no connection, and which option would make one."""
    from tocsin_client.reach import Cause, why_unreachable  # noqa: PLC0415 - heavy: only when a command runs

    server, ca = session.server, session.tls_ca
    looked = why_unreachable(server, session.line_tls())
    by_cause = {
        Cause.SPEAKS_TLS: f"{server} speaks TLS; add --tls, or --tls-ca FILE for an authority of your own",
        Cause.SPEAKS_NO_TLS: f"{server} does not speak TLS; leave out {session.tls_options()}",
        Cause.NOT_GRPC: f"{server} is a web server, perhaps the bridge's; --server takes the address of `tocsin serve`",
        Cause.UNKNOWN_AUTHORITY: f"the certificate of {server} is of another authority than --tls-ca {ca} has"
        if ca
        else f"the certificate of {server} is of an authority that is not known here; name it with --tls-ca FILE",
        Cause.WRONG_NAME: f"the certificate of {server} is for {looked.detail or 'another name'}; "
        "give --server a name of it",
        Cause.EXPIRED: f"the certificate of {server} is not valid now: {looked.detail}",
        Cause.CERTIFICATE_WANTED: f"{server} asks for a client's certificate; give --tls-cert and --tls-key",
        Cause.CERTIFICATE_REFUSED: f"{server} does not accept the certificate in --tls-cert {session.tls_cert}",
    }
    if looked.cause in by_cause:
        return by_cause[looked.cause]
    why = looked.detail if looked.cause is Cause.NO_CONNECTION else cause(error)
    return f"cannot reach a server at {server} ({why}); is one running there? To start one: tocsin serve"


def cause(error: TocsinError) -> str:
    """Return in a few words why a call failed. gRPC tells broken connections as a chain; its end says most."""
    return (error.message if error.reason else error.message.rpartition(": ")[2]) or "no connection"
