"""Senders that accounts requested, and the stage of their approval."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.senders import SenderState, StoredSender
from dragoman.core.accounts.sql.tables import accounts, audit_entries, senders
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, insert_new, insert_rows, read_all, read_one
from dragoman.storage.work import one_by_one


class SenderDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about a sender."""

    account_id: int
    sender: str
    state: SenderState
    audit: AuditEntry | None = None


class SenderRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """A sender that its account removes."""

    account_id: int
    sender_id: int


@one_by_one("add_sender")
def add(connection: Connection, item: StoredSender) -> None:
    if not insert_new(connection, senders, item):
        raise Refused(RefusalCode.ALREADY_EXISTS, item.sender, "sender")


@one_by_one("decide_sender")
def decide(connection: Connection, item: SenderDecision) -> None:
    mine = (senders.c.account_id == item.account_id, senders.c.sender == item.sender)
    decided = update(senders).where(*mine).values(state=item.state.value)
    if not connection.execute(decided).rowcount:
        raise _missing(item.sender)
    if item.audit is not None:
        insert_rows(connection, audit_entries, [item.audit])


@one_by_one("remove_sender")
def remove(connection: Connection, item: SenderRemoval) -> None:
    mine = (senders.c.sender_id == item.sender_id, senders.c.account_id == item.account_id)
    gone = delete(senders).where(*mine).returning(senders.c.sender)
    sender = connection.execute(gone).scalar()
    if sender is None:
        raise _missing(str(item.sender_id))
    connection.execute(  # what an account may not send from is not its usual sender either
        update(accounts)
        .where(accounts.c.account_id == item.account_id, accounts.c.default_sender == sender)
        .values(default_sender="")
    )


def _missing(name: str) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, name, "alias")


def find(connection: Connection, account_id: int, sender_id: int) -> StoredSender | None:
    """A sender of an account."""
    mine = select(senders).where(senders.c.account_id == account_id)
    return read_one(connection, mine.where(senders.c.sender_id == sender_id), StoredSender)


def find_by_name(connection: Connection, account_id: int, sender: str) -> StoredSender | None:
    """A sender of an account by its spelling."""
    mine = select(senders).where(senders.c.account_id == account_id)
    return read_one(connection, mine.where(senders.c.sender == sender), StoredSender)


def load_page(
    connection: Connection,
    account_id: int | None,
    states: Collection[SenderState],
    offset: int,
    limit: int,
    top: Account | None = None,
) -> tuple[list[StoredSender], int]:
    """Senders in some states, in the order of creation, and the total.

    `account_id` None selects every account, or those at and below `top`.
    """
    wanted: list[ColumnElement[bool]] = [senders.c.state.in_([state.value for state in states])]
    if account_id is not None:
        wanted.append(senders.c.account_id == account_id)
    if top is not None:
        below = or_(accounts.c.path == top.path, accounts.c.path.like(f"{top.path}/%"))
        tree = select(accounts.c.account_id).where(below, accounts.c.deleted_ms.is_(None))
        wanted.append(senders.c.account_id.in_(tree))
    page = select(senders).where(*wanted).order_by(senders.c.sender_id).offset(offset).limit(limit)
    return read_all(connection, page, StoredSender), count(connection, *wanted)
