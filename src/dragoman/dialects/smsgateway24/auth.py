"""Who is calling: by a token, or for two calls by user name and password."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.login_tokens import EXPIRED
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgateway24.errors import WordedRefusal
from dragoman.dialects.smsgateway24.parameters import Given
from dragoman.web.requests import Request

NOT_VALID: Final = "Token is not valid"
OUT_OF_DATE: Final = "Token has expired"
MAX_SECRET: Final = 256
"""Characters of a token, name or password that are looked at."""


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def _authenticate(self, request: Request, given: Given) -> Account:
        """The account of a token; raises `Refused`."""
        token = given.required("token")[:MAX_SECRET].strip()
        try:
            return await self._services.login_tokens.authenticate(token, request.client)
        except Refused as refused:
            if refused.code is not RefusalCode.AUTHENTICATION_FAILED:
                raise
            text = OUT_OF_DATE if refused.detail == EXPIRED else NOT_VALID
            raise WordedRefusal(refused.code, text) from None

    def _zone_name(self, account: Account) -> str:
        return account.time_zone or self._services.settings.dialects.smsgateway24.time_zone


async def log_in(services: Services, given: Given, address: str) -> Account:
    """The account of a user name and its password; raises `Refused`."""
    username, password = given.required("email"), given.required("pass")
    if len(username) > MAX_SECRET or len(password) > MAX_SECRET:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return await services.accounts.authenticate_password(
        username, password, address, CredentialKind.PASSWORD
    )
