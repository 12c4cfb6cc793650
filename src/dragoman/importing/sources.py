"""The gateways that can be read, and telling them apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dragoman.importing.jasmin import read_jasmin
from dragoman.importing.kannel import read_kannel
from dragoman.importing.plan import Plan

SOURCES: Final = MappingProxyType[str, Callable[[Path], Plan]](
    {"kannel": read_kannel, "jasmin": read_jasmin}
)


def read_source(name: str, path: Path) -> Plan:
    """Reads a gateway's configuration; raises OSError and ValueError where it cannot be read."""
    return SOURCES[name](path)
