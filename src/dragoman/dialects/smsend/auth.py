"""Who is calling: the headers `user_key` and `Session_key` or `Access_token`, and how to get them.

Names of headers come in any case. They hold underscores, which some proxies drop: with hyphens
(`User-Key`) they are the same.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.errors import NOT_FOUND, WordedRefusal
from dragoman.dialects.smsend.mapping import render_user_key
from dragoman.dialects.smsend.schemas import NO, YES, Text
from dragoman.dialects.wording import instead_of
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Request

USER_KEY: Final = b"user_key"
SESSION_KEY: Final = b"session_key"
ACCESS_TOKEN: Final = b"access_token"
BASIC: Final = b"basic "


async def authenticate(services: Services, request: Request) -> Account:
    """The account of the caller, whose session is renewed; raises `Refused`."""
    account, session = await _identify(services, request)
    if session and not services.sessions.renew(account.account_id, session):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown session")
    return account


def session_of(request: Request) -> str:
    """The session key that a call was made with; empty for one made with a token."""
    return _header(request, SESSION_KEY)


class Authentication:
    """Answers the calls with which a program begins."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def log_in(self, request: Request) -> Text:
        """Begins a session; raises `Refused`."""
        account = await _log_in(self._services.accounts, request)
        return Text(
            f"{render_user_key(account)};{self._services.sessions.open(account.account_id)}"
        )

    async def issue_token(self, request: Request) -> Text:
        """Makes an access token; raises `Refused`."""
        account = await _log_in(self._services.accounts, request)
        return Text(
            f"{render_user_key(account)};{await self._services.access_tokens.issue(account)}"
        )

    async def check_session(self, request: Request) -> Text:
        """Whether the caller's key is valid, without renewing it; raises `Refused` without one."""
        try:
            account, session = await _identify(self._services, request)
        except Refused as refused:
            unnamed = not _header(request, USER_KEY) or not _keys(request)
            if refused.code is RefusalCode.AUTHENTICATION_FAILED and not unnamed:
                return NO
            raise
        alive = not session or self._services.sessions.is_alive(account.account_id, session)
        return YES if alive else NO


async def _identify(services: Services, request: Request) -> tuple[Account, str]:
    """The account that a call names, and its session key; where that is empty, a token fits."""
    user_key, session = _header(request, USER_KEY), _header(request, SESSION_KEY)
    token = "" if session else _header(request, ACCESS_TOKEN)
    if not user_key or not (session or token):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="no keys")
    account_id = parse_number(user_key)
    if account_id is None:
        raise Refused(RefusalCode.NOT_FOUND, user_key, "user_key")
    if session:
        return await _named(services.accounts, account_id, user_key, request), session
    try:
        holder = await services.accounts.authenticate_key(
            token, request.client, CredentialKind.ACCESS_TOKEN
        )
    except Refused:
        await _named(services.accounts, account_id, user_key, request)
        raise
    if holder.account_id != account_id:
        await _named(services.accounts, account_id, user_key, request)
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="a token of another account")
    return holder, ""


async def _named(accounts: Accounts, account_id: int, user_key: str, request: Request) -> Account:
    """The account with a number; raises `Refused` with what was asked for."""
    unknown = Refused(RefusalCode.NOT_FOUND, user_key, "user_key")
    with instead_of(unknown.code, unknown):
        return await accounts.admit(account_id, request.client)


async def _log_in(accounts: Accounts, request: Request) -> Account:
    username, password = _login_of(request)
    for name, value in (("username", username), ("password", password)):
        if not value:
            raise Refused(RefusalCode.MISSING_FIELD, name)
    code = RefusalCode.AUTHENTICATION_FAILED
    with instead_of(code, WordedRefusal(code, "Credentials are incorrect", NOT_FOUND)):
        return await accounts.authenticate_password(
            username, password, request.client, CredentialKind.PASSWORD
        )


def _login_of(request: Request) -> tuple[str, str]:
    """User name and password, from the query or as HTTP Basic (RFC 7617)."""
    query = request.query
    header = request.header(b"authorization")
    if "username" in query or "password" in query or header[:6].lower() != BASIC:
        return query.get("username", ""), query.get("password", "")
    try:
        pair = base64.b64decode(header[6:].strip(), validate=True)
    except binascii.Error:
        raise Refused(RefusalCode.INVALID_FIELD, "Authorization", "no base64") from None
    username, _, password = _decoded(pair).partition(":")
    return username, password


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _keys(request: Request) -> str:
    return _header(request, SESSION_KEY) or _header(request, ACCESS_TOKEN)


def _header(request: Request, name: bytes) -> str:
    value = request.header(name) or request.header(name.replace(b"_", b"-"))
    return value.decode("latin-1").strip()
