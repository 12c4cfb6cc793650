"""What the image is made of: pinned with hashes, as tested, and licensed so that we may ship it."""

from __future__ import annotations

import re
import runpy
import tomllib
from importlib.metadata import version

import pytest

from .markdown import ROOT

LOCKED = ("requirements.txt", "build-requirements.txt")
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
LICENCES = runpy.run_path(str(ROOT / "script/licences"))


def plain(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(name: str) -> dict[str, str]:
    """The versions of a locked file, each line of which is a pin or one of its hashes."""
    pins: dict[str, str] = {}
    lines = (ROOT / "deploy" / name).read_text().splitlines()
    hashed = True
    for line in filter(lambda one: not one.startswith("#"), lines):
        if HASH.match(line):
            hashed = True
            continue
        pin = PIN.match(line)
        assert pin is not None, line
        assert hashed, f"nothing before {line} has a hash"
        pins[pin[1]], hashed = pin[2], False
    assert hashed
    return pins


def needed() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {plain(re.split(r"[\[<>=; ]", one)[0]) for one in project["dependencies"]}


@pytest.mark.parametrize("name", LOCKED)
def test_every_package_has_a_version_and_its_hashes(name: str) -> None:
    assert len(read_pins(name)) > 5


def test_the_image_holds_what_the_tests_ran_with() -> None:
    pins = read_pins("requirements.txt")
    assert needed() - set(pins) == set(), "run script/lock"
    constraints = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    tested = {plain(name): number for name, number in constraints.items()}
    assert {n: v for n, v in pins.items() if tested.get(n, v) != v} == {}, "run script/lock"


def test_each_licence_may_be_shipped_and_is_listed() -> None:
    page = (ROOT / "docs/licences.md").read_text()
    for name, number in LICENCES["pins"]():
        licence = LICENCES["licence_of"](name)
        if licence is None:
            continue  # for another system or version of Python
        assert LICENCES["is_shipped"](licence), f"{name}: {licence}"
        assert version(name) != number or f"| {name} | {number} | {licence} |" in page


def test_a_licence_that_may_not_be_shipped_is_noticed() -> None:
    assert not LICENCES["is_shipped"]("GPL-3.0-only")
    assert not LICENCES["is_shipped"]("MIT AND AGPL-3.0-or-later")
    assert not LICENCES["is_shipped"]("none stated")
