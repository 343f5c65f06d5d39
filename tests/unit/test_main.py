"""What the command says where only the client is installed."""

from __future__ import annotations

import subprocess
import sys


def test_without_what_the_server_needs_the_command_says_what_to_install() -> None:
    script = "import sys; sys.modules['typer'] = None; from tocsin_server.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "tocsin: typer is not installed; the command needs the extra 'server'. "
        "In the folder with Tocsin's source: pip install '.[server]'\n"
    )
