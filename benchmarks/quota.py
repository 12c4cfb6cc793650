"""Holds processes to a share of a core, by a control group of the kernel's (version 1 or 2)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 10_000
"""Short, so that a call never waits long for the next share."""


class NoQuota(Exception):
    """Why processes cannot be held back here."""


@contextlib.contextmanager
def held_to(cores: float, name: str, pid: int) -> Iterator[None]:
    """Gives a process and those that it starts so many cores; raises `NoQuota`.

    `name` is that of the control group, which lives as long as the block.
    """
    is_first = (ROOT / "cpu").is_dir()
    home = ROOT / "cpu" if is_first else ROOT
    group = home / f"dragoman-{name}"
    quota_us = round(cores * PERIOD_US)
    try:
        group.mkdir()
    except OSError as error:
        raise NoQuota(f"no control group can be made in {home}: {error.strerror}") from error
    try:
        if is_first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    except OSError as error:
        raise NoQuota(f"a control group in {home} takes no quota: {error.strerror}") from error
    finally:
        _remove(group, home)


def _remove(group: Path, home: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            (home / "cgroup.procs").write_text(pid)
    for _ in range(100):  # until the kernel has let go of who has just ended
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return
