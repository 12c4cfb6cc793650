"""The people of accounts: inviting, changing and removing them, and knowing them by a password.

An account has people beside its own name and password, each with a role. What a role leaves of the
account's permissions is looked up at every request, so that a change takes effect at once. The link
of an invitation, or of a new password, works once.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import field
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.people import (
    MAX_NAME,
    Person,
    Principal,
    Role,
    read_name,
    widest_role,
)
from dragoman.core.accounts.sql import people as stored
from dragoman.core.accounts.sql.people import (
    NewPerson,
    PersonChange,
    PersonCreation,
    PersonRemoval,
    Policy,
)
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import render_base36
from dragoman.storage.engine import Storage

TOKEN_BYTES: Final = 32
INVITATION_MS: Final = 7 * 86_400_000
MIN_PASSWORD: Final = 10
MAX_REMEMBERED: Final = 10_000
_UNKNOWN_LINK: Final = "the link is used or too old"


@use_case(kw_only=True)
class People:
    """Everybody who signs in for an account by a name of their own."""

    storage: Storage
    accounts: Accounts
    sessions: ConsoleSessions
    clock: Clock
    _known: OrderedDict[int, Person] = field(default_factory=OrderedDict, init=False)
    _changes: int = field(default=0, init=False)
    """Counts changes, so that what was read before one is not remembered after it."""

    async def find(self, person_id: int) -> Person | None:
        """A person; None for one that is deleted."""
        known = self._known.get(person_id)
        if known is not None:
            return known
        changes = self._changes
        person = await self.storage.read(lambda c: stored.find(c, person_id))
        if person is not None and changes == self._changes:
            self._known[person_id] = person
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return person

    async def find_of(self, account: Account, person_id: int) -> Person:
        """A person of an account; raises `Refused`."""
        person = await self.find(person_id)
        if person is None or person.account_id != account.account_id:
            raise Refused(RefusalCode.NOT_FOUND, str(person_id), "person")
        return person

    async def find_by_name(self, name: str) -> Person:
        """The person with a name; raises `Refused`."""
        wanted = read_name(name)
        await self.accounts.placement.check("person", wanted)
        person = await self.storage.read(lambda c: stored.find_by_name(c, wanted))
        return existing(person, Refused(RefusalCode.NOT_FOUND, wanted, "no such person"))

    async def of_account(self, account: Account) -> list[Person]:
        """The people of an account, in the order of creation."""
        return await self.storage.read(lambda c: stored.load_of_account(c, account))

    async def list_all(self) -> list[Person]:
        """Everybody, account by account."""
        return await self.storage.read(stored.load_all)

    # Signing in

    async def authenticate(self, name: str, password: str, address: str) -> Principal:
        """Who has a name and a password: a person, or an account itself; raises `Refused`.

        Of whatever is wrong, only an address that is not allowed is told. Unknown names take the
        same time as wrong passwords.
        """
        person = None
        if name.isprintable() and len(name) <= MAX_NAME:
            wanted = name.strip().lower()
            await self.accounts.placement.check("person", wanted)
            person = await self.storage.read(lambda c: stored.find_by_name(c, wanted))
        if person is None:
            account = await self.accounts.authenticate_password(
                name, password, address, CredentialKind.PASSWORD
            )
            return Principal(account, None)
        digest = await self.storage.read(lambda c: stored.load_digest(c, person.person_id))
        digests = () if digest is None else (digest,)
        matches = await self.accounts.credentials.matches(digests, password)
        if not matches or not digests or not person.enabled:
            await self.accounts.refuse_login(f"{person.name}\0{address}")
        return await self.admit(person, address)

    async def admit(self, person: Person, address: str) -> Principal:
        """The person with their account, from an address; raises `Refused`."""
        if not person.enabled:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the person is disabled")
        return Principal(await self.accounts.admit(person.account_id, address), person)

    async def note_sign_in(self, person: Person) -> None:
        """Notes that a person signed in now."""
        now_ms = self.clock.now_ms()
        await self._change(
            PersonChange(person_id=person.person_id, numbers={"signed_in_ms": now_ms})
        )

    async def known_by(self, issuer: str, subject: str, verified_email: str) -> Person | None:
        """The person of an identity at an OpenID provider; None where nobody has it.

        Whoever is called like a verified e-mail address, and has no identity yet, gets this one.
        """
        known = await self.storage.read(lambda c: stored.find_by_identity(c, issuer, subject))
        if known is not None or not verified_email:
            return known
        name = verified_email.lower()
        person = await self.storage.read(lambda c: stored.find_by_name(c, name))
        if person is None or person.subject is not None or not person.enabled:
            return None
        await self._change(
            PersonChange(
                person_id=person.person_id,
                text={"issuer": issuer, "subject": subject},
                digests={"invitation": None},
                numbers={"invited_until_ms": None},
            )
        )
        return await self.find(person.person_id)

    # Inviting

    async def invite(
        self,
        account: Account,
        name: str,
        role: Role,
        *,
        by: Role,
        audit: tuple[AuditEntry, ...] = (),
    ) -> tuple[Person, str]:
        """A new person and the token of their invitation; raises `Refused`.

        `by` is the role of whoever invites, which none can be wider than.
        """
        name = read_name(name)
        check_role(account, role, by)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now_ms = self.clock.now_ms()
        new = NewPerson(
            person_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            name=name,
            role=role.value,
            enabled=True,
            invitation=digest_of_key(token),
            invited_until_ms=now_ms + INVITATION_MS,
            created_ms=now_ms,
        )
        await self.storage.writer.write(stored.create, PersonCreation(person=new, audit=audit))
        self._forget()
        person = await self.find(new.person_id)
        assert person is not None
        return person, token

    async def invite_again(
        self, account: Account, person: Person, *, by: Role, audit: tuple[AuditEntry, ...] = ()
    ) -> str:
        """The token of a new link, by which a person sets a password; an earlier link ends."""
        check_role(account, person.role, by)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        until_ms = self.clock.now_ms() + INVITATION_MS
        change = PersonChange(
            person_id=person.person_id,
            digests={"invitation": digest_of_key(token)},
            numbers={"invited_until_ms": until_ms},
            audit=audit,
        )
        await self._change(change)
        return token

    async def invited(self, token: str) -> Person:
        """Whom a link invites; raises `Refused` for one that is used or too old."""
        digest = digest_of_key(token)
        await self.accounts.placement.check_key(digest)
        person = await self.storage.read(lambda c: stored.find_by_invitation(c, digest))
        until_ms = person.invited_until_ms if person is not None else None
        if person is None or until_ms is None or until_ms <= self.clock.now_ms():
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail=_UNKNOWN_LINK)
        return person

    async def accept(self, token: str, password: str, address: str) -> Principal:
        """Takes an invitation with a password of one's own; raises `Refused`."""
        person = await self.invited(token)
        await self._set_password(person, password, invitation=digest_of_key(token))
        return await self.admit(await self.find(person.person_id) or person, address)

    async def change_password(
        self, person: Person, current: str, new: str, address: str, audit: tuple[AuditEntry, ...]
    ) -> None:
        """Replaces a person's password, given the current one, and ends their sessions."""
        digest = await self.storage.read(lambda c: stored.load_digest(c, person.person_id))
        digests = () if digest is None else (digest,)
        if not await self.accounts.credentials.matches(digests, current) or not digests:
            await self.accounts.refuse_login(f"{person.name}\0{address}")
        await self._set_password(person, new, audit=audit)

    async def _set_password(
        self,
        person: Person,
        password: str,
        *,
        invitation: bytes | None = None,
        audit: tuple[AuditEntry, ...] = (),
    ) -> None:
        if len(password) < MIN_PASSWORD:
            detail = f"at least {MIN_PASSWORD} characters"
            raise Refused(RefusalCode.INVALID_FIELD, "password", detail)
        made = await self.accounts.credentials.digest_of_password(password)
        change = PersonChange(
            person_id=person.person_id,
            digests={"password": made, "invitation": None},
            numbers={"invited_until_ms": None},
            ends_sessions=True,
            invitation=invitation,
            audit=audit,
        )
        if not await self._change(change):
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail=_UNKNOWN_LINK)

    # Managing

    async def change(
        self,
        account: Account,
        person: Person,
        *,
        by: Role,
        role: Role | None = None,
        enabled: bool | None = None,
        audit: tuple[AuditEntry, ...] = (),
    ) -> Person:
        """Changes a person, effective immediately; raises `Refused`."""
        check_role(account, person.role, by)
        if role is not None:
            check_role(account, role, by)
        change = PersonChange(
            person_id=person.person_id,
            text={} if role is None else {"role": role.value},
            enabled=person.enabled if enabled is None else enabled,
            ends_sessions=enabled is False,
            audit=audit,
        )
        if not await self._change(change):
            raise Refused(RefusalCode.NOT_FOUND, person.name, "person")
        return await self.find_of(account, person.person_id)

    async def set_identity(
        self, person: Person, issuer: str, subject: str, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Gives a person an identity at an OpenID provider, or with an empty one takes it away."""
        if len(subject) > MAX_NAME or not subject.isprintable():
            raise Refused(RefusalCode.INVALID_FIELD, "subject", f"at most {MAX_NAME} characters")
        change = PersonChange(
            person_id=person.person_id,
            text={"issuer": issuer if subject else None, "subject": subject or None},
            ends_sessions=not subject,
            audit=audit,
        )
        await self._change(change)

    async def reset_second_factor(
        self, account: Account, person: Person, *, by: Role, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Takes a person's second factor and sessions away: for those who lost their phone."""
        check_role(account, person.role, by)
        change = PersonChange(
            person_id=person.person_id,
            enabled=person.enabled,
            ends_sessions=True,
            ends_second_factor=True,
            audit=audit,
        )
        await self._change(change)

    async def remove(
        self, account: Account, person: Person, *, by: Role, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Deletes a person; raises `Refused`. The audit log still names them."""
        check_role(account, person.role, by)
        removal = PersonRemoval(
            person_id=person.person_id,
            name=f"{person.name} (deleted {render_base36(person.person_id)})",
            at_ms=self.clock.now_ms(),
            audit=audit,
        )
        try:
            gone = await self.storage.writer.write(stored.remove, removal)
        finally:
            self._forget()
        if not gone:
            raise Refused(RefusalCode.NOT_FOUND, person.name, "person")

    # What an account asks of all who sign in for it

    async def requires_second_factor(self, account: Account) -> bool:
        """Whether the account asks for a second factor."""
        account_id = account.account_id
        return await self.storage.read(lambda c: stored.requires_second_factor(c, account_id))

    async def set_policy(
        self, account: Account, *, second_factor: bool, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Sets whether all who sign in for the account need a second factor."""
        policy = Policy(account_id=account.account_id, second_factor=second_factor, audit=audit)
        await self.storage.writer.write(stored.put_policy, policy)

    async def _change(self, change: PersonChange) -> bool:
        try:
            return await self.storage.writer.write(stored.change, change)
        finally:
            self._forget()

    def _forget(self) -> None:
        self._changes += 1
        self._known.clear()
        self.sessions.forget()


def check_role(account: Account, role: Role, by: Role) -> None:
    """Raises `Refused` where a role is wider than that of whoever gives it, or than the account."""
    if not by.includes(role):
        raise Refused(RefusalCode.PERMISSION_DENIED, role.value, "wider than one's own role")
    if role is Role.OPERATOR and widest_role(account) is not Role.OPERATOR:
        raise Refused(RefusalCode.PERMISSION_DENIED, role.value, "the account may not operate")
