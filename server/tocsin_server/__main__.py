"""``python -m tocsin_server`` and the ``tocsin`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from tocsin_server.cli.app import run  # noqa: PLC0415 - may be missing, see below
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tocsin"):
            raise
        sys.exit(f"tocsin: {error.name} is not installed; the command needs: pip install 'tocsin[server]'")
    run()


if __name__ == "__main__":
    main()
