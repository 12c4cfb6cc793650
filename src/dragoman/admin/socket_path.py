"""Where the admin socket of a data folder is.

The address of a UNIX socket holds about 100 bytes; a folder with a longer path gets a socket in a
folder of its own under the temporary one, which no other user may have made.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

NAME: Final = "admin.sock"
MAX_BYTES: Final = 100


class UnsafeFolder(Exception):
    """The folder for the socket belongs to another user or lets others in."""


def socket_path(data_dir: Path) -> Path:
    """The path of the socket, the same for the gateway and for those who call it."""
    data_dir = data_dir.resolve()  # by whatever name somebody reaches it
    path = data_dir / NAME
    if len(os.fsencode(path)) <= MAX_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return _short_folder(data_dir) / f"{digest}.sock"


def make_folder(path: Path, data_dir: Path) -> None:
    """Makes the folder of a socket; raises `UnsafeFolder` where another user could have."""
    if path.parent == data_dir.resolve():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    check_folder(path, data_dir)


def check_folder(path: Path, data_dir: Path) -> None:
    """Raises `UnsafeFolder` where the socket could be another user's."""
    if path.parent == data_dir.resolve() or not path.parent.exists():
        return
    found = path.parent.lstat()
    trusted = {0, os.geteuid(), _owner(data_dir)}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in trusted or found.st_mode & 0o077:
        raise UnsafeFolder(f"{path.parent} is not a folder of this user alone")


def _short_folder(data_dir: Path) -> Path:
    return Path(tempfile.gettempdir()) / f"dragoman-{_owner(data_dir)}"


def _owner(data_dir: Path) -> int:
    try:
        return data_dir.stat().st_uid
    except OSError:
        return os.geteuid()
