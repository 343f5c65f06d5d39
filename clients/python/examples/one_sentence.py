"""Imported by the examples: a call that fails ends the program with one sentence and status 1, not with a traceback."""

import sys
from pathlib import Path
from types import TracebackType

from tocsin_client import TocsinError


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, TocsinError):
        away = error.code == "UNAVAILABLE" and not error.reason  # nobody answered: the library tells why, at the end
        why = error.message.rpartition(": ")[2]
        said = f"no Tocsin server answers ({why}); TOCSIN_SERVER says where one is" if away else str(error)
        print(f"{Path(sys.argv[0]).name}: {said}", file=sys.stderr)
    elif not isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _tell
