"""`/auth/token`: tokens for programs with limited rights."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.scoped_tokens import IssuedPair
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.dialects.smsgate import schemas
from dragoman.dialects.smsgate.auth import SCOPES, Caller, authenticate_refresh, lacking
from dragoman.dialects.smsgate.calls import DONE, CallGroup, render
from dragoman.kit.clock import render_milliseconds
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Request
from dragoman.web.responses import Response

BEARER: Final = "Bearer"


class Tokens(CallGroup):
    """The handlers."""

    async def issue(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /auth/token`; the scopes are among the caller's."""
        given = decode_json(request.body, schemas.TokenRequest)
        for scope in given.scopes:
            if scope not in SCOPES:
                raise Refused(RefusalCode.INVALID_FIELD, "scopes", "no such scope")
            if not caller.may(scope):
                raise lacking(scope)
        issued = await self._services.scoped_tokens.issue(caller.account, given.scopes, given.ttl)
        return render(201, _render(issued))

    async def refresh(self, request: Request) -> Response:
        """Answers `POST /auth/token/refresh`."""
        token = await authenticate_refresh(self._services, request)
        return render(
            201, _render(await self._services.scoped_tokens.refresh(token, request.client))
        )

    async def revoke(self, caller: Caller, request: Request) -> Response:
        """Answers `DELETE /auth/token/{jti}`; one that is not there is revoked too."""
        token_id = request.path_params["jti"]
        if is_storable(token_id):
            await self._services.scoped_tokens.revoke(caller.account, token_id)
        return DONE


def _render(issued: IssuedPair) -> schemas.Token:
    expires_at = render_milliseconds(issued.expires_ms)
    return schemas.Token(
        id=issued.token_id,
        token_type=BEARER,
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_at=expires_at,
        token_type_again=BEARER,
        access_token_again=issued.access_token,
        refresh_token_again=issued.refresh_token,
        expires_at_again=expires_at,
    )
