"""Sessions of the console, stored as digests; they end after an idle time or at a maximum age.

The times are set in `[console]`. A new password ends them in the transaction that stores it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import field
from typing import Final, NamedTuple

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import console_sessions as stored
from dragoman.core.accounts.sql.console_sessions import (
    SessionEnd,
    SessionOpening,
    SessionUse,
    StoredSession,
)
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

TOKEN_BYTES: Final = 32
MAX_PER_ACCOUNT: Final = 100
"""A further one ends the one that was used longest ago."""
MAX_REMEMBERED: Final = 10_000
WRITTEN_EVERY_MS: Final = 60_000
"""How old the stored time of the last use may be."""


def mark_of(session: StoredSession) -> str:
    """What a session is listed under; nobody can use it as a token."""
    return session.digest[:8].hex()


class _Known(NamedTuple):
    session: StoredSession
    generation: int


@use_case(kw_only=True)
class ConsoleSessions:
    """Opens, finds and ends console sessions."""

    storage: Storage
    accounts: Accounts
    clock: Clock
    idle_s: float
    longest_s: float
    _known: OrderedDict[bytes, _Known] = field(default_factory=OrderedDict, init=False)
    _ended: int = field(default=0, init=False)
    """Counts ends, so that what was read before one is not cached after it."""

    def __post_init__(self) -> None:
        self._idle_ms = int(self.idle_s * 1000)
        self._longest_ms = int(self.longest_s * 1000)

    async def open(
        self,
        account: Account,
        person_id: int | None = None,
        *,
        address: str = "",
        browser: str = "",
    ) -> str:
        """Opens a session of an account, or of one of its people, and returns its token."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now_ms = self.clock.now_ms()
        opening = SessionOpening(
            session=StoredSession(
                digest=digest_of_key(token),
                account_id=account.account_id,
                created_ms=now_ms,
                used_ms=now_ms,
                person_id=person_id,
                address=address,
                browser=browser,
            ),
            used_since_ms=now_ms - self._idle_ms,
            created_since_ms=now_ms - self._longest_ms,
            most=MAX_PER_ACCOUNT,
        )
        await self.storage.writer.write(stored.open_session, opening)
        self.forget()  # the longest unused may have gone
        return token

    async def find(self, token: str, *, counts: bool = True) -> StoredSession | None:
        """A live session; its idle time restarts if this request counts as use."""
        digest = digest_of_key(token)
        session = await self._load(digest)
        now_ms = self.clock.now_ms()
        if session is None or self._is_dead(session, now_ms):
            return None
        if counts and now_ms - session.used_ms >= WRITTEN_EVERY_MS:
            self._known.pop(digest, None)
            await self.storage.writer.write(
                stored.use_session, SessionUse(digest=digest, used_ms=now_ms)
            )
        return session

    async def end(self, token: str) -> None:
        """Ends one session."""
        await self._end(SessionEnd(digest=digest_of_key(token)))

    async def end_all(self, account: Account, person_id: int | None = None) -> None:
        """Ends every session of a person, or those in which the account itself signed in."""
        end = SessionEnd(account_id=account.account_id, own=True, person_id=person_id)
        await self._end(end)

    async def end_one(self, account: Account, person_id: int | None, mark: str) -> bool:
        """Ends a session that is listed under a mark; whether there was one."""
        found = await self.list_own(account, person_id)
        for session in found:
            if mark_of(session) == mark:
                await self._end(SessionEnd(digest=session.digest))
                return True
        return False

    async def list_own(self, account: Account, person_id: int | None) -> list[StoredSession]:
        """The live sessions of a person, or of the account itself, the last used first."""
        listed = await self.list_all(account)
        return [session for session in listed if session.person_id == person_id]

    async def list_all(self, account: Account) -> list[StoredSession]:
        """The live sessions of an account and all of its people, the last used first."""
        now_ms, account_id = self.clock.now_ms(), account.account_id
        used_ms, created_ms = now_ms - self._idle_ms, now_ms - self._longest_ms
        return await self.storage.read(lambda c: stored.load(c, account_id, used_ms, created_ms))

    async def _end(self, end: SessionEnd) -> None:
        try:
            await self.storage.writer.write(stored.end_sessions, end)
        finally:
            self.forget()

    async def _load(self, digest: bytes) -> StoredSession | None:
        generation, ended = self.accounts.changes.generation, self._ended
        known = self._known.get(digest)
        if known is not None and known.generation == generation:
            return known.session
        await self.accounts.placement.check_key(digest)
        session = await self.storage.read(lambda c: stored.find(c, digest))
        if session is not None and ended == self._ended:
            self._known[digest] = _Known(session, generation)
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return session

    def forget(self) -> None:
        """Reads sessions again; to be called after some were ended elsewhere."""
        self._ended += 1
        self._known.clear()

    def _is_dead(self, session: StoredSession, now_ms: int) -> bool:
        return (
            now_ms - session.used_ms >= self._idle_ms
            or now_ms - session.created_ms >= self._longest_ms
        )
