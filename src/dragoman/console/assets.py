"""Stylesheets, scripts and images under names with their digest, so that browsers keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Final

from dragoman.console.place import PREFIX
from dragoman.web.responses import Header, Response

PACKAGE: Final = "dragoman.console"
DIGITS: Final = 12
TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
)


class Assets:
    """The static files of the console, and of packages that add pages to it."""

    def __init__(self, packages: Iterable[str] = (PACKAGE,)) -> None:
        self._addresses, self._answers = _read(tuple(packages))

    def address(self, name: str) -> str:
        """Where a file is found now; KeyError for one that is not there."""
        return self._addresses[name]

    def find(self, name: str) -> Response | None:
        """The file of a name with its digest."""
        return self._answers.get(name)


@cache
def _read(packages: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, Response]]:
    """Addresses by the names of files, and answers by their names with a digest.

    They are part of the program, so consoles share what is read once.
    """
    addresses: dict[str, str] = {}
    answers: dict[str, Response] = {}
    for file in chain.from_iterable(
        files(package).joinpath("static").iterdir() for package in packages
    ):
        stem, _, suffix = file.name.rpartition(".")
        if suffix not in TYPES:
            continue
        content = file.read_bytes()
        name = f"{stem}.{hashlib.sha256(content).hexdigest()[:DIGITS]}.{suffix}"
        addresses[file.name] = f"{PREFIX}/static/{name}"
        answers[name] = Response(200, content, TYPES[suffix], _HEADERS)
    return addresses, answers
