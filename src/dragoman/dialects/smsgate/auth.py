"""Who is calling and what for: HTTP Basic may do everything, a token what its scopes say."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgate.errors import WordedRefusal
from dragoman.web.requests import Request

ALL: Final = "all:any"
REFRESH: Final = "tokens:refresh"
"""The only scope of a refresh token; it cannot be asked for."""

SCOPES: Final = frozenset(
    {
        ALL,
        "devices:delete",
        "devices:list",
        "inbox:list",
        "inbox:refresh",
        "logs:read",
        "messages:cancel",
        "messages:export",
        "messages:list",
        "messages:read",
        "messages:send",
        "settings:read",
        "settings:write",
        "tokens:manage",
        "webhooks:delete",
        "webhooks:list",
        "webhooks:write",
    }
)
"""What a token can be for."""

_EVERYTHING: Final = frozenset({ALL})


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and what this call of it may do."""

    account: Account
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return ALL in self.scopes or scope in self.scopes


async def authenticate(services: Services, request: Request, scope: str) -> Caller:
    """The caller, who may do what `scope` says; raises `Refused`."""
    scheme, secret = request.authorization()
    if scheme == "basic":
        username, password = _read_pair(secret)
        account = await services.accounts.authenticate_password(
            username, password, request.client, CredentialKind.PASSWORD
        )
        caller = Caller(account=account, scopes=_EVERYTHING)
    elif scheme == "bearer":
        caller = await _bearer(services, request, secret)
    else:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    if not caller.may(scope):
        raise lacking(scope)
    return caller


async def authenticate_refresh(services: Services, request: Request) -> str:
    """The refresh token that a call was made with; raises `Refused` for anything else."""
    scheme, secret = request.authorization()
    if scheme != "bearer" or not await services.scoped_tokens.is_refresh_token(secret):
        await authenticate(services, request, REFRESH)
        raise lacking(REFRESH)
    return secret


def lacking(scope: str) -> Refused:
    """The refusal of a call that needs a scope."""
    return WordedRefusal(RefusalCode.PERMISSION_DENIED, f"scope required: {scope}")


async def _bearer(services: Services, request: Request, token: str) -> Caller:
    tokens = services.scoped_tokens
    try:
        bearer = await tokens.authenticate(token, request.client)
    except Refused as refused:
        is_bad = refused.code is RefusalCode.AUTHENTICATION_FAILED
        if is_bad and await tokens.is_refresh_token(token):
            return Caller(account=_NO_ACCOUNT, scopes=frozenset())
        raise
    return Caller(account=bearer.account, scopes=bearer.scopes)


def _read_pair(text: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED) from None
    username, colon, password = pair.partition(":")
    if not colon:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return username, password


_NO_ACCOUNT: Final = Account(account_id=0, username="", wallet_id=0)
"""Stands for the holder of a refresh token, which has no scope that any call needs."""
