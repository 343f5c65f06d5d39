"""``tocsin migrate`` and ``tocsin backup``: the database's schema, its copies, and what a restored one needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tocsin_server.cli import options
from tocsin_server.cli.serve_command import refuse

RenewEpochs = Annotated[
    bool,
    typer.Option(
        "--renew-epochs",
        help="After a restore: make cursors from before void, so that whoever has one is told to list again.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="URL",
        help="Then copy all that is in the SQLite file into this empty database: postgresql://...",
        show_default=False,
    ),
]
Copy = Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not exist yet.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(backup)


def migrate(database: options.Database = None, *, renew_epochs: RenewEpochs = False, to: Target = None) -> None:
    """Bring the database's schema up to date, and say what was done.

    `tocsin serve` does the same at its start, unless it is given --no-migrate.

    With --to, a file is copied into PostgreSQL, neither of which may be served: notifications, feeds, keys, contacts,
    all of it; cursors stay good. What was broken off goes on where it was, by the same command. In the end both are
    compared, by counts and digests.

    \b
    Examples:
      tocsin migrate --database sqlite:////tmp/tocsin.db
      tocsin migrate --database sqlite:////tmp/tocsin.db --renew-epochs
    """
    from tocsin_server.config import sources as config  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.domain.errors import StartupError  # noqa: PLC0415
    from tocsin_server.storage import opening  # noqa: PLC0415
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    try:
        url = config.load({"database_url": "--database"}, database_url=database).database_url.get_secret_value()
        target = None if to is None else config.load({"database_url": "--to"}, database_url=to).database_url
        with opening.prepared(url) as applied:
            for name in applied:
                typer.echo(f"applied {name}")
            if renew_epochs:
                typer.echo(f"renewed the epochs of {opening.renew_epochs(url)} feeds: cursors from before are void")
            if target is not None:
                with logs.configured("error"):  # what the driver prints of a row is for nobody
                    copied = opening.copy_into(url, target.get_secret_value(), typer.echo)
                rows = sum(table.rows for table in copied)
                shown = opening.describe(target.get_secret_value())
                typer.echo(f"copied {rows} rows to {shown}: serve that from now on, and not the file")
    except StartupError as error:
        refuse(error)
    typer.echo(f"{opening.describe(url)} is up to date")


def backup(file: Copy, *, database: options.Database = None) -> None:
    """Copy the database of one SQLite file, also while it is served.

    The copy shows one moment and is checked before it gets its name. Nobody who sends waits for it. For
    PostgreSQL there is pg_dump.

    \b
    Example:
      tocsin backup copy.db --database sqlite:////tmp/tocsin.db
    """
    from tocsin_server.config import sources as config  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.domain.errors import StartupError  # noqa: PLC0415
    from tocsin_server.storage import opening  # noqa: PLC0415

    try:
        url = config.load({"database_url": "--database"}, database_url=database).database_url.get_secret_value()
        size = opening.back_up(url, file)
    except StartupError as error:
        refuse(error)
    typer.echo(f"copied {opening.describe(url)} to {file} ({size / 1_000_000:.1f} MB)")
