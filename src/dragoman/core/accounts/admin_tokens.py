"""Tokens of operators, who use the admin interface from elsewhere.

A token may do whatever the command line may on the gateway's machine. It belongs to no account, is
stored as a digest, and is looked up at every request, so that a revoked one is refused at once.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.sql import admin_tokens
from dragoman.core.accounts.sql.admin_tokens import StoredToken
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.placement.placement import Placement
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

TOKEN_BYTES: Final = 32
PREFIX: Final = "dragoman_admin_"
"""By which scanners of secrets know a token that was published by mistake."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class AdminTokens:
    """Creates, lists, checks and revokes."""

    def __init__(self, *, storage: Storage, placement: Placement, clock: Clock) -> None:
        self._storage = storage
        self._placement = placement
        self._clock = clock

    async def create(self, name: str) -> str:
        """A new token under a name that is free; raises `Refused`."""
        if not _NAME.fullmatch(name):
            detail = "up to 64 letters, digits and . _ @ -, beginning with a letter or digit"
            raise Refused(RefusalCode.INVALID_FIELD, "name", detail)
        self._placement.check_first()
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        stored = StoredToken(
            name=name, digest=digest_of_key(token), created_ms=self._clock.now_ms()
        )
        if not await self._storage.writer.write(admin_tokens.add, stored):
            raise Refused(RefusalCode.ALREADY_EXISTS, name, "revoke it first")
        return token

    async def list_all(self) -> list[StoredToken]:
        """Every token, oldest first."""
        self._placement.check_first()
        return await self._storage.read(admin_tokens.load)

    async def authenticate(self, token: str) -> str:
        """The name of a token; raises `Refused`."""
        self._placement.check_first()
        digest = digest_of_key(token)
        await self._placement.check_key(digest)
        name = await self._storage.read(lambda c: admin_tokens.find(c, digest))
        if name is None:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="no valid admin token")
        return name

    async def revoke(self, name: str) -> None:
        """Ends a token, effective immediately; raises `Refused` where there is none."""
        self._placement.check_first()
        if not await self._storage.writer.write(admin_tokens.remove, name):
            raise Refused(RefusalCode.NOT_FOUND, name[:64], "no such token")
