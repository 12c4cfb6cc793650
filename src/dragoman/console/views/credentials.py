"""What an account's programs of Twilio sign in with: account SID, auth token, API keys."""

from __future__ import annotations

import secrets
from typing import Any, Final

from dragoman.console.forms import EditConflict, version_of
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.account_details import KEEP_SECRET_S
from dragoman.core.accounts.auth_tokens import AuthToken
from dragoman.core.accounts.key_pairs import NewKeyPair
from dragoman.core.accounts.model.accounts import AccountView, Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

DIALECT: Final = "twilio"


async def show_credentials(request: PageRequest) -> Response:
    """The SID and the keys, without any secret."""
    return await _show(request, await _find(request))


async def act_on_token(request: PageRequest) -> Response:
    """Shows the auth token, or makes a new one: each time it is noted who did."""
    view = await _find(request)
    account, tokens = view.account, request.services.auth_tokens
    if request.form.get("do") == "replace":
        async with request.context.editing:
            known = await tokens.of_account(account.account_id)
            try:
                request.check_version(known.created_ms if known is not None else 0)
            except EditConflict:
                request.problems[""] = gettext(
                    "Someone else replaced the token after you opened the page, so it was not"
                    " replaced again."
                )
                return await _show(request, view, 409)
            token = await tokens.set(account)
            await request.note("auth_token", account=account)
    else:
        token = await tokens.ensure(account)
        await request.note("show_auth_token", account=account)
    return await _show(request, view, token=token.token)


async def make_key(request: PageRequest) -> Response:
    """Makes an API key, and shows its secret this once; a form sent twice makes one."""
    view = await _find(request)
    name = request.form.get("name", "").strip()
    mark = f"key pair {view.account.account_id} {request.form.get('mark', '')[:64]}"

    async def make() -> NewKeyPair:
        await request.services.auth_tokens.ensure(view.account)
        made = await request.services.key_pairs.create(view.account, name)
        await request.note("key_pair", name or made.key.sid, view.account)
        return made

    try:
        made = await request.context.repeats.once(
            request.account.account_id, mark, make, keep_s=KEEP_SECRET_S
        )
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        request.problems["name"] = describe_refusal(refused)
        return await _show(request, view, 400, name=name)
    return await _show(request, view, made=made)


async def remove_key(request: PageRequest) -> Response:
    """Ends an API key at once."""
    view = await _find(request)
    sid = request.form.get("sid", "")
    key = await request.services.key_pairs.find(view.account, sid)
    if key is None or not await request.services.key_pairs.remove(view.account, sid):
        raise Refused(RefusalCode.NOT_FOUND, sid[:34], "key")
    await request.note("remove_key_pair", key.name or sid, view.account)
    return request.go(f"/accounts/{view.account.account_id}/credentials", "saved")


async def _find(request: PageRequest) -> AccountView:
    if DIALECT not in request.services.settings.dialects.enabled:
        raise Refused(RefusalCode.NOT_FOUND, DIALECT, "dialect")
    return await request.services.account_tree.find(
        request.account, request.identifier("account_id")
    )


async def _show(
    request: PageRequest,
    view: AccountView,
    status: int = 200,
    *,
    token: str = "",
    made: NewKeyPair | None = None,
    name: str = "",
) -> Response:
    services, account = request.services, view.account
    known: AuthToken | None = await services.auth_tokens.of_account(account.account_id)
    return request.show(
        "credentials.html",
        status,
        account=account,
        known=known,
        keys=await services.key_pairs.of_account(account),
        token=token,
        made=made,
        name=name,
        version=_version(known),
        mark=secrets.token_urlsafe(12),
    )


def _version(known: AuthToken | None) -> str:
    return version_of(known.created_ms if known is not None else 0)


def _page(path: str, **more: Any) -> Page:
    return Page(
        f"/accounts/{{account_id:int}}/credentials{path}",
        lazy("Twilio credentials"),
        section="Accounts",
        needs=Permission.ADMINISTER,
        least=Role.ADMINISTRATOR,
        acts=Role.ADMINISTRATOR,
        **more,
    )


PAGES: Final = (
    _page("", show=show_credentials),
    _page("/token", act=act_on_token),
    _page("/keys", act=make_key),
    _page("/keys/remove", act=remove_key),
)
