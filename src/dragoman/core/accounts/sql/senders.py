"""Senders that accounts asked for, and how far each is on its way to being allowed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.senders import SenderDetails, SenderState, StoredSender
from dragoman.core.accounts.sql.audit_log import AuditEntry, insert_entries
from dragoman.core.accounts.sql.tables import accounts, senders
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation


class SenderDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a sender."""

    account_id: int
    sender: str
    state: SenderState
    audit: AuditEntry | None = None


class SenderRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """A sender that its account gives up."""

    account_id: int
    sender_id: int


def _add(connection: Connection, items: list[StoredSender]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        values = {name: getattr(item, name) for name in item.__struct_fields__}
        values["state"] = item.state.value
        values["details"] = msgspec.json.encode(item.details).decode()
        try:
            with connection.begin_nested():
                connection.execute(insert(senders).values(**values))
        except IntegrityError:
            results.append(Refused(RefusalCode.ALREADY_EXISTS, item.sender, "sender"))
        else:
            results.append(None)
    return results


def _decide(connection: Connection, items: list[SenderDecision]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        changed = connection.execute(
            update(senders)
            .where(senders.c.account_id == item.account_id, senders.c.sender == item.sender)
            .values(state=item.state.value)
        ).rowcount
        if changed and item.audit is not None:
            insert_entries(connection, [item.audit])
        results.append(None if changed else _missing(item.sender))
    return results


def _remove(connection: Connection, items: list[SenderRemoval]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        mine = (
            senders.c.sender_id == item.sender_id,
            senders.c.account_id == item.account_id,
        )
        sender = connection.execute(select(senders.c.sender).where(*mine)).scalar()
        if sender is None:
            results.append(_missing(str(item.sender_id)))
            continue
        connection.execute(delete(senders).where(*mine))
        connection.execute(  # what an account may not send from is not its usual sender either
            update(accounts)
            .where(accounts.c.account_id == item.account_id, accounts.c.default_sender == sender)
            .values(default_sender="")
        )
        results.append(None)
    return results


def _missing(name: str) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, name, "alias")


add = Operation(_add, "add_sender", StoredSender)
decide = Operation(_decide, "decide_sender", SenderDecision)
remove = Operation(_remove, "remove_sender", SenderRemoval)


def find(connection: Connection, account_id: int, sender_id: int) -> StoredSender | None:
    """A sender of an account."""
    query = select(senders).where(
        senders.c.sender_id == sender_id, senders.c.account_id == account_id
    )
    row = connection.execute(query).first()
    return None if row is None else _stored(row)


def find_by_name(connection: Connection, account_id: int, sender: str) -> StoredSender | None:
    """A sender of an account as it is written."""
    query = select(senders).where(senders.c.sender == sender, senders.c.account_id == account_id)
    row = connection.execute(query).first()
    return None if row is None else _stored(row)


def load_page(
    connection: Connection,
    account_id: int | None,
    states: Collection[SenderState],
    offset: int,
    limit: int,
    top: Account | None = None,
) -> tuple[list[StoredSender], int]:
    """Senders in some states, in the order of creation, and how many there are in all.

    `account_id` None stands for every account, or for those at and below `top`.
    """
    wanted: list[ColumnElement[bool]] = [senders.c.state.in_([state.value for state in states])]
    if account_id is not None:
        wanted.append(senders.c.account_id == account_id)
    if top is not None:
        below = or_(accounts.c.path == top.path, accounts.c.path.like(f"{top.path}/%"))
        tree = select(accounts.c.account_id).where(below, accounts.c.deleted_ms.is_(None))
        wanted.append(senders.c.account_id.in_(tree))
    total = connection.execute(
        select(func.count()).select_from(senders).where(*wanted)
    ).scalar_one()
    page = select(senders).where(*wanted).order_by(senders.c.sender_id).offset(offset).limit(limit)
    return [_stored(row) for row in connection.execute(page)], total


def _stored(row: Row[Any]) -> StoredSender:
    fields = dict(row._mapping)
    fields["state"] = SenderState(fields["state"])
    fields["details"] = msgspec.json.decode(fields["details"], type=SenderDetails)
    return StoredSender(**fields)
