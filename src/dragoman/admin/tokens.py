"""Tokens for the admin interface itself: they are managed on the gateway's machine only."""

from __future__ import annotations

from typing import Final

from dragoman.admin.account_answers import AdminTokenList, AdminTokenView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin


class NewToken(Body, frozen=True, kw_only=True):
    """What to call the token."""

    name: str


async def list_tokens(admin: Admin) -> AdminTokenList:
    """List the tokens that operators use from elsewhere."""
    return AdminTokenList(
        tokens=tuple(
            AdminTokenView(name=token.name, created_ms=token.created_ms)
            for token in await admin.services.admin_tokens.list_all()
        ),
        remote=admin.services.settings.admin.remote,
    )


async def create_token(admin: Admin, body: NewToken) -> AdminTokenView:
    """Create a token, which is shown this once."""
    token = await admin.services.admin_tokens.create(body.name)
    now_ms = admin.services.clock.now_ms()
    return AdminTokenView(name=body.name, created_ms=now_ms, token=token)


async def revoke_token(admin: Admin, name: str) -> AdminTokenList:
    """Revoke a token, effective immediately; the tokens that are left."""
    await admin.services.admin_tokens.revoke(name)
    return await list_tokens(admin)


CALLS: Final = (
    Call("GET", "/tokens", list_tokens, local=True),
    Call("POST", "/tokens", create_token, status=201, local=True),
    Call("DELETE", "/tokens/{name}", revoke_token, local=True),
)
