"""How a phone registers: with a one-time code, a token, or its account's name and password."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import field

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import Device, RegistrationKind
from dragoman.core.devices.sql import devices
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.model.views import key_of_digest
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.token_bucket import TokenBucket
from dragoman.storage.engine import Storage

CODE_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 6
MAX_CODE_LIFE_S = 24 * 3600.0
TOKEN_BYTES = 24
WRONG_PER_S = 2.0
WRONG_AT_ONCE = 30.0
"""Of 887 million codes, guesses at this pace find one of ten valid ones in a million minutes."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code to enter on a phone."""

    code: str
    expires_ms: int


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Permission to register one phone."""

    account: Account
    carrier: str
    code_id: int | None = None
    """The code that is used up by it."""


@use_case(kw_only=True)
class DeviceRegistration:
    """Issues and checks what phones register with."""

    storage: Storage
    accounts: Accounts
    fleet: Devices
    ids: IdSource
    clock: Clock
    code_life_s: float
    choose: Callable[[str], str] = secrets.choice
    _wrong: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        now = self.clock.monotonic()
        self._wrong = TokenBucket(rate_per_s=WRONG_PER_S, burst=WRONG_AT_ONCE, now=now)

    async def create_code(
        self, account: Account, carrier: str = "", life_s: float | None = None
    ) -> Code:
        """A code that registers one phone of an account within a time; raises `Refused`."""
        life_s = life_s or self.code_life_s
        if not 0 < life_s <= MAX_CODE_LIFE_S:
            raise Refused(RefusalCode.INVALID_FIELD, "life", "at most a day")
        code = "".join(self.choose(CODE_LETTERS) for _ in range(CODE_LENGTH))
        expires_ms = self.clock.now_ms() + round(life_s * 1000)
        await self._store(account, carrier, RegistrationKind.CODE, code, expires_ms)
        return Code(code=code, expires_ms=expires_ms)

    async def create_token(self, account: Account, carrier: str = "") -> str:
        """A token that registers any number of phones of an account; raises `Refused`."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await self._store(account, carrier, RegistrationKind.TOKEN, token, None)
        return token

    async def end_all(self, account: Account) -> None:
        """Ends the codes and tokens of an account; phones that registered with them stay."""
        end = devices.RegistrationEnd(account_id=account.account_id, at_ms=self.clock.now_ms())
        await self.storage.writer.write(devices.end_registrations, end)

    async def enter(
        self, account: Account, carrier: str, *, protocol: str, name: str
    ) -> tuple[Device, str]:
        """A phone that does not register itself, with its token; raises `Refused`."""
        if not account.enabled:
            raise Refused(RefusalCode.PERMISSION_DENIED, account.username, "account is disabled")
        return await self.fleet.add(
            account, self._carrier(carrier), protocol=protocol, name=name, heard=False
        )

    async def by_code(self, code: str) -> Grant:
        """A grant for a code, ignoring case; raises `Refused`."""
        return await self._find(RegistrationKind.CODE, code.strip().lower())

    async def by_token(self, token: str) -> Grant:
        """A grant for a token; raises `Refused`."""
        return await self._find(RegistrationKind.TOKEN, token)

    async def by_password(self, username: str, password: str, address: str) -> Grant:
        """A grant for an account's own credentials; raises `Refused`."""
        account = await self.accounts.authenticate_password(
            username, password, address, CredentialKind.PASSWORD
        )
        return Grant(account=account, carrier=self._carrier(""))

    async def _find(self, kind: RegistrationKind, secret: str) -> Grant:
        digest = _digest(secret)
        await self.accounts.placement.check("code", key_of_digest(digest))
        found = await self.storage.read(lambda c: devices.find_registration(c, kind, digest))
        expired = (
            found is not None
            and found.expires_ms is not None
            and found.expires_ms <= self.clock.now_ms()
        )
        if found is None or expired:
            if not self._wrong.take(self.clock.monotonic()):
                raise Refused(RefusalCode.UNAVAILABLE, kind, "too many wrong ones; try later")
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, kind, "unknown, used or too old")
        account = await self.accounts.find_by_id(found.account_id)
        if account is None or not account.enabled:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, kind, "account is disabled")
        code_id = found.registration_id if kind is RegistrationKind.CODE else None
        return Grant(account=account, carrier=self._carrier(found.carrier), code_id=code_id)

    def _carrier(self, name: str) -> str:
        carriers = self.fleet.carriers
        if not carriers:
            raise Refused(RefusalCode.NOT_SUPPORTED, "carrier", "no carrier is of type phones")
        if name and name not in carriers:
            raise Refused(RefusalCode.NOT_FOUND, name, "no such carrier of type phones")
        return name or next(iter(carriers))

    async def _store(
        self,
        account: Account,
        carrier: str,
        kind: RegistrationKind,
        secret: str,
        expires_ms: int | None,
    ) -> None:
        registration = devices.NewRegistration(
            registration_id=self.ids.next(),
            account_id=account.account_id,
            carrier=self._carrier(carrier),
            kind=kind.value,
            digest=_digest(secret),
            expires_ms=expires_ms,
        )
        await self.storage.writer.write(devices.register, registration)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
