"""The API keys of an account: several, each with a name and limits of its own."""

from __future__ import annotations

import secrets
from datetime import datetime, time, timedelta
from typing import Any, Final

from dragoman.console.forms import version_of
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import lazy
from dragoman.console.views.account_details import read_addresses
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.api_keys import ApiKey
from dragoman.core.accounts.model.people import Role
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

KEEP_SECRET_S: Final = 60.0
OVERLAPS: Final = (
    ("0", lazy("at once")),
    ("1", lazy("in an hour")),
    ("24", lazy("in a day")),
    ("168", lazy("in a week")),
)
_EMPTY: Final = dict.fromkeys(("name", "calls", "allowed_addresses", "expires"), "")


async def list_keys(request: PageRequest) -> Response:
    """The keys of an account, and the form for another."""
    return await _show_list(request, await _find_account(request))


async def create_key(request: PageRequest) -> Response:
    """Creates a key and shows it this once; a form that is sent twice creates one."""
    account = await _find_account(request)
    typed = _read(request)
    mark = f"new key {account.account_id} {request.form.get('mark', '')[:64]}"

    async def act() -> tuple[ApiKey, str]:
        return await request.services.api_keys.create(
            account,
            typed["name"],
            **_limits(request, typed),
            audit=(request.audit("new_key", typed["name"], account),),
        )

    try:
        key, secret = await request.context.repeats.once(
            request.account.account_id, mark, act, keep_s=KEEP_SECRET_S
        )
    except Refused as refused:
        _add(request, refused)
        return await _show_list(request, account, 400, typed=typed)
    return await _show_list(request, account, made=key, secret=secret)


async def show_key(request: PageRequest) -> Response:
    """One key, with the forms to change, rotate and revoke it."""
    account = await _find_account(request)
    return await _show_key(request, account, await _find_key(request, account))


async def change_key(request: PageRequest) -> Response:
    """Stores what a key is good for, unless someone else changed it meanwhile."""
    async with request.context.editing:
        account = await _find_account(request)
        key, typed = await _find_key(request, account), _read(request)
        if not request.is_current(*_state_of(request, key)):
            request.problems.add_conflicts(_fields_of(request, key), typed)
            return await _show_key(request, account, key, 409, typed)
        try:
            await request.services.api_keys.change(
                account,
                key.key_id,
                name=typed["name"],
                **_limits(request, typed),
                audit=(request.audit("change_key", typed["name"], account),),
            )
        except Refused as refused:
            _add(request, refused)
            return await _show_key(request, account, key, 400, typed)
    return request.go(_path(account), "saved")


async def rotate_key(request: PageRequest) -> Response:
    """Creates a key in place of another, which ends after a time that is chosen."""
    account = await _find_account(request)
    key = await _find_key(request, account)
    hours = request.form.get("overlap", "")
    if hours not in dict(OVERLAPS):
        raise Refused(RefusalCode.INVALID_FIELD, "overlap", "not known")
    mark = f"rotate {key.key_id} {request.form.get('mark', '')[:64]}"

    async def act() -> tuple[ApiKey, str]:
        entry = request.audit("rotate_key", key.name, account)
        return await request.services.api_keys.rotate(
            account, key.key_id, int(hours) * 3600, (entry,)
        )

    made, secret = await request.context.repeats.once(
        request.account.account_id, mark, act, keep_s=KEEP_SECRET_S
    )
    return await _show_list(request, account, made=made, secret=secret)


async def revoke_key(request: PageRequest) -> Response:
    """Ends a key at once."""
    account = await _find_account(request)
    key = await _find_key(request, account)
    entry = request.audit("revoke_key", key.name, account)
    await request.services.api_keys.revoke(account, key.key_id, (entry,))
    return request.go(_path(account), "key-revoked")


async def _find_account(request: PageRequest) -> Account:
    """The reader's own account, or one below that they administer; raises `Refused`."""
    account_id = request.identifier("account_id")
    if account_id == request.account.account_id:
        return request.reader.account
    view = await request.services.account_tree.find(request.account, account_id)
    if not request.account.may(Permission.ADMINISTER):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.ADMINISTER)
    return view.account


async def _find_key(request: PageRequest, account: Account) -> ApiKey:
    return await request.services.api_keys.find(account, request.identifier("key_id"))


async def _show_list(
    request: PageRequest,
    account: Account,
    status: int = 200,
    *,
    typed: dict[str, str] | None = None,
    made: ApiKey | None = None,
    secret: str = "",
) -> Response:
    return request.show(
        "api-keys.html",
        status,
        account=account,
        keys=await request.services.api_keys.of_account(account),
        made=made,
        secret=secret,
        typed=typed or dict(_EMPTY),
        chosen=frozenset(request.form.all("api")),
        apis=sorted(request.services.api_keys.apis),
        mark=secrets.token_urlsafe(12),
    )


async def _show_key(
    request: PageRequest,
    account: Account,
    key: ApiKey,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    apis = sorted(request.services.api_keys.apis)
    chosen = key.limits.scopes & set(apis)
    return request.show(
        "api-key.html",
        status,
        account=account,
        key=key,
        typed=typed or _fields_of(request, key),
        chosen=chosen if typed is None else frozenset(request.form.all("api")),
        apis=apis,
        overlaps=OVERLAPS,
        version=version_of(*_state_of(request, key)),
        mark=secrets.token_urlsafe(12),
    )


def _read(request: PageRequest) -> dict[str, str]:
    typed = {name: request.form.get(name, "").strip() for name in _EMPTY}
    return typed | {"allowed_addresses": read_addresses(typed["allowed_addresses"])}


def _limits(request: PageRequest, typed: dict[str, str]) -> dict[str, Any]:
    """What was typed, as a key has it; raises `Refused`."""
    expires_ms = None
    if typed["expires"]:
        try:
            day = datetime.strptime(typed["expires"], "%Y-%m-%d").date()
            end = datetime.combine(day, time(), request.zone) + timedelta(days=1)
            expires_ms = round(end.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise Refused(RefusalCode.INVALID_FIELD, "expires", "not a date") from None
    return {
        "scopes": frozenset(request.form.all("api")) | frozenset(typed["calls"].split()),
        "allowed_addresses": typed["allowed_addresses"],
        "expires_ms": expires_ms,
    }


def _fields_of(request: PageRequest, key: ApiKey) -> dict[str, str]:
    """What is stored, as it is typed."""
    apis = request.services.api_keys.apis
    expires = ""
    if key.limits.expires_ms is not None:
        last = datetime.fromtimestamp(key.limits.expires_ms / 1000 - 1, request.zone)
        expires = last.strftime("%Y-%m-%d")
    return {
        "name": key.name,
        "calls": " ".join(sorted(key.limits.scopes - apis)),
        "allowed_addresses": key.limits.allowed_addresses.text,
        "expires": expires,
    }


def _state_of(request: PageRequest, key: ApiKey) -> tuple[Any, ...]:
    return (*_fields_of(request, key).values(), sorted(key.limits.scopes))


def _add(request: PageRequest, refused: Refused) -> None:
    if refused.code is not RefusalCode.INVALID_FIELD:
        raise refused
    field = {"scopes": "calls"}.get(refused.subject, refused.subject)
    request.problems[field if field in _EMPTY else ""] = describe_refusal(refused)


def _path(account: Account) -> str:
    return f"/accounts/{account.account_id}/keys"


def _page(path: str, title: str, **more: Any) -> Page:
    return Page(
        f"/accounts/{{account_id:int}}/keys{path}",
        title,
        section="Accounts",
        least=Role.ADMINISTRATOR,
        acts=Role.ADMINISTRATOR,
        **more,
    )


PAGES: Final = (
    _page("", lazy("API keys"), show=list_keys, act=create_key),
    _page("/{key_id:int}", lazy("API key"), show=show_key, act=change_key),
    _page("/{key_id:int}/rotate", lazy("API key"), act=rotate_key),
    _page("/{key_id:int}/revoke", lazy("API key"), act=revoke_key),
)
