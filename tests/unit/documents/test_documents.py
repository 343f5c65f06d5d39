"""What documents quote: found, compared, put right; and the documents of this repository are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from documents import links, quotes, settings_table
from documents.__main__ import problems_of_all
from tocsin_server.config.settings import Settings

DOCUMENT = """\
before

<!-- quote code.py part -->
```python
stale
```

after
"""


def test_the_documents_of_this_repository_are_up_to_date() -> None:
    assert problems_of_all() == [], "run: make docs"


def test_a_quotation_is_what_its_source_has(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("x = 1\n    # quote: part\n    if x:\n        y = 2\n    # end of quote\nz = 3\n")
    right = quotes.rewritten(DOCUMENT, tmp_path)
    assert right == DOCUMENT.replace("stale\n", "if x:\n    y = 2\n")
    assert quotes.rewritten(right, tmp_path) == right


def test_a_whole_file_is_quoted_where_no_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("\nx = 1\n")
    whole = DOCUMENT.replace(" part", "")
    assert quotes.rewritten(whole, tmp_path) == whole.replace("stale\n", "x = 1\n")


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("# quote: parts\n# end of quote\n")
    with pytest.raises(quotes.MissingQuote, match=r"^code.py has no part that is called part$"):
        quotes.rewritten(DOCUMENT, tmp_path)
    with pytest.raises(FileNotFoundError):
        quotes.rewritten(DOCUMENT.replace("code.py", "other.py"), tmp_path)


def test_lines_of_a_file_must_stand_there_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>\n<a>\n  <b>\n")
    right = "<!-- lines of page.html -->\n```html\n<a>\n  <b>\n```\n"
    assert quotes.rewritten(right, tmp_path) == right
    with pytest.raises(quotes.MissingQuote, match=r"^page.html does not have the lines"):
        quotes.rewritten(right.replace("<a>", "<c>"), tmp_path)


def test_the_table_has_every_setting_with_its_default() -> None:
    text = settings_table.rewritten("a\n<!-- settings:begin -->old<!-- settings:end -->\nb")
    assert text.startswith("a\n<!-- settings:begin -->\n\n**The server**\n")
    assert text.endswith("<!-- settings:end -->\nb")
    for name in Settings.model_fields:
        assert text.count(f"\n| `TOCSIN_{name.upper()}` | ") == 1
    assert "| `TOCSIN_RETRY_CAP` | `1h` | " in text
    assert "| `TOCSIN_DATABASE_URL` | `sqlite:///tocsin.db` | " in text
    assert "| `TOCSIN_JWT_SECRET` |  | " in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(5.0, "5s"), (60.0, "1m"), (90.0, "90s"), (86400.0, "1d"), (0.25, "250ms"), (12, "12"), ((), "")],
)
def test_a_default_is_shown_as_one_would_write_it(value: object, text: str) -> None:
    assert settings_table.shown(value) == text


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A heading, with `code`\n")
    document = tmp_path / "document.md"
    document.write_text(
        "[ok](other.md) [ok](other.md#a-heading-with-code) [ok](https://example.org/nowhere) `[code](none.md)`\n"
        "[no](missing.md) [no](other.md#another) [no](../elsewhere.md)\n```\n[code](none.md)\n```\n"
    )
    assert list(links.problems(document, tmp_path)) == [
        "the link to missing.md leads nowhere",
        "the link to other.md#another names a heading that is not there",
        "the link to ../elsewhere.md leads nowhere",
    ]
