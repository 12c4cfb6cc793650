"""The people of the reader's account: inviting, changing and removing them."""

from __future__ import annotations

import secrets
from typing import Any, Final
from urllib.parse import quote

from dragoman.console.browsers import name_browser
from dragoman.console.forms import version_of
from dragoman.console.labels import ROLES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX
from dragoman.core.accounts.console_sessions import mark_of
from dragoman.core.accounts.model.people import OWN, Person, Principal, Role, widest_role
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

KEEP_SECRET_S: Final = 60.0


async def list_people(request: PageRequest) -> Response:
    """Everybody of the account, and a form to invite."""
    return await _show_list(request)


async def invite(request: PageRequest) -> Response:
    """Invites somebody; the link is shown this once, and mailed where that is possible."""
    name, role = request.form.get("name", "").strip(), _read_role(request)
    account, people = request.reader.account, request.services.people
    mark = f"invite {request.form.get('mark', '')[:64]}"

    async def act() -> tuple[Person, str]:
        entry = request.audit("invite", f"{name} as {role.value}")
        return await people.invite(account, name, role, by=request.role, audit=(entry,))

    try:
        person, token = await request.context.repeats.once(
            account.account_id, mark, act, keep_s=KEEP_SECRET_S
        )
    except Refused as refused:
        if refused.code not in _ABOUT_NAME:
            raise
        request.problems["name"] = (
            _TAKEN if refused.code is RefusalCode.ALREADY_EXISTS else describe_refusal(refused)
        )
        return await _show_list(request, 400, name=name, role=role)
    return await _show_link(request, person, token)


async def set_policy(request: PageRequest) -> Response:
    """Stores whether everybody needs a second factor."""
    wanted = request.form.get("second_factor") == "yes"
    word = "required" if wanted else "optional"
    await request.services.people.set_policy(
        request.reader.account,
        second_factor=wanted,
        audit=(request.audit("second_factor_policy", word),),
    )
    return request.go("/people", "saved")


async def show_person(request: PageRequest) -> Response:
    """One person, with what can be done about them."""
    return await _show_person(request, await _find(request))


async def change_person(request: PageRequest) -> Response:
    """Stores another role, unless someone else did meanwhile."""
    async with request.context.editing:
        person, role = await _find(request), _read_role(request)
        if not request.is_current(person.role.value):
            request.problems.add_conflicts({"role": person.role.value}, {"role": role.value})
            return await _show_person(request, person, 409, role=role)
        if role is not person.role:
            entry = request.audit("change_person", f"{person.name} to {role.value}")
            await request.services.people.change(
                request.reader.account, person, by=request.role, role=role, audit=(entry,)
            )
    return request.go(_path(person), "saved")


async def act_on_person(request: PageRequest) -> Response:
    """Enables, disables or removes somebody, or takes sessions or the second factor away."""
    person, deed = await _find(request), request.form.get("do", "")
    account, services = request.reader.account, request.services
    if person.person_id == request.person_id:
        raise Refused(RefusalCode.PERMISSION_DENIED, "person", "oneself")
    people, by = services.people, request.role
    if deed == "link":
        entry = request.audit("new_link", person.name)
        token = await people.invite_again(account, person, by=by, audit=(entry,))
        return await _show_link(request, person, token)
    if deed in {"enable", "disable"}:
        entry = request.audit(f"{deed}_person", person.name)
        await people.change(account, person, by=by, enabled=deed == "enable", audit=(entry,))
    elif deed == "factor":
        entry = request.audit("reset_second_factor", person.name)
        await people.reset_second_factor(account, person, by=by, audit=(entry,))
    elif deed == "sessions":
        await services.console_sessions.end_all(account, person.person_id)
        await request.note("end_sessions", person.name)
    elif deed == "remove":
        entry = request.audit("remove_person", person.name)
        await people.remove(account, person, by=by, audit=(entry,))
        return request.go("/people", "person-removed")
    else:
        raise Refused(RefusalCode.INVALID_FIELD, "do", "not known")
    return request.go(_path(person), "saved")


async def _find(request: PageRequest) -> Person:
    return await request.services.people.find_of(
        request.reader.account, request.identifier("person_id")
    )


async def _show_list(
    request: PageRequest, status: int = 200, *, name: str = "", role: Role = Role.SENDER
) -> Response:
    services, account = request.services, request.reader.account
    owners = await services.second_factors.owners(account)
    now_ms = services.clock.now_ms()
    return request.show(
        "people.html",
        status,
        account=account,
        rows=[
            (person, _state_of(person, now_ms), person.person_id in owners)
            for person in await services.people.of_account(account)
        ],
        own_factor=OWN in owners,
        roles=_roles_for(request),
        name=name,
        role_wanted=role.value,
        mails=request.context.notices is not None,
        second_factor=await services.people.requires_second_factor(account),
        policy=services.settings.console.second_factor,
        mark=secrets.token_urlsafe(12),
    )


async def _show_person(
    request: PageRequest, person: Person, status: int = 200, *, role: Role | None = None
) -> Response:
    services, account = request.services, request.reader.account
    who = Principal(account, person)
    sessions = await services.console_sessions.list_own(account, person.person_id)
    return request.show(
        "person.html",
        status,
        shown=person,
        state=_state_of(person, services.clock.now_ms()),
        has_factor=await services.second_factors.has(who),
        sessions=[(mark_of(one), one, name_browser(one.browser), False) for one in sessions],
        is_self=person.person_id == request.person_id,
        may_change=request.role.includes(person.role),
        roles=_roles_for(request),
        role_wanted=(role or person.role).value,
        version=version_of(person.role.value),
    )


async def _show_link(request: PageRequest, person: Person, token: str) -> Response:
    """The link of an invitation, this once."""
    link = f"{request.public_url}{PREFIX}/invitation?k={quote(token)}"
    mailed = False
    if person.email and request.context.notices is not None:
        mailed = await request.context.notices.invite(
            person.email, request.reader.account.username, link
        )
    return request.show("invited.html", shown=person, link=link, mailed=mailed)


def _read_role(request: PageRequest) -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "role", "not known") from None


def _roles_for(request: PageRequest) -> list[tuple[str, str]]:
    """The roles that the reader can give."""
    widest = widest_role(request.reader.account)
    return [
        (role.value, f"{role.value}: {ROLES[role]}")
        for role in reversed(Role)
        if request.role.includes(role) and widest.includes(role)
    ]


def _state_of(person: Person, now_ms: int) -> str:
    if not person.enabled:
        return "disabled"
    if person.has_password or person.subject is not None:
        return "enabled"
    return "invited" if (person.invited_until_ms or 0) > now_ms else "invitation expired"


def _path(person: Person) -> str:
    return f"/people/{person.person_id}"


def _page(path: str, title: str, **more: Any) -> Page:
    return Page(
        f"/people{path}",
        title,
        least=Role.ADMINISTRATOR,
        acts=Role.ADMINISTRATOR,
        section="People",
        **more,
    )


_TAKEN: Final = "This name is taken. It may belong to another account."
_ABOUT_NAME: Final = frozenset({RefusalCode.INVALID_FIELD, RefusalCode.ALREADY_EXISTS})
PAGES: Final = (
    _page("", "People", menu="People", show=list_people, act=invite),
    _page("/policy", "People", act=set_policy),
    _page("/{person_id:int}", "Person", show=show_person, act=change_person),
    _page("/{person_id:int}/act", "Person", act=act_on_person),
)
