"""The account and those below it: a list as a tree."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.paging import PER_PAGE, make_pager, read_before
from dragoman.console.roles import role_of
from dragoman.console.visit import Visit
from dragoman.core.accounts.model.accounts import Permission
from dragoman.web.responses import Response


async def list_accounts(visit: Visit) -> Response:
    """The tree, each account behind the one it lies below."""
    wanted = visit.query.get("name", "").strip()
    own_depth = visit.account.path.count("/")
    paging = visit.paging()
    shown, total = await visit.desk.account_tree.search(
        visit.account, wanted, paging.offset, paging.per_page
    )
    return visit.show(
        "accounts.html",
        wanted=wanted,
        may_create=visit.account.may(Permission.ADMINISTER),
        rows=[
            (view, min(view.account.path.count("/") - own_depth, 15), role_of(view.account))
            for view in shown
        ],
        pager=make_pager(paging, visit.query, len(shown), total),
    )


async def list_changes(visit: Visit) -> Response:
    """Who changed what in the whole tree, newest first."""
    before = read_before(visit.query)
    found = await visit.desk.books.changes_below(visit.account, before, PER_PAGE + 1)
    return visit.show(
        "changes.html",
        view=None,
        changes=found[:PER_PAGE],
        older=found[PER_PAGE - 1].entry.entry_id if len(found) > PER_PAGE else None,
        is_first=before is None,
    )


PAGES: Final = (
    Page(path="/accounts", title="Accounts", menu="Accounts", show=list_accounts),
    Page(path="/changes", title="Who changed what", section="Accounts", show=list_changes),
)
