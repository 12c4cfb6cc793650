"""API keys: what one is called, and what it is good for."""

from __future__ import annotations

import re
from typing import Final, Protocol

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.allowed_addresses import AllowedAddresses
from dragoman.core.model.errors import RefusalCode, Refused

MAX_KEY_NAME: Final = 64
MAX_SCOPES: Final = 100
DEFAULT_NAME: Final = "default"
"""Of the key that comes with an account."""
_SCOPE: Final = re.compile(r"[a-z0-9]+(?:_[A-Za-z0-9]+)*")


class ApiCall(Protocol):
    """A call for which a key is looked at; `web.requests.Request` is one."""

    def scope_names(self) -> tuple[str, ...]:
        """The scopes that the call is within: its API, and the call by its name."""
        ...


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a key."""

    scopes: frozenset[str] = frozenset()
    """Names of APIs and of calls; empty for all."""
    allowed_addresses: AllowedAddresses = AllowedAddresses()
    expires_ms: int | None = None

    @property
    def is_none(self) -> bool:
        """Whether the key may do whatever its account may."""
        limits = (self.scopes, self.allowed_addresses.ranges, self.expires_ms is not None)
        return not any(limits)

    def check(self, call: ApiCall | None, address: str, now_ms: int) -> None:
        """Raises `Refused` for a call that the key is not good for."""
        if self.expires_ms is not None and now_ms >= self.expires_ms:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the key has expired")
        if not self.allowed_addresses.allow(address):
            raise Refused(RefusalCode.ADDRESS_NOT_ALLOWED, address)
        if self.scopes and (call is None or self.scopes.isdisjoint(call.scope_names())):
            raise Refused(RefusalCode.PERMISSION_DENIED, "key", "not within the scopes of the key")


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was looked up; without limits there is nothing to check."""

    account: Account
    credential_id: int
    limits: KeyLimits | None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an account without its secret; times are milliseconds since the Unix epoch."""

    key_id: int
    name: str
    limits: KeyLimits
    created_ms: int
    used_ms: int | None
    """When it was used last, to about a minute; None if it never was."""


def read_key_name(text: str) -> str:
    """The name of a key; raises `Refused`."""
    name = text.strip()
    if not 0 < len(name) <= MAX_KEY_NAME or not name.isprintable():
        detail = f"1 to {MAX_KEY_NAME} printable characters"
        raise Refused(RefusalCode.INVALID_FIELD, "name", detail)
    return name


def read_scopes(names: frozenset[str], apis: frozenset[str]) -> frozenset[str]:
    """Scopes of some APIs: an API's name, or a call's, which begins with it; raises `Refused`."""
    if len(names) > MAX_SCOPES:
        raise Refused(RefusalCode.INVALID_FIELD, "scopes", f"at most {MAX_SCOPES}")
    for name in sorted(names):
        if _SCOPE.fullmatch(name) is None or name.partition("_")[0] not in apis:
            known = ", ".join(sorted(apis))
            detail = f"{name[:80]!r} is neither an API ({known}) nor one of their calls"
            raise Refused(RefusalCode.INVALID_FIELD, "scopes", detail)
    return names
