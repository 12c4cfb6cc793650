"""People who sign in to the console for an account."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import ordered, whole
from dragoman.admin.sign_in_answers import PersonLink, PersonList, PersonView
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.people import Person, Principal, Role
from dragoman.core.model.errors import RefusalCode, Refused

CONSOLE: Final = "/console"
_BY: Final = Role.OPERATOR
"""The role of whoever may use this interface: they own the machine."""


class PeopleQuery(Body, frozen=True, kw_only=True):
    """Whose people to list."""

    account: str = ""


class NewPerson(Body, frozen=True, kw_only=True):
    """Whom to invite."""

    name: str
    """What they sign in with: an e-mail address, or any other name."""
    account: str = ""
    role: str = Role.SENDER.value


class PersonChanges(Body, frozen=True, kw_only=True):
    """What to change of a person; what is left out stays."""

    role: str | None = None
    enabled: bool | None = None
    subject: str | None = None
    """What the OpenID provider calls them (`sub`); an empty one takes their identity away."""


async def list_people(admin: Admin, query: PeopleQuery) -> PersonList:
    """List the people of all accounts, or of one."""
    people = admin.services.people
    if query.account:
        found = await people.of_account(await admin.services.accounts.find(query.account))
    else:
        found = await people.list_all()
    names = await admin.usernames()
    return PersonList(
        people=tuple([await _view(admin, person, names[person.account_id]) for person in found])
    )


async def invite_person(admin: Admin, body: NewPerson) -> PersonLink:
    """Invite a person; the link is shown this once."""
    account = await admin.account_or_only(body.account)
    role = _read_role(body.role)
    entry = _entry(admin, account, "invite", f"{body.name} as {role.value}")
    person, token = await admin.services.people.invite(
        account, body.name, role, by=_BY, audit=(entry,)
    )
    return await _link(admin, account, person, token)


async def make_link(admin: Admin, name: str) -> PersonLink:
    """Make a link by which a person sets a new password; an earlier link ends."""
    person, account = await _find(admin, name)
    entry = _entry(admin, account, "new_link", person.name)
    token = await admin.services.people.invite_again(account, person, by=_BY, audit=(entry,))
    return await _link(admin, account, await _again(admin, person), token)


async def change_person(admin: Admin, name: str, body: PersonChanges) -> PersonView:
    """Change a person, effective immediately."""
    person, account = await _find(admin, name)
    role = None if body.role is None else _read_role(body.role)
    entries = []
    if role is not None:
        entries.append(_entry(admin, account, "change_person", f"{person.name} to {role.value}"))
    if body.enabled is not None:
        verb = "enable_person" if body.enabled else "disable_person"
        entries.append(_entry(admin, account, verb, person.name))
    changed = await admin.services.people.change(
        account, person, by=_BY, role=role, enabled=body.enabled, audit=tuple(entries)
    )
    if body.subject is not None:
        issuer = admin.services.settings.openid.issuer
        if body.subject and not issuer:
            detail = "the configuration has no `[openid] issuer`"
            raise Refused(RefusalCode.NOT_SUPPORTED, "subject", detail)
        entry = _entry(admin, account, "change_identity", person.name)
        await admin.services.people.set_identity(person, issuer, body.subject, (entry,))
        changed = await _again(admin, person)
    return await _view(admin, changed, account.username)


async def reset_factor(admin: Admin, name: str) -> PersonView:
    """Take the second factor of a person away, with all of their sessions."""
    person, account = await _find(admin, name)
    entry = _entry(admin, account, "reset_second_factor", person.name)
    await admin.services.people.reset_second_factor(account, person, by=_BY, audit=(entry,))
    return await _view(admin, await _again(admin, person), account.username)


async def end_sessions(admin: Admin, name: str) -> PersonView:
    """End every session of a person."""
    person, account = await _find(admin, name)
    await admin.services.console_sessions.end_all(account, person.person_id)
    await admin.note(account, "end_sessions", person.name)
    return await _view(admin, person, account.username)


async def remove_person(admin: Admin, name: str) -> PersonView:
    """Delete a person; the audit log still names them."""
    person, account = await _find(admin, name)
    view = await _view(admin, person, account.username)
    entry = _entry(admin, account, "remove_person", person.name)
    await admin.services.people.remove(account, person, by=_BY, audit=(entry,))
    return view


async def _find(admin: Admin, name: str) -> tuple[Person, Account]:
    person = await admin.services.people.find_by_name(name)
    account = await admin.services.accounts.find_by_id(person.account_id)
    if account is None:
        raise Refused(RefusalCode.NOT_FOUND, name, "no such person")
    return person, account


async def _again(admin: Admin, person: Person) -> Person:
    return await admin.services.people.find(person.person_id) or person


def _entry(admin: Admin, account: Account, action: str, subject: str) -> AuditEntry:
    return admin.services.audit_log.command_entry(account, action, subject)


def _read_role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise Refused(RefusalCode.INVALID_FIELD, "role", f"there are {known}") from None


async def _link(admin: Admin, account: Account, person: Person, token: str) -> PersonLink:
    base = admin.services.settings.console.public_url.rstrip("/")
    return PersonLink(
        person=await _view(admin, person, account.username),
        link=f"{base}{CONSOLE}/invitation?k={quote(token)}",
    )


async def _view(admin: Admin, person: Person, account: str) -> PersonView:
    owner = await admin.services.accounts.find_by_id(person.account_id)
    has_factor = owner is not None and await admin.services.second_factors.has(
        Principal(owner, person)
    )
    return PersonView(
        person_id=person.person_id,
        name=person.name,
        account=account,
        role=person.role.value,
        enabled=person.enabled,
        has_password=person.has_password,
        second_factor=has_factor,
        issuer=person.issuer or "",
        invited_until_ms=person.invited_until_ms,
        signed_in_ms=person.signed_in_ms,
        created_ms=person.created_ms,
    )


_PEOPLE: Final = whole(people=ordered(lambda one: (one.account, one.person_id)))
CALLS: Final = (
    Call("GET", "/people", list_people, whole=_PEOPLE),
    Call("POST", "/people", invite_person, status=201),
    Call("PATCH", "/people/{name}", change_person),
    Call("POST", "/people/{name}/link", make_link),
    Call("DELETE", "/people/{name}/second-factor", reset_factor),
    Call("DELETE", "/people/{name}/sessions", end_sessions),
    Call("DELETE", "/people/{name}", remove_person),
)
