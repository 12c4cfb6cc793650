"""What is known of a number: exported, and erased."""

from __future__ import annotations

from typing import Final

from dragoman.admin.answers import ErasedView, ExportedRow, ExportView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.core.retention.model import ExportCursor


class WhoseNumber(Body, frozen=True, kw_only=True):
    """The number, with its country code, and the account that is asked; all if not given."""

    number: str
    account: str = ""


class WhatOfNumber(WhoseNumber, frozen=True, kw_only=True):
    """The same, and where an earlier page ended."""

    cursor: ExportCursor = ExportCursor()


async def export_number(admin: Admin, body: WhatOfNumber) -> ExportView:
    """Export the next rows that name a number.

    Ask again with the `cursor` of the answer until there is none. The audit log of each account
    with such rows gets an entry.
    """
    services = admin.services
    account = await services.accounts.find(body.account) if body.account else None
    page = await services.privacy.export(body.number, account, body.cursor)
    names = await admin.usernames()
    return ExportView(
        rows=tuple(
            ExportedRow(account=names.get(one.account_id, ""), table=one.table, row=one.row)
            for one in page.rows
        ),
        cursor=page.cursor,
    )


async def erase_number(admin: Admin, body: WhoseNumber) -> ErasedView:
    """Erase a number wherever it is needed no more; opt-outs are kept as a hash."""
    services = admin.services
    account = await services.accounts.find(body.account) if body.account else None
    erased = await services.privacy.erase(body.number, account)
    return ErasedView(rows=erased.rows, opt_outs=erased.opt_outs, needed=erased.needed)


CALLS: Final = (
    Call("POST", "/privacy/export", export_number),
    Call("POST", "/privacy/erase", erase_number),
)
