"""API keys of two halves, as Twilio has them: a SID that names one, and a secret shown once.

An account may have many, each with a name, and each ends by itself. They authenticate programs in
place of its auth token (`auth_tokens`), and sign nothing.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final, NamedTuple

import msgspec

from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.dialect_records import DialectRecords, Record
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.texts import check_text
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import time_of

PREFIX: Final = "SK"
SECRET_BYTES: Final = 24
MAX_NAME: Final = 64
DIALECT: Final = "twilio"
KIND: Final = "keys"

_SID: Final = re.compile(r"SK[0-9a-f]{32}")


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    sid: str
    account_id: int
    name: str
    created_ms: int
    updated_ms: int


class NewKeyPair(NamedTuple):
    """A new key and its secret, which is shown this once."""

    key: KeyPair
    secret: str


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its record has it."""

    friendly_name: str
    digest: str
    """SHA-256 of the secret, in hexadecimal digits."""
    updated_ms: int


@use_case(kw_only=True)
class KeyPairs:
    """Makes, lists, renames, checks and ends the keys of accounts."""

    records: DialectRecords
    clock: Clock

    async def create(self, account: Account, name: str) -> NewKeyPair:
        """Makes a key; raises `Refused` for a name too long, or one key too many."""
        check_text("FriendlyName", name, MAX_NAME)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        kept = _Kept(
            friendly_name=name,
            digest=digest_of_key(secret).hex(),
            updated_ms=self.clock.now_ms(),
        )
        sid = PREFIX + secrets.token_hex(16)
        return NewKeyPair(await self._put(account, sid, kept), secret)

    async def of_account(self, account: Account) -> list[KeyPair]:
        """The keys of an account, newest first."""
        found = await self.records.of_account(account, DIALECT, KIND)
        return list(map(_key_of, found))

    async def find(self, account: Account, sid: str) -> KeyPair | None:
        """One key of an account."""
        record = await self._find(sid)
        return _key_of(record) if record and record.account_id == account.account_id else None

    async def rename(self, account: Account, sid: str, name: str) -> KeyPair | None:
        """Calls a key something else; None where the account has no such key. Raises `Refused`."""
        check_text("FriendlyName", name, MAX_NAME)
        record = await self._find(sid)
        if record is None or record.account_id != account.account_id:
            return None
        changed = msgspec.structs.replace(
            _read(record), friendly_name=name, updated_ms=self.clock.now_ms()
        )
        return await self._put(account, sid, changed)

    async def remove(self, account: Account, sid: str) -> bool:
        """Ends a key at once; whether the account had it."""
        return await self.records.remove(account, DIALECT, KIND, sid)

    async def account_of(self, sid: str, secret: str) -> int | None:
        """The account whose key this is; None for a wrong secret."""
        record = await self._find(sid)
        if record is None:
            return None
        digest = digest_of_key(secret).hex()
        is_right = hmac.compare_digest(_read(record).digest, digest)
        return record.account_id if is_right else None

    async def _find(self, sid: str) -> Record | None:
        return await self.records.find(DIALECT, KIND, sid) if _SID.fullmatch(sid) else None

    async def _put(self, account: Account, sid: str, kept: _Kept) -> KeyPair:
        content = msgspec.json.encode(kept)
        return _key_of(await self.records.put(account, DIALECT, KIND, sid, content))


def _read(record: Record) -> _Kept:
    return msgspec.json.decode(record.content, type=_Kept)


def _key_of(record: Record) -> KeyPair:
    kept = _read(record)
    return KeyPair(
        sid=record.name,
        account_id=record.account_id,
        name=kept.friendly_name,
        created_ms=time_of(record.position),
        updated_ms=kept.updated_ms,
    )
