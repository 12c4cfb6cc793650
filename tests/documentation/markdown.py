"""Reads a page of ours: its fenced blocks with what a test is told of them, headings and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(
    sorted(
        path
        for folder in (ROOT, ROOT / "docs")
        for path in (folder.rglob("*.md") if folder != ROOT else folder.glob("*.md"))
    )
)
"""Every page of the project."""

_FENCE: Final = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_DIRECTIVE: Final = re.compile(r"<!-- test: ([^\n]+) -->\n+\s*\Z")
_HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A fenced block; `told` is the comment `<!-- test: … -->` on the line before it."""

    language: str
    text: str
    line: int
    told: str = ""
    follows: bool = False
    """Whether nothing but space stands between the block before and this one."""


class Page:
    """A page as it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.prose = _FENCE.sub("", self.text)

    def blocks(self) -> list[Block]:
        """The fenced blocks in their order."""
        found, end = [], -1
        for match in _FENCE.finditer(self.text):
            before = self.text[: match.start()]
            told = _DIRECTIVE.search(before)
            between = before[end:].strip() if end >= 0 else before
            indent = match[1]
            text = "".join(line.removeprefix(indent) for line in match[4].splitlines(True))
            found.append(
                Block(
                    language=match[3],
                    text=text,
                    line=before.count("\n") + 2,
                    told=told[1] if told else "",
                    follows=not between,
                )
            )
            end = match.end()
        return found

    def anchors(self) -> set[str]:
        """What links may name behind `#`."""
        anchors: dict[str, int] = {}
        for title in _HEADING.findall(self.prose):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
            slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            anchors[slug] = anchors.get(slug, -1) + 1
        return {
            f"{slug}-{n}" if n else slug for slug, last in anchors.items() for n in range(last + 1)
        }

    def links(self) -> list[str]:
        """Where its links and pictures lead."""
        return _LINK.findall(_CODE.sub("", self.prose))

    def code(self) -> list[str]:
        """What stands between single backticks."""
        return _CODE.findall(self.prose)
