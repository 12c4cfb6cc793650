"""One account of the tree: what it may do, its keys and credits, its ledger, who changed it."""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import Any, Final

from dragoman.console.forms import EditConflict, version_of
from dragoman.console.labels import LEDGER, PERMISSIONS, describe_permissions, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, read_before
from dragoman.console.roles import role_of
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import ChangedAccount, Changes
from dragoman.core.accounts.model.accounts import Account, AccountView, Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.ids import time_of
from dragoman.web.responses import Response

KEEP_SECRET_S: Final = 60.0
"""How long the answer to a form that is sent twice can show the same secret."""
MAX_DIGITS: Final = 16
"""Of a number of credits."""
FIELDS: Final = MappingProxyType(
    {"allowed_addresses": "allowed IP addresses", "default_sender": "default sender"}
)
"""What is typed into the form of an account's settings, as the log of changes names it."""
NOT_OFFERED: Final = frozenset({Permission.OPERATE})
"""What can be granted on the command line only."""


async def show_account(request: PageRequest) -> Response:
    """The details of an account, with the forms of its administrators."""
    return await _show(request, await _find(request))


async def change_access(request: PageRequest) -> Response:
    """Stores what an account may do and from where, unless someone else did meanwhile."""
    async with request.context.editing:
        return await _change_access(request)


async def _change_access(request: PageRequest) -> Response:
    view = await _find(request)
    account = view.account
    wanted = frozenset(request.form.all("may"))
    offered = _offered(request, account)
    permissions = {p: p in wanted for p in offered if (p in wanted) != account.may(p)}
    typed = {
        "allowed_addresses": read_addresses(request.form.get("allowed_addresses", "")),
        "default_sender": request.form.get("default_sender", "").strip(),
    }
    stored = _fields_of(account)
    if not request.is_current(*_access_of(account)):
        request.problems.add_conflicts(
            {"may": describe_permissions(account.permissions)} | stored,
            {"may": describe_permissions(wanted | _not_offered(request, account))} | typed,
        )
        return await _show(request, view, 409, wanted=wanted, typed=typed)
    said = [f"{'may' if to else 'may not'} {p.value}" for p, to in permissions.items()]
    said += [FIELDS[name] for name, value in typed.items() if value != stored[name]]
    if not said:
        return request.go(_path(account), "saved")
    changes = Changes(
        fields=AccountFields(
            allowed_addresses=typed["allowed_addresses"], default_sender=typed["default_sender"]
        ),
        permissions=permissions,
        audit=(request.audit("access", ", ".join(said), account),),
    )
    try:
        await request.services.account_tree.change(request.account, account.account_id, changes)
    except Refused as refused:
        named = refused.subject if refused.subject in typed else "allowed_addresses"
        field = "default_sender" if refused.code is RefusalCode.INVALID_SENDER else named
        _add(request, refused, field)
        return await _show(request, view, 400, wanted=wanted, typed=typed)
    return request.go(_path(account), "saved")


async def make_key(request: PageRequest) -> Response:
    """Gives an account a new API key, which ends the old ones, and shows it this once.

    A form that is sent twice makes one key, which both answers show.
    """
    account_id = request.identifier("account_id")
    mark = f"key {account_id} {request.form.get('mark', '')[:64]}"
    try:
        made = await request.context.repeats.once(
            request.account.account_id, mark, lambda: _make_key(request), keep_s=KEEP_SECRET_S
        )
    except EditConflict:
        request.problems[""] = gettext(
            "Someone else created a key after you opened the page, so no key was created."
        )
        return await _show(request, await _find(request), 409)
    return await _show(request, made.view, api_key=made.api_key)


async def _make_key(request: PageRequest) -> ChangedAccount:
    """Raises `EditConflict` if someone created one that the sender of the form has not seen."""
    async with request.context.editing:
        account = (await _find(request)).account
        request.check_version(await request.services.audit_log.key_times(account))
        entry = request.audit("key", account=account)
        return await request.services.account_tree.change(
            request.account, account.account_id, Changes(new_key=True, audit=(entry,))
        )


async def make_password(request: PageRequest) -> Response:
    """Gives an account a new password, which signs it out everywhere, and shows it this once."""
    account_id = request.identifier("account_id")
    if account_id == request.account.account_id:
        raise Refused(RefusalCode.PERMISSION_DENIED, "password", "its own account")
    mark = f"password {account_id} {request.form.get('mark', '')[:64]}"
    try:
        view, password = await request.context.repeats.once(
            request.account.account_id, mark, lambda: _make_password(request), keep_s=KEEP_SECRET_S
        )
    except EditConflict:
        request.problems[""] = gettext(
            "Someone else set a password after you opened the page, so it was not reset."
        )
        return await _show(request, await _find(request), 409)
    return await _show(request, view, password=password)


async def _make_password(request: PageRequest) -> tuple[AccountView, str]:
    """Raises `EditConflict` if someone set one that the sender of the form has not seen."""
    password = secrets.token_urlsafe(16)
    async with request.context.editing:
        account = (await _find(request)).account
        request.check_version(await request.services.audit_log.password_times(account))
        entry = request.audit("set_password", account=account)
        changes = Changes(password=password, audit=(entry,))
        changed = await request.services.account_tree.change(
            request.account, account.account_id, changes
        )
    return changed.view, password


async def set_enabled(request: PageRequest) -> Response:
    """Enables or disables an account, from now on."""
    account = (await _find(request)).account
    enabled = request.form.get("do") == "open"
    if enabled is account.enabled:
        return request.go(_path(account), "no-changes")
    entry = request.audit("open" if enabled else "shut", account=account)
    await request.services.account_tree.change(
        request.account, account.account_id, Changes(enabled=enabled, audit=(entry,))
    )
    return request.go(_path(account), "saved")


async def move_credits(request: PageRequest) -> Response:
    """Gives an account credits of one's own, or takes some back; a repeated form does it once."""
    view = await _find(request)
    account = view.account
    typed = request.form.get("credits", "").strip()
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= MAX_DIGITS
    if not is_number or not 0 < int(typed) <= MAX_CREDITS:
        request.problems["credits"] = gettext("Enter a whole number of at least 1.")
        return await _show(request, view, 400, credits=typed)
    gives = request.form.get("do") != "take"
    amount = int(typed) if gives else -int(typed)

    async def move() -> int:
        verb = "give" if gives else "take"
        entry = request.audit(verb, str(abs(amount)), account)
        changes = Changes(credits=amount, audit=(entry,))
        await request.services.account_tree.change(request.account, account.account_id, changes)
        return amount

    mark = request.form.get("mark", "")[:64]
    try:
        await request.context.repeats.once(
            request.account.account_id, f"credits {account.account_id} {amount} {mark}", move
        )
    except Refused as refused:
        _add(request, refused, "credits")
        return await _show(request, view, 400, credits=typed)
    return request.go(_path(account), "saved")


async def show_ledger(request: PageRequest) -> Response:
    """The movements of an account's credits, newest first."""
    view = await _find(request)
    before = read_before(request.query)
    found = await request.services.audit_log.ledger(view.account, before, PER_PAGE + 1)
    return request.show(
        "ledger.html",
        view=view,
        entries=[(time_of(entry.entry_id), entry) for entry in found[:PER_PAGE]],
        older=found[PER_PAGE - 1].entry_id if len(found) > PER_PAGE else None,
        is_first=before is None,
        kinds=LEDGER,
    )


async def show_changes(request: PageRequest) -> Response:
    """The audit log of an account, newest first."""
    view = await _find(request)
    before = read_before(request.query)
    found = await request.services.audit_log.changes(
        request.account, view.account, before, PER_PAGE + 1
    )
    return request.show(
        "changes.html",
        view=view,
        changes=found[:PER_PAGE],
        older=found[PER_PAGE - 1].entry.entry_id if len(found) > PER_PAGE else None,
        is_first=before is None,
    )


async def _find(request: PageRequest) -> AccountView:
    return await request.services.account_tree.find(
        request.account, request.identifier("account_id")
    )


async def _show(
    request: PageRequest,
    view: AccountView,
    status: int = 200,
    *,
    wanted: frozenset[str] | None = None,
    typed: dict[str, str] | None = None,
    credits: str = "",
    api_key: str | None = None,
    password: str | None = None,
) -> Response:
    account = view.account
    is_own = account.account_id == request.account.account_id
    may_change = request.account.may(Permission.ADMINISTER)
    checked = account.permissions if wanted is None else wanted
    key_times = await request.services.audit_log.key_times(account)
    password_times = await request.services.audit_log.password_times(account)
    return request.show(
        "account.html",
        status,
        view=view,
        account=account,
        its_role=role_of(account),
        can=describe_permissions(account.permissions),
        is_own=is_own,
        may_change=may_change,
        sees_keys=request.role.includes(Role.ADMINISTRATOR) and (is_own or may_change),
        people_at="/people" if is_own else f"{_path(account)}/people",
        has_twilio="twilio" in request.services.settings.dialects.enabled,
        options=[(p.value, PERMISSIONS[p], p in checked) for p in _offered(request, account)],
        typed=typed or _fields_of(account),
        version=version_of(*_access_of(account)),
        key_version=version_of(key_times),
        key_times=key_times,
        password_version=version_of(password_times),
        password_times=password_times,
        api_key=api_key,
        password=password,
        credits=credits,
        mark=secrets.token_urlsafe(12),
    )


def read_addresses(text: str) -> str:
    """Allowed addresses as they are stored, from lines and commas."""
    lines = (line.strip(" ,") for line in text.splitlines())
    return ", ".join(line for line in lines if line)


def _fields_of(account: Account) -> dict[str, str]:
    """What is stored of the fields that are typed."""
    return {
        "allowed_addresses": account.allowed_addresses.text,
        "default_sender": account.default_sender,
    }


def _not_offered(request: PageRequest, account: Account) -> frozenset[str]:
    """What an account may do that no form of the reader's can change."""
    return frozenset(account.permissions) - frozenset(_offered(request, account))


def _offered(request: PageRequest, account: Account) -> list[Permission]:
    """The permissions that the reader may give to an account or take from it."""
    if account.account_id == request.account.account_id:
        return []
    return [p for p in Permission if request.account.may(p) and p not in NOT_OFFERED]


def _access_of(account: Account) -> tuple[Any, ...]:
    return sorted(account.permissions), *_fields_of(account).values()


def _add(request: PageRequest, refused: Refused, field: str) -> None:
    """Puts a refusal to a field; raises those that are about the whole page."""
    if refused.code in {RefusalCode.UNAVAILABLE, RefusalCode.NOT_FOUND}:
        raise refused
    at_field = refused.code in _AT_FIELD or refused.subject == field
    request.problems[field if at_field else ""] = describe_refusal(refused)


_AT_FIELD: Final = frozenset({RefusalCode.INSUFFICIENT_CREDIT, RefusalCode.INVALID_SENDER})


def _path(account: Account) -> str:
    return f"/accounts/{account.account_id}"


def _page(path: str, title: str, **more: Any) -> Page:
    return Page(f"/accounts/{{account_id:int}}{path}", title, section="Accounts", **more)


_CHANGES: Final = {"needs": Permission.ADMINISTER}
PAGES: Final = (
    _page("", lazy("Account"), show=show_account),
    _page("/access", lazy("Account"), act=change_access, **_CHANGES),
    _page("/key", lazy("Account"), act=make_key, **_CHANGES),
    _page("/password", lazy("Account"), act=make_password, **_CHANGES),
    _page("/state", lazy("Account"), act=set_enabled, **_CHANGES),
    _page("/credits", lazy("Account"), act=move_credits, **_CHANGES),
    _page("/ledger", lazy("Ledger"), show=show_ledger),
    _page("/changes", lazy("Audit log"), show=show_changes),
)
