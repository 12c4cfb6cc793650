"""`dev.json`: what a development gateway tells programs, and the only place of its secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "dev.json"
KEPT: Final = "dev.json.kept"


class DevAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its secrets in plain text: for development only."""

    username: str
    password: str
    api_key: str
    legacy_md5: bool = True


class DevFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway is and how to use it."""

    base_url: str = ""
    smsc_host: str = ""
    smsc_port: int = 0
    smsc_system_id: str = ""
    smsc_password: str = ""
    accounts: tuple[DevAccount, ...] = ()
    device_id: int | None = None
    """The simulated phone, where there is one."""
    pid: int | None = None
    version: str = ""


def read(folder: Path) -> DevFile | None:
    """What the gateway of a folder says of itself, or said when it last ran."""
    for name in (NAME, KEPT):
        try:
            return msgspec.json.decode((folder / name).read_bytes(), type=DevFile)
        except (OSError, msgspec.DecodeError):
            continue
    return None


def set_aside(folder: Path) -> tuple[DevAccount, ...]:
    """Takes `dev.json` away until the gateway is ready (again); the accounts it had.

    So whoever waits for the file finds a gateway that answers. The secrets stay on disk under
    another name. To be called only by the process that has the folder's database.
    """
    found = read(folder)
    if found is None:
        return ()
    if (folder / NAME).exists():
        os.replace(folder / NAME, folder / KEPT)
    return found.accounts


def keep(folder: Path, content: DevFile) -> None:
    """Writes secrets before they are used, where nobody looks for a gateway that is ready."""
    _write(folder / KEPT, content)


def publish(folder: Path, content: DevFile) -> None:
    """Writes `dev.json`, at once and whole: the gateway is ready."""
    _write(folder / NAME, content)
    (folder / KEPT).unlink(missing_ok=True)


def _write(path: Path, content: DevFile) -> None:
    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    written = path.with_name(f"{NAME}.writing")
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(written, path)
