"""``python -m tocsin_server`` and the ``tocsin`` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # Of no use to us, since no process of ours goes on after a fork; on, it makes the library remark on every child
    # process on standard error. It is read once, when the library is imported.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # The library's core writes to standard error by itself what strangers say: the text of a GOAWAY, a gigabyte in
    # seconds, with lines in it that look like ours. It is read once as well.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from tocsin_server.cli.app import run  # noqa: PLC0415 - may be missing, see below
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tocsin"):
            raise
        # No index has a package of ours, so the name alone would install nothing, or somebody else's.
        sys.exit(
            f"tocsin: {error.name} is not installed; the command needs the extra 'server'. "
            "In the folder with Tocsin's source: pip install '.[server]'"
        )
    run()


if __name__ == "__main__":
    main()
