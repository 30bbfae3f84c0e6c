"""Every example in README.md and docs/ works as it is written: the pages are run, block by block."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page import ROOT, Page

PAGES = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")) if path.exists())


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES])
def test_the_page_does_what_it_says(path: Path, tmp_path: Path) -> None:
    """Commands print what the page shows, programs run, specs are good."""
    with Page(tmp_path) as page:
        page.run(path.read_text("utf-8"))


def test_there_are_pages() -> None:
    """The list above is not empty by a wrong path."""
    assert "docs/cli.md" in [str(path.relative_to(ROOT)) for path in PAGES]
