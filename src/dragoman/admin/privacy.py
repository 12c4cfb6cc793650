"""What is known of a number: exported, and erased."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.admin.answers import ErasedView, ExportedRow, ExportView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import whole
from dragoman.core.accounts.model.accounts import Account
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
    if not body.account:  # one partition after the other
        services.placement.check_partition(body.cursor.partition)
    account = await services.accounts.find(body.account) if body.account else None
    page = await services.privacy.export(body.number, account, body.cursor)
    names = await admin.usernames()
    return ExportView(
        rows=tuple(
            ExportedRow(account=names.get(one.account_id, ""), table=one.table, row=one.row)
            for one in page.rows
        ),
        cursor=_following(admin, page.cursor, account),
    )


def _following(
    admin: Admin, cursor: ExportCursor | None, account: Account | None
) -> ExportCursor | None:
    """Where the next rows are: in this partition, or for all accounts in the one after it."""
    placement = admin.services.placement
    if cursor is not None:
        return msgspec.structs.replace(cursor, partition=placement.partition)
    following = placement.partition + 1
    if account is not None or following >= placement.partitions:
        return None
    return ExportCursor(partition=following)


async def erase_number(admin: Admin, body: WhoseNumber) -> ErasedView:
    """Erase a number wherever it is needed no more; opt-outs are kept as a hash."""
    services = admin.services
    account = await services.accounts.find(body.account) if body.account else None
    erased = await services.privacy.erase(body.number, account)
    return ErasedView(rows=erased.rows, opt_outs=erased.opt_outs, needed=erased.needed)


CALLS: Final = (
    Call("POST", "/privacy/export", export_number),
    Call("POST", "/privacy/erase", erase_number, whole=whole()),
)
