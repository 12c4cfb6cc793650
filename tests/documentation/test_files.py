"""Files of the sources that pages name exist."""

from __future__ import annotations

import re

import pytest

from .markdown import PAGES, ROOT, Page

NAMED = re.compile(r"`((?:[\w.-]+/)*\w+\.(?:py|html|css|js))`")
EXAMPLES = frozenset({"shop.py"})
"""What a page lets its reader write."""
SOURCES = [
    f"/{path.relative_to(ROOT).as_posix()}"
    for folder in ("src", "tests", "benchmarks", "faults", "script", "docs")
    for path in (ROOT / folder).rglob("*.*")
]


@pytest.mark.parametrize("page", list(map(Page, PAGES)), ids=lambda page: page.name)
def test_every_source_file_of_a_page_exists(page: Page) -> None:
    named = set(NAMED.findall(page.path.read_text())) - EXAMPLES
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in SOURCES)] == []
