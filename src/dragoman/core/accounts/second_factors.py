"""A second factor: one-time codes of an app (TOTP, RFC 6238), and recovery codes.

The secret of the codes is sealed with the key in a file, since it must stay readable. A code counts
once; so does each recovery code.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

import msgspec
import pyotp
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.people import Principal
from dragoman.core.accounts.sql import second_factors as stored
from dragoman.core.accounts.sql.second_factors import CodeUse, FactorEnd, FactorPut, StoredFactor
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.sealing import SealBroken, Sealer
from dragoman.storage.engine import Storage

ISSUER: Final = "Dragoman"
DIGITS: Final = 6
STEP_S: Final = 30
STEPS_OFF: Final = (0, -1, 1)
"""Steps by which a phone's clock may differ."""
RECOVERY_CODES: Final = 10
_RECOVERY_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH: Final = 12

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class SecondFactors:
    """Sets factors up, checks codes, and takes factors away."""

    storage: Storage
    accounts: Accounts
    sealer: Sealer
    clock: Clock

    async def has(self, who: Principal) -> bool:
        """Whether somebody has a second factor."""
        return await self._find(who) is not None

    async def owners(self, account: Account) -> frozenset[int]:
        """Which people of an account have one; `OWN` is the account's own sign-in."""
        account_id = account.account_id
        return await self.storage.read(lambda c: stored.load_owners(c, account_id))

    async def recovery_left(self, who: Principal) -> int:
        """How many recovery codes are left."""
        factor = await self._find(who)
        return len(factor.recovery) if factor is not None else 0

    def new_secret(self) -> str:
        """A secret for an app, in base 32."""
        return pyotp.random_base32()

    def address_of(self, who: Principal, secret: str) -> str:
        """What an app reads from a picture of squares (`otpauth://`)."""
        return pyotp.TOTP(secret).provisioning_uri(name=who.name, issuer_name=ISSUER)

    async def set_up(
        self, who: Principal, secret: str, code: str, audit: tuple[AuditEntry, ...] = ()
    ) -> list[str]:
        """Stores a secret that the app knows, as its code shows; the recovery codes.

        An earlier factor ends. Raises `Refused`, INVALID_FIELD for a wrong code.
        """
        step = _step_of(secret, code, self.clock.now_ms())
        if step is None:
            raise Refused(RefusalCode.INVALID_FIELD, "code", "not a code of this secret")
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        try:
            sealed = self.sealer.seal(secret)
        except SealBroken as error:
            raise self._unreadable(error) from None
        factor = StoredFactor(
            account_id=who.account.account_id,
            person_id=who.person_id,
            secret=sealed,
            recovery=tuple(_digest_of(one) for one in codes),
            last_step=step,
            created_ms=self.clock.now_ms(),
        )
        await self.storage.writer.write(stored.put, FactorPut(factor=factor, audit=audit))
        return codes

    async def verify(self, who: Principal, code: str, address: str) -> None:
        """Uses up a code of the app, or a recovery code; raises `Refused`, later and later."""
        if not await self._use(who, code):
            await self.accounts.refuse_login(
                f"second factor\0{who.account.account_id}\0{who.person_id}\0{address}"
            )

    async def renew_recovery(self, who: Principal, audit: tuple[AuditEntry, ...] = ()) -> list[str]:
        """New recovery codes in place of those that are left; raises `Refused` without a factor."""
        factor = await self._find(who)
        if factor is None:
            raise Refused(RefusalCode.NOT_FOUND, who.name, "no second factor")
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        renewed = msgspec.structs.replace(factor, recovery=tuple(_digest_of(one) for one in codes))
        await self.storage.writer.write(stored.put, FactorPut(factor=renewed, audit=audit))
        return codes

    async def remove(self, who: Principal, audit: tuple[AuditEntry, ...] = ()) -> None:
        """Takes a factor away."""
        end = FactorEnd(account_id=who.account.account_id, person_id=who.person_id, audit=audit)
        await self.storage.writer.write(stored.end, end)

    async def _use(self, who: Principal, code: str) -> bool:
        factor = await self._find(who)
        if factor is None:
            return False
        typed = "".join(code.split()).replace("-", "").lower()
        use: CodeUse | None = None
        account_id, person_id = factor.account_id, factor.person_id
        if typed.isascii() and typed.isdigit() and len(typed) == DIGITS:
            try:
                secret = self.sealer.unseal(factor.secret)
            except SealBroken as error:
                raise self._unreadable(error) from None
            step = _step_of(secret, typed, self.clock.now_ms())
            if step is not None:
                use = CodeUse(account_id=account_id, person_id=person_id, step=step)
        elif len(typed) == _RECOVERY_LENGTH:
            digest = _digest_of(typed)
            use = CodeUse(account_id=account_id, person_id=person_id, recovery=digest)
        return use is not None and await self.storage.writer.write(stored.use, use)

    async def _find(self, who: Principal) -> StoredFactor | None:
        account_id, person_id = who.account.account_id, who.person_id
        return await self.storage.read(lambda c: stored.find(c, account_id, person_id))

    def _unreadable(self, error: SealBroken) -> StorageUnavailable:
        log.error("second_factor_unreadable", reason=str(error))
        return StorageUnavailable(f"no second factor can be read: {error}")


def _step_of(secret: str, code: str, now_ms: int) -> int | None:
    """The time step that a code is of; None for a wrong one."""
    now = now_ms // 1000 // STEP_S
    try:
        totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
        for off in STEPS_OFF:
            if hmac.compare_digest(totp.generate_otp(now + off).encode(), code.encode()):
                return now + off
    except ValueError:  # not a secret in base 32
        pass
    return None


def _new_recovery_code() -> str:
    """A code of 59 bits."""
    return "".join(secrets.choice(_RECOVERY_LETTERS) for _ in range(_RECOVERY_LENGTH))


def _digest_of(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
