"""``python -m tocsin_server`` and the ``tocsin`` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # Of no use to us, since no process of ours goes on after a fork; on, it makes the library remark on every child
    # process on standard error. It is read once, when the library is imported.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        from tocsin_server.cli.app import run  # noqa: PLC0415 - may be missing, see below
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tocsin"):
            raise
        sys.exit(f"tocsin: {error.name} is not installed; the command needs: pip install 'tocsin[server]'")
    run()


if __name__ == "__main__":
    main()
