"""The account and those below it: a list as a tree."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, make_pager, read_before
from dragoman.console.roles import role_of
from dragoman.console.translation import lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.web.responses import Response


async def list_accounts(request: PageRequest) -> Response:
    """The tree, each account behind the one it lies below."""
    wanted = request.query.get("name", "").strip()
    own_depth = request.account.path.count("/")
    paging = request.paging()
    shown, total = await request.services.account_tree.search(
        request.account, wanted, paging.offset, paging.per_page
    )
    return request.show(
        "accounts.html",
        wanted=wanted,
        may_create=request.account.may(Permission.ADMINISTER),
        rows=[
            (view, min(view.account.path.count("/") - own_depth, 15), role_of(view.account))
            for view in shown
        ],
        pager=make_pager(paging, request.query, len(shown), total),
    )


async def list_changes(request: PageRequest) -> Response:
    """The audit log of the whole tree, newest first."""
    before = read_before(request.query)
    found = await request.services.audit_log.changes_below(request.account, before, PER_PAGE + 1)
    return request.show(
        "changes.html",
        view=None,
        changes=found[:PER_PAGE],
        older=found[PER_PAGE - 1].entry.entry_id if len(found) > PER_PAGE else None,
        is_first=before is None,
    )


PAGES: Final = (
    Page("/accounts", lazy("Accounts"), menu=lazy("Accounts"), show=list_accounts),
    Page("/changes", lazy("Audit log"), section="Accounts", show=list_changes),
)
