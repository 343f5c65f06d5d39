"""Snippets in documents, quoted from files that tests run.

::

    <!-- quote clients/python/examples/send.py send -->
    ```python
    ...
    ```

    <!-- lines of clients/web/examples/production.html -->
    ```html
    ...
    ```

Of the first kind the last word, which may be left out, names a part of the file: the lines between ``quote: send`` and
``end of quote``, each in a comment of its own. What all lines of a quotation are indented by is left out. The second
kind is for files that take no such comments: the lines must stand there as they are.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_QUOTE = re.compile(
    r"(?P<head><!-- quote (?P<path>\S+)(?: (?P<part>\S+))? -->\n```\w*\n)(?P<text>.*?)(?P<tail>^```$)",
    re.DOTALL | re.MULTILINE,
)


_LINES = re.compile(r"<!-- lines of (?P<path>\S+) -->\n```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


class MissingQuote(Exception):
    """A document quotes what is not there; the message says what."""


def rewritten(text: str, root: Path) -> str:
    """Return a document with its quotations as their sources have them.

    Raises:
        MissingQuote: A source has no part of that name.
        OSError: There is no such source.
    """
    for found in _LINES.finditer(text):
        if found["text"] not in (root / found["path"]).read_text(encoding="utf-8"):
            raise MissingQuote(f"{found['path']} does not have the lines that are quoted of it")
    return _QUOTE.sub(lambda found: found["head"] + quoted(root / found["path"], found["part"]) + found["tail"], text)


def quoted(path: Path, part: str | None) -> str:
    """Return a file, or a part of it, as a document has it."""
    source = path.read_text(encoding="utf-8")
    if part is not None:
        mark = re.compile(
            rf"^[^\n]*\bquote: {re.escape(part)}\b[^\n]*\n(?P<inside>.*?)^[^\n]*\bend of quote\b",
            re.DOTALL | re.MULTILINE,
        )
        found = mark.search(source)
        if found is None:
            raise MissingQuote(f"{path.name} has no part that is called {part}")
        source = found["inside"]
    return textwrap.dedent(source).strip("\n") + "\n"
