"""Folders on the disk: here processes are killed, and what they wrote has been synchronized."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_DISK = Path("/var/tmp")  # what is here outlives a restart of the machine, so it is no memory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on the disk, wherever the other tests have theirs."""
    folder = _DISK if _DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dragoman-", dir=folder) as path:
        yield Path(path).resolve()
