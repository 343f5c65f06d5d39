"""``python -m documents``: check what documents quote, or with ``--write`` bring it up to date.

What a document takes from elsewhere stands in it as text, so that it can be read anywhere, and is compared with its
source: the table of settings with the settings, snippets with files that tests run, links with the files they lead to.
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
from pathlib import Path

from documents import links, quotes, settings_table

ROOT = Path(__file__).parents[2]


def documents() -> list[Path]:
    """Return every document of the repository, a new one that git does not know yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).exists()]


def problems_of_all(*, write: bool = False) -> list[str]:
    """Return what is wrong with the documents, line by line; ``write`` puts right what can be."""
    problems: list[str] = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        try:
            right = quotes.rewritten(settings_table.rewritten(text), ROOT)
        except (quotes.MissingQuote, OSError) as error:
            problems.append(f"{path.relative_to(ROOT)}: {error}")
            continue
        if right != text and write:
            path.write_text(right, encoding="utf-8")
        elif right != text:
            name = str(path.relative_to(ROOT))
            problems += difflib.unified_diff(text.splitlines(), right.splitlines(), name, "should be", lineterm="", n=1)
        problems += [f"{path.relative_to(ROOT)}: {problem}" for problem in links.problems(path, ROOT)]
    return problems


def main() -> int:
    """Return 0 when every document is as it should be."""
    parser = argparse.ArgumentParser(prog="documents", description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring the documents up to date")
    problems = problems_of_all(write=parser.parse_args().write)
    if problems:
        problems.append("documents are stale: run 'make docs' and commit the result")
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
