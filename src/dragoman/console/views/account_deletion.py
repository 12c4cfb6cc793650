"""The end of an account: a page that says what it means, and the button that does it."""

from __future__ import annotations

from typing import Any, Final

from dragoman.console.forms import Problems, version_of
from dragoman.console.page import Page
from dragoman.console.visit import Visit
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.views import AccountView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

_CHANGED: Final = (
    "Its credits or its key changed after you opened the page, so it was not deleted. Below is how"
    " it is now."
)


async def show_deletion(visit: Visit) -> Response:
    """What deleting the account means."""
    return await _show(visit, await _find(visit))


async def delete_account(visit: Visit) -> Response:
    """Deletes the account, if it is as its page said."""
    async with visit.desk.editing:
        view = await _find(visit)
        if not visit.is_current(*await _state_of(visit, view)):
            return await _show(visit, view, 409, Problems({"": _CHANGED}))
        account = view.account
        # It stands at who did it: nobody can open the log of an account that is gone.
        entry = visit.desk.books.entry(visit.account, "delete", account.username)
        try:
            await visit.desk.account_tree.delete(visit.account, account.account_id, (entry,))
        except Refused as refused:
            if refused.code is not RefusalCode.INVALID_FIELD:
                raise
            return await _show(visit, view, 409)
    return visit.go("/accounts", "deleted")


async def _find(visit: Visit) -> AccountView:
    """The account; one's own is none that one could delete."""
    account_id = visit.identifier("account_id")
    if account_id == visit.account.account_id:
        raise Refused(RefusalCode.PERMISSION_DENIED, "user", "its own account")
    return await visit.desk.account_tree.find(visit.account, account_id)


async def _state_of(visit: Visit, view: AccountView) -> tuple[Any, ...]:
    """What its reader was told, but for what passing messages change."""
    balance = view.balance
    credits = balance.available + balance.held + balance.spent
    return view.account.username, credits, await visit.desk.books.key_times(view.account)


async def _show(
    visit: Visit, view: AccountView, status: int = 200, problems: Problems | None = None
) -> Response:
    _, below = await visit.desk.account_tree.list_children(view.account, 0, 1)
    return visit.show(
        "delete-account.html",
        status,
        problems=problems or {},
        view=view,
        account=view.account,
        below=below,
        version=version_of(*await _state_of(visit, view)),
    )


PAGES: Final = (
    Page(
        path="/accounts/{account_id:int}/delete",
        title="Delete account",
        section="Accounts",
        show=show_deletion,
        act=delete_account,
        needs=Permission.ADMINISTER,
    ),
)
