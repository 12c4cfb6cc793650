"""Signing in to the console: what is asked for after a password, and the session at the end.

Between the password and the code of a second factor a sign-in is in memory only; a restart begins
it anew.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import field
from enum import StrEnum
from typing import Final, NamedTuple

from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.model.people import Principal, Role, widest_role
from dragoman.core.accounts.people import People
from dragoman.core.accounts.second_factors import SecondFactors
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock

TOKEN_BYTES: Final = 32
PENDING_S: Final = 600.0
MAX_PENDING: Final = 10_000
MAX_WRONG: Final = 5
"""Wrong codes after which the password is asked for again."""
MAX_BROWSER: Final = 200
"""Characters of what a browser says of itself."""
EXPIRED: Final = "the sign-in took too long"


class Policy(StrEnum):
    """Of whom the configuration asks for a second factor."""

    OPTIONAL = "optional"
    ADMINISTRATORS = "administrators"
    EVERYONE = "everyone"


class Step(StrEnum):
    """What comes next in a sign-in."""

    DONE = "done"
    CODE = "code"
    """A code of the second factor."""
    SET_UP = "set_up"
    """Setting up a second factor, which is required."""


class Begun(NamedTuple):
    """What comes next, and a token: of the session, or of the sign-in that goes on."""

    step: Step
    token: str


class _Pending:
    def __init__(self, who: Principal, browser: str, secret: str, until_s: float) -> None:
        self.who = who
        self.browser = browser
        self.secret = secret
        self.until_s = until_s
        self.wrong = 0


@use_case(kw_only=True)
class SignIns:
    """Takes whoever was authenticated into a session."""

    people: People
    sessions: ConsoleSessions
    second_factors: SecondFactors
    audit_log: AuditLog
    clock: Clock
    policy: Policy
    _pending: OrderedDict[str, _Pending] = field(default_factory=OrderedDict, init=False)

    async def begin(
        self, who: Principal, *, address: str, browser: str, trusted: bool = False
    ) -> Begun:
        """The session of somebody who was authenticated, or what they are asked for first.

        `trusted` is whoever comes from an OpenID provider, which has its own second factor.
        """
        browser = browser[:MAX_BROWSER] if browser.isprintable() else ""
        if trusted:
            return await self._open(who, address, browser)
        if await self.second_factors.has(who):
            return self._hold(who, browser, Step.CODE)
        if await self.is_required(who):
            return self._hold(who, browser, Step.SET_UP)
        return await self._open(who, address, browser)

    async def is_required(self, who: Principal) -> bool:
        """Whether somebody has to have a second factor."""
        if self.policy is Policy.EVERYONE:
            return True
        role = who.person.role if who.person is not None else widest_role(who.account)
        if self.policy is Policy.ADMINISTRATORS and role.includes(Role.ADMINISTRATOR):
            return True
        return await self.people.requires_second_factor(who.account)

    def secret_of(self, token: str) -> tuple[Principal, str]:
        """Who is to set up a second factor, and its secret; raises `Refused`."""
        pending = self._find(token)
        return pending.who, pending.secret

    async def verify(self, token: str, code: str, address: str) -> Begun:
        """The session for a code of the second factor; raises `Refused`.

        NOT_FOUND where the sign-in must begin anew.
        """
        pending = self._find(token)
        if pending.secret:
            raise Refused(RefusalCode.NOT_FOUND, "sign-in", EXPIRED)
        try:
            await self.second_factors.verify(pending.who, code, address)
        except Refused:
            self._count_wrong(token, pending)
            raise
        return await self._finish(token, pending, address)

    async def set_up(self, token: str, code: str, address: str) -> tuple[Begun, list[str]]:
        """The session of somebody who has set up a second factor, and the recovery codes."""
        pending = self._find(token)
        if not pending.secret:
            raise Refused(RefusalCode.NOT_FOUND, "sign-in", EXPIRED)
        who = pending.who
        person_id = who.person.person_id if who.person is not None else None
        entry = self.audit_log.entry(who.account, "second_factor", person_id=person_id)
        try:
            codes = await self.second_factors.set_up(who, pending.secret, code, (entry,))
        except Refused:
            self._count_wrong(token, pending)
            raise
        return await self._finish(token, pending, address), codes

    async def _finish(self, token: str, pending: _Pending, address: str) -> Begun:
        self._pending.pop(token, None)
        who = pending.who
        if who.person is not None:  # they may have been disabled since
            person = await self.people.find_of(who.account, who.person.person_id)
            who = await self.people.admit(person, address)
        return await self._open(who, address, pending.browser)

    async def _open(self, who: Principal, address: str, browser: str) -> Begun:
        person_id = who.person.person_id if who.person is not None else None
        token = await self.sessions.open(who.account, person_id, address=address, browser=browser)
        if who.person is not None:
            await self.people.note_sign_in(who.person)
        return Begun(Step.DONE, token)

    def _hold(self, who: Principal, browser: str, step: Step) -> Begun:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        secret = self.second_factors.new_secret() if step is Step.SET_UP else ""
        until_s = self.clock.monotonic() + PENDING_S
        self._pending[token] = _Pending(who, browser, secret, until_s)
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        return Begun(step, token)

    def _find(self, token: str) -> _Pending:
        pending = self._pending.get(token)
        if pending is None or self.clock.monotonic() >= pending.until_s:
            self._pending.pop(token, None)
            raise Refused(RefusalCode.NOT_FOUND, "sign-in", EXPIRED)
        return pending

    def _count_wrong(self, token: str, pending: _Pending) -> None:
        pending.wrong += 1
        if pending.wrong >= MAX_WRONG:
            self._pending.pop(token, None)
