"""Secrets that must stay readable: sealed with a key in a file, so that rows alone tell nothing.

The key is made when the first secret is sealed. Who loses the file loses the secrets, so it belongs
into the backup, beside the database and not in it.
"""

from __future__ import annotations

import os
from pathlib import Path


class SealBroken(Exception):
    """A secret cannot be read: the key file is gone, is not readable, or is another one's."""


class Sealer:
    """Seals with the key in a file, which only its owner can read."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key: bytes | None = None

    def seal(self, secret: str) -> bytes:
        """The sealed secret; raises `SealBroken`."""
        from cryptography.fernet import Fernet  # slow to load, and not every gateway seals

        return Fernet(self._load(create=True)).encrypt(secret.encode())

    def unseal(self, sealed: bytes) -> str:
        """The secret; raises `SealBroken`."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._load(create=False)).decrypt(sealed).decode()
        except InvalidToken:
            raise SealBroken(f"{self._key_file} is not the key of this database") from None

    def _load(self, *, create: bool) -> bytes:
        if self._key is None:
            self._key = self._read(create=create)
        return self._key

    def _read(self, *, create: bool) -> bytes:
        from cryptography.fernet import Fernet

        path = self._key_file
        try:
            if create and not path.exists():
                _write_once(path, Fernet.generate_key() + b"\n")
            key = path.read_bytes().strip()
            Fernet(key)
        except OSError as error:
            raise SealBroken(f"{path}: {error.strerror}") from None
        except ValueError:
            raise SealBroken(f"{path} does not hold a key") from None
        return key


def _write_once(path: Path, content: bytes) -> None:
    """Writes a file whole and durably, unless there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(written, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(written, path)
    except FileExistsError:
        pass  # another process was faster, and its key counts
    finally:
        written.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # before what is sealed with it
    finally:
        os.close(folder)
