"""The people of an account, one's own or one below it: inviting, changing and removing them."""

from __future__ import annotations

import secrets
from typing import Any, Final
from urllib.parse import quote

from dragoman.console.browsers import name_browser
from dragoman.console.forms import version_of
from dragoman.console.labels import ROLE_NAMES, ROLES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX
from dragoman.console.translation import lazy
from dragoman.core.accounts.console_sessions import mark_of
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import OWN, Person, Principal, Role, widest_role
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

KEEP_SECRET_S: Final = 60.0


async def list_people(request: PageRequest) -> Response:
    """Everybody of the account, and a form to invite."""
    account = await _find_account(request)
    if "account_id" in request.http.path_params and _is_own(request, account):
        return request.go("/people")
    return await _show_list(request, account)


async def invite(request: PageRequest) -> Response:
    """Invites somebody; the link is shown this once, and mailed where that is possible."""
    name, role = request.form.get("name", "").strip(), _read_role(request)
    account, people = await _find_account(request), request.services.people
    mark = f"invite {account.account_id} {request.form.get('mark', '')[:64]}"

    async def act() -> tuple[Person, str]:
        entry = request.audit("invite", f"{name} as {role.value}", account)
        return await people.invite(account, name, role, by=request.role, audit=(entry,))

    try:
        person, token = await request.context.repeats.once(
            request.account.account_id, mark, act, keep_s=KEEP_SECRET_S
        )
    except Refused as refused:
        if refused.code not in _ABOUT_NAME:
            raise
        request.problems["name"] = (
            _TAKEN if refused.code is RefusalCode.ALREADY_EXISTS else describe_refusal(refused)
        )
        return await _show_list(request, account, 400, name=name, role=role)
    return await _show_link(request, account, person, token)


async def set_policy(request: PageRequest) -> Response:
    """Stores whether everybody needs a second factor."""
    wanted = request.form.get("second_factor") == "yes"
    word = "required" if wanted else "optional"
    account = await _find_account(request)
    await request.services.people.set_policy(
        account,
        second_factor=wanted,
        audit=(request.audit("second_factor_policy", word, account),),
    )
    return request.go(_at(request, account), "saved")


async def show_person(request: PageRequest) -> Response:
    """One person, with what can be done about them."""
    account = await _find_account(request)
    return await _show_person(request, account, await _find(request, account))


async def change_person(request: PageRequest) -> Response:
    """Stores another role, unless someone else did meanwhile."""
    async with request.context.editing:
        account, role = await _find_account(request), _read_role(request)
        person = await _find(request, account)
        if not request.is_current(person.role.value):
            request.problems.add_conflicts({"role": person.role.value}, {"role": role.value})
            return await _show_person(request, account, person, 409, role=role)
        if role is not person.role:
            entry = request.audit("change_person", f"{person.name} to {role.value}", account)
            await request.services.people.change(
                account, person, by=request.role, role=role, audit=(entry,)
            )
    return request.go(_path(request, account, person), "saved")


async def act_on_person(request: PageRequest) -> Response:
    """Enables, disables or removes somebody, or takes sessions or the second factor away."""
    account, services = await _find_account(request), request.services
    person, deed = await _find(request, account), request.form.get("do", "")
    if person.person_id == request.person_id:
        raise Refused(RefusalCode.PERMISSION_DENIED, "person", "oneself")
    people, by = services.people, request.role
    if deed == "link":
        entry = request.audit("new_link", person.name, account)
        token = await people.invite_again(account, person, by=by, audit=(entry,))
        return await _show_link(request, account, person, token)
    if deed in {"enable", "disable"}:
        entry = request.audit(f"{deed}_person", person.name, account)
        await people.change(account, person, by=by, enabled=deed == "enable", audit=(entry,))
    elif deed == "factor":
        entry = request.audit("reset_second_factor", person.name, account)
        await people.reset_second_factor(account, person, by=by, audit=(entry,))
    elif deed == "sessions":
        await services.console_sessions.end_all(account, person.person_id)
        await request.note("end_sessions", person.name, account)
    elif deed == "remove":
        entry = request.audit("remove_person", person.name, account)
        await people.remove(account, person, by=by, audit=(entry,))
        return request.go(_at(request, account), "person-removed")
    else:
        raise Refused(RefusalCode.INVALID_FIELD, "do", "not known")
    return request.go(_path(request, account, person), "saved")


async def _find_account(request: PageRequest) -> Account:
    """The account whose people the request is about; raises `Refused`."""
    if "account_id" not in request.http.path_params:
        return request.reader.account
    account_id = request.identifier("account_id")
    return (await request.services.account_tree.find(request.account, account_id)).account


async def _find(request: PageRequest, account: Account) -> Person:
    return await request.services.people.find_of(account, request.identifier("person_id"))


async def _show_list(
    request: PageRequest,
    account: Account,
    status: int = 200,
    *,
    name: str = "",
    role: Role = Role.SENDER,
) -> Response:
    services = request.services
    owners = await services.second_factors.owners(account)
    now_ms = services.clock.now_ms()
    return request.show(
        "people.html",
        status,
        account=account,
        at=_at(request, account),
        is_own=_is_own(request, account),
        rows=[
            (person, _state_of(person, now_ms), person.person_id in owners)
            for person in await services.people.of_account(account)
        ],
        own_factor=OWN in owners,
        roles=_roles_for(request, account),
        name=name,
        role_wanted=role.value,
        mails=request.context.notices is not None,
        second_factor=await services.people.requires_second_factor(account),
        policy=services.settings.console.second_factor,
        mark=secrets.token_urlsafe(12),
    )


async def _show_person(
    request: PageRequest,
    account: Account,
    person: Person,
    status: int = 200,
    *,
    role: Role | None = None,
) -> Response:
    services = request.services
    who = Principal(account, person)
    sessions = await services.console_sessions.list_own(account, person.person_id)
    return request.show(
        "person.html",
        status,
        at=_at(request, account),
        shown=person,
        state=_state_of(person, services.clock.now_ms()),
        has_factor=await services.second_factors.has(who),
        sessions=[(mark_of(one), one, name_browser(one.browser), False) for one in sessions],
        is_self=person.person_id == request.person_id,
        may_change=request.role.includes(person.role),
        roles=_roles_for(request, account),
        role_wanted=(role or person.role).value,
        version=version_of(person.role.value),
    )


async def _show_link(
    request: PageRequest, account: Account, person: Person, token: str
) -> Response:
    """The link of an invitation, this once."""
    link = f"{request.public_url}{PREFIX}/invitation?k={quote(token)}"
    mailed = False
    if person.email and request.context.notices is not None:
        mailed = await request.context.notices.invite(person.email, account.username, link)
    return request.show(
        "invited.html", at=_at(request, account), shown=person, link=link, mailed=mailed
    )


def _read_role(request: PageRequest) -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "role", "not known") from None


def _roles_for(request: PageRequest, account: Account) -> list[tuple[str, str]]:
    """The roles that the reader can give to people of an account."""
    widest = widest_role(account)
    return [
        (role.value, f"{ROLE_NAMES[role]}: {ROLES[role]}")
        for role in reversed(Role)
        if request.role.includes(role) and widest.includes(role)
    ]


def _state_of(person: Person, now_ms: int) -> str:
    if not person.enabled:
        return lazy("disabled")
    if person.has_password or person.subject is not None:
        return lazy("enabled")
    is_good = (person.invited_until_ms or 0) > now_ms
    return lazy("invited") if is_good else lazy("invitation expired")


def _is_own(request: PageRequest, account: Account) -> bool:
    return account.account_id == request.account.account_id


def _at(request: PageRequest, account: Account) -> str:
    """Where the people of an account are."""
    return "/people" if _is_own(request, account) else f"/accounts/{account.account_id}/people"


def _path(request: PageRequest, account: Account, person: Person) -> str:
    return f"{_at(request, account)}/{person.person_id}"


def _pages(at: str, *, menu: str = "", **more: Any) -> tuple[Page, ...]:
    """The pages of an account's people, below a path."""

    def page(path: str, title: str, **views: Any) -> Page:
        role = Role.ADMINISTRATOR
        return Page(path, title, least=role, acts=role, **views, **more)

    return (
        page(at, lazy("People"), menu=menu, show=list_people, act=invite),
        page(f"{at}/policy", lazy("People"), act=set_policy),
        page(f"{at}/{{person_id:int}}", lazy("Person"), show=show_person, act=change_person),
        page(f"{at}/{{person_id:int}}/act", lazy("Person"), act=act_on_person),
    )


_TAKEN: Final = lazy("This name is taken. It may belong to another account.")
_ABOUT_NAME: Final = frozenset({RefusalCode.INVALID_FIELD, RefusalCode.ALREADY_EXISTS})
PAGES: Final = (
    *_pages("/people", menu=lazy("People"), section="People"),
    *_pages("/accounts/{account_id:int}/people", section="Accounts", needs=Permission.ADMINISTER),
)
