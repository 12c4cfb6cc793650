"""The calls on the caller's own account (smSend v1.0, "Authentication API" and "User API")."""

from __future__ import annotations

from typing import Final

from dragoman.dialects.contract import Services
from dragoman.dialects.smsend.auth import Authentication, session_of
from dragoman.dialects.smsend.calls import Calls
from dragoman.dialects.smsend.rendering import NO, YES, Text
from dragoman.dialects.smsend.schemas import NoQuery
from dragoman.dialects.smsend.user.schemas import LoginQuery, PasswordQuery
from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.web.operations import Operation
from dragoman.web.requests import Request

AUTHENTICATION: Final = "smSend v1.0, Authentication API"
USER: Final = "smSend v1.0, User API"
MIN_PASSWORD: Final = 8


def user_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """Declares the calls."""
    authentication, user = Authentication(services), User(services)
    return (
        calls.open("login", authentication.log_in, "Begin a session", AUTHENTICATION, LoginQuery),
        calls.open(
            "token", authentication.issue_token, "Make an access token", AUTHENTICATION, LoginQuery
        ),
        calls.open(
            "checksession", authentication.check_session, "Is the session alive?", USER, NoQuery
        ),
        *(
            calls.text(
                method, "pwdreset", user.set_password, "Change the password", USER, PasswordQuery
            )
            for method in ("POST", "GET")
        ),
    )


class User:
    """Answers the calls on the caller's own account."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def set_password(self, account: Account, request: Request) -> Text:
        """Whether the new password was taken; it ends all other sessions. Raises `Refused`."""
        password = request.query.get("password", "")
        if not password:
            raise Refused(RefusalCode.MISSING_FIELD, "password")
        if len(password) < MIN_PASSWORD:
            return NO
        try:
            await self._services.accounts.set_password(account, password)
        except Refused as refused:
            if refused.code is RefusalCode.INVALID_FIELD:
                return NO
            raise
        self._services.sessions.end_all(account.account_id, but=session_of(request))
        return YES
