"""Links in documents that lead to other files of the repository, or to headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#+ (?P<title>.*)$", re.MULTILINE)


def problems(path: Path, root: Path) -> Iterator[str]:
    """Yield what is wrong with the links of a document."""
    for found in _LINK.finditer(_CODE.sub("", _text(path))):
        name, _, heading = found["target"].partition("#")
        if re.match(r"[a-z]+:", name):
            continue  # elsewhere
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or not target.is_relative_to(root):
            yield f"the link to {found['target']} leads nowhere"
        elif heading and heading not in set(anchors(target)):
            yield f"the link to {found['target']} names a heading that is not there"


def anchors(path: Path) -> Iterator[str]:
    """Yield what the headings of a document are called in links, as GitHub forms it."""
    for found in _HEADING.finditer(_text(path)):
        yield re.sub(r"[^\w\- ]", "", found["title"].lower()).replace(" ", "-")


def _text(path: Path) -> str:
    return _BLOCK.sub("", path.read_text(encoding="utf-8"))
