"""Who is calling: `apikey` in the query, or the legacy login with user name and password."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.requests import Request

LEGACY: Final = "legacy"

_KINDS: Final = MappingProxyType(
    {
        "": CredentialKind.PASSWORD,
        "plain": CredentialKind.PASSWORD,
        "md5": CredentialKind.LEGACY_MD5,
    }
)


async def authenticate(accounts: Accounts, request: Request) -> Account:
    """The account of the caller (LINK v2 s. 03); raises `Refused` naming the key that was given."""
    query = request.query
    key = query.get("apikey", "")
    try:
        if key == LEGACY:
            return await _log_in(accounts, request)
        return await accounts.authenticate_key(key, request.client)
    except Refused as refused:
        if refused.code is RefusalCode.AUTHENTICATION_FAILED:
            raise Refused(refused.code, key, refused.detail) from None
        raise


async def _log_in(accounts: Accounts, request: Request) -> Account:
    query = request.query
    kind = _KINDS.get(query.get("type", "").lower())
    if kind is None:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown type of password")
    password = query.get("password", "")
    if kind is CredentialKind.LEGACY_MD5:
        password = password.lower()
    username = query.get("username", "")
    return await accounts.authenticate_password(username, password, request.client, kind)
