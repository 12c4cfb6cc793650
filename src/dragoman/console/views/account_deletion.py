"""Deleting an account: a page that explains the consequences, and the button that does it."""

from __future__ import annotations

from typing import Any, Final

from dragoman.console.forms import version_of
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import lazy
from dragoman.core.accounts.model.accounts import AccountView, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

_CHANGED: Final = lazy(
    "Its credits or API keys changed after you opened the page, so it was not deleted. This page"
    " shows the current values."
)


async def show_deletion(request: PageRequest) -> Response:
    """What deleting the account means."""
    return await _show(request, await _find(request))


async def delete_account(request: PageRequest) -> Response:
    """Deletes the account, if it is as its page said."""
    async with request.context.editing:
        view = await _find(request)
        if not request.is_current(*await _state_of(request, view)):
            request.problems[""] = _CHANGED
            return await _show(request, view, 409)
        account = view.account
        # Logged for whoever did it: the log of a deleted account cannot be opened.
        entry = request.audit("delete", account.username)
        try:
            await request.services.account_tree.delete(
                request.account, account.account_id, (entry,)
            )
        except Refused as refused:
            if refused.code is not RefusalCode.INVALID_FIELD:
                raise
            return await _show(request, view, 409)
    return request.go("/accounts", "deleted")


async def _find(request: PageRequest) -> AccountView:
    """The account; one's own is none that one could delete."""
    account_id = request.identifier("account_id")
    if account_id == request.account.account_id:
        raise Refused(RefusalCode.PERMISSION_DENIED, "user", "its own account")
    return await request.services.account_tree.find(request.account, account_id)


async def _state_of(request: PageRequest, view: AccountView) -> tuple[Any, ...]:
    """What the page showed, except for what messages in transit change."""
    balance = view.balance
    credits = balance.available + balance.held + balance.spent
    return view.account.username, credits, await request.services.audit_log.key_times(view.account)


async def _show(request: PageRequest, view: AccountView, status: int = 200) -> Response:
    _, below = await request.services.account_tree.list_children(view.account, 0, 1)
    return request.show(
        "delete-account.html",
        status,
        view=view,
        account=view.account,
        below=below,
        version=version_of(*await _state_of(request, view)),
    )


PAGES: Final = (
    Page(
        "/accounts/{account_id:int}/delete",
        lazy("Delete account"),
        section="Accounts",
        show=show_deletion,
        act=delete_account,
        needs=Permission.ADMINISTER,
    ),
)
