"""What a development gateway tells others: `dev.json` for programs, `dev.env` for shells.

Nothing else holds its secrets.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import msgspec

from dragoman.cli.variables import DATA_VARIABLE

NAME: Final = "dev.json"
KEPT: Final = "dev.json.kept"
SHELL: Final = "dev.env"


class DevAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its secrets in plain text: for development only."""

    username: str
    password: str
    api_key: str
    legacy_md5: bool = True
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    smpp_system_id: str = ""
    smpp_password: str = ""


class DevNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a cluster for development, a process of its own that may be killed."""

    name: str
    base_url: str
    pid: int


class DevFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway is and how to use it."""

    base_url: str = ""
    smsc_host: str = ""
    smsc_port: int = 0
    smsc_system_id: str = ""
    smsc_password: str = ""
    smpp_host: str = ""
    """Where the accounts bind with their `smpp_system_id`."""
    smpp_port: int = 0
    accounts: tuple[DevAccount, ...] = ()
    device_id: int | None = None
    """The simulated phone, where there is one."""
    nodes: tuple[DevNode, ...] = ()
    """With `--nodes`."""
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
    (folder / SHELL).unlink(missing_ok=True)
    if (folder / NAME).exists():
        os.replace(folder / NAME, folder / KEPT)
    return found.accounts


def keep(folder: Path, content: DevFile) -> None:
    """Writes secrets before they are used, where nobody looks for a gateway that is ready."""
    _write(folder / KEPT, _render_json(content))


def publish(folder: Path, content: DevFile) -> None:
    """Writes `dev.env` and then `dev.json`, each at once and whole: the gateway is ready."""
    _write(folder / SHELL, _render_shell(folder, content))
    _write(folder / NAME, _render_json(content))
    (folder / KEPT).unlink(missing_ok=True)


def _render_json(content: DevFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def variables(content: DevFile) -> dict[str, str]:
    """The address of the gateway and what its account signs in with, by their names in examples."""
    values = {"URL": content.base_url}
    for account in content.accounts[:1]:
        values |= {
            "KEY": account.api_key,
            "ACCOUNT": account.username,
            "PASSWORD": account.password,
            "TWILIO_ACCOUNT_SID": account.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": account.twilio_auth_token,
        }
    if content.device_id is not None:
        values["DEVICE"] = str(content.device_id)
    return values


def _render_shell(folder: Path, content: DevFile) -> bytes:
    values = variables(content)
    programs = Path(sys.executable).parent
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines.append(f"export {DATA_VARIABLE}={shlex.quote(str(folder.resolve()))}")
    if (programs / "dragoman").exists():
        lines.append(f'PATH={shlex.quote(str(programs))}:"$PATH"')
    return "\n".join([f"# Written by `dragoman dev` for shells: . ./{SHELL}", *lines, ""]).encode()


def _write(path: Path, text: bytes) -> None:
    written = path.with_name(f"{NAME}.writing")
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(written, path)
