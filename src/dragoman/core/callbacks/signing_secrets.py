"""What calls to an account's webhooks are signed with, in APIs that sign as Standard Webhooks does.

A new secret does not end the one before it at once: for a day calls carry a signature by either,
so that programs can change over. Both are stored sealed (ADR 0015).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import field
from typing import Final

import msgspec

from dragoman.core.accounts.dialect_records import DialectRecords, Record
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.sealing import SealBroken, Sealer
from dragoman.kit.turns import Turns

KIND: Final = "signing-secret"
SECRET_BYTES: Final = 32
OVERLAP_MS: Final = 86_400_000
"""How long the secret before the newest one still signs."""
MAX_REMEMBERED: Final = 10_000


class SigningSecret(msgspec.Struct, frozen=True, kw_only=True):
    """An account's secret, and the one before it while that counts."""

    current: bytes
    previous: bytes | None = None
    previous_until_ms: int = 0


class _Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record: sealed secrets."""

    current: str
    previous: str = ""
    previous_until_ms: int = 0


@use_case(kw_only=True)
class SigningSecrets:
    """Makes, replaces and reads the secrets of accounts, one for each API that has any."""

    records: DialectRecords
    sealer: Sealer
    clock: Clock
    new_secret: Callable[[], bytes] = lambda: secrets.token_bytes(SECRET_BYTES)
    _turns: Turns = field(default_factory=Turns, init=False)
    _opened: dict[bytes, SigningSecret] = field(default_factory=dict, init=False)
    """By record, as unsealing takes longer than signing."""

    async def ensure(self, account: Account, dialect: str) -> SigningSecret:
        """The secret of an account, made if it has none; raises `StorageUnavailable`."""
        async with self._turns.of((account.account_id, dialect)):
            known = await self.find(account.account_id, dialect)
            return known or await self._put(account, dialect, None)

    async def rotate(self, account: Account, dialect: str) -> SigningSecret:
        """A new secret in place of any other; raises `StorageUnavailable`."""
        async with self._turns.of((account.account_id, dialect)):
            known = await self.find(account.account_id, dialect)
            return await self._put(account, dialect, known)

    async def find(self, account_id: int, dialect: str) -> SigningSecret | None:
        """The secret of an account, if it has one; raises `StorageUnavailable`."""
        record = await self.records.find(dialect, KIND, str(account_id))
        return None if record is None else self._open(record)

    async def _put(
        self, account: Account, dialect: str, known: SigningSecret | None
    ) -> SigningSecret:
        fresh = self.new_secret()
        stored = _Stored(
            current=self._seal(fresh),
            previous=self._seal(known.current) if known is not None else "",
            previous_until_ms=self.clock.now_ms() + OVERLAP_MS if known is not None else 0,
        )
        name = str(account.account_id)
        record = await self.records.put(account, dialect, KIND, name, msgspec.json.encode(stored))
        return self._open(record)

    def _open(self, record: Record) -> SigningSecret:
        opened = self._opened.get(record.content)
        if opened is None:
            stored = msgspec.json.decode(record.content, type=_Stored)
            opened = SigningSecret(
                current=self._unseal(stored.current),
                previous=self._unseal(stored.previous) if stored.previous else None,
                previous_until_ms=stored.previous_until_ms,
            )
            if len(self._opened) >= MAX_REMEMBERED:
                self._opened.clear()
            self._opened[record.content] = opened
        if opened.previous is not None and self.clock.now_ms() >= opened.previous_until_ms:
            return SigningSecret(current=opened.current)
        return opened

    def _seal(self, secret: bytes) -> str:
        try:
            return self.sealer.seal(base64.b64encode(secret).decode()).decode()
        except SealBroken as error:
            raise StorageUnavailable(f"no secret can be sealed: {error}") from None

    def _unseal(self, sealed: str) -> bytes:
        try:
            return base64.b64decode(self.sealer.unseal(sealed.encode()), validate=True)
        except (SealBroken, binascii.Error) as error:
            raise StorageUnavailable(f"no secret can be read: {error}") from None
