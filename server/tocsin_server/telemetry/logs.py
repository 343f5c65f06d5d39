"""Log lines: a sentence for people, and the event's name and fields beside it for programs.

Message bodies, addresses and tokens are never logged; call sites pass ids, reasons and counts.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """Writes ``2026-01-31T08:15:00.250Z WARNING a sentence [event=… field=…]``; ``fields`` stand in every line."""

    def __init__(self, **fields: object) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Write one record, with its traceback if it has one."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        fields = " ".join(f"{name}={value}" for name, value in (self._fields | given).items())
        line = f"{at} {record.levelname} {record.getMessage()}"
        if fields:
            line += f" [{fields}]"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(level: str, **fields: object) -> None:
    """Send our own log to stderr from ``level`` on, and that of libraries from warnings on.

    ``fields`` stand in every line, such as ``worker=2`` where several processes write to one place.

    Libraries are held to warnings since some log more than may be known (httpx logs URLs, and Telegram's carry the
    bot's token).
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(**fields))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tocsin_server").setLevel(level.upper())
