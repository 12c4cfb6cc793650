"""Links lead to pages, files and headings that exist."""

from __future__ import annotations

import re

import pytest

from .markdown import PAGES, ROOT, Page

BY_NAME = {page.name: page for page in map(Page, PAGES)}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    page, broken = BY_NAME[name], []
    for link in page.links():
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        other = target.relative_to(ROOT).as_posix()
        if not target.exists() or (anchor and anchor not in BY_NAME[other].anchors()):
            broken.append(link)
    assert broken == []


def test_the_index_leads_to_every_page() -> None:
    index = BY_NAME["docs/README.md"]
    folder = index.path.parent
    named = {(folder / link.partition("#")[0]).resolve() for link in index.links()}
    wanted = {path for path in PAGES if folder in path.parents and path.parent.name != "adr"}
    assert {path.name for path in wanted - named} == {"README.md"}


def test_the_site_has_every_page_in_its_menu() -> None:
    menu = set(re.findall(r"^ +- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {name.removeprefix("docs/") for name in BY_NAME if name.startswith("docs/")}
    # The decisions and the presets are listed on pages of their own.
    wanted = {name for name in pages if not name.startswith(("adr/0", "carriers/http/"))}
    assert menu == wanted
