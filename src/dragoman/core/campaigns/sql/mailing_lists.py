"""Mailing lists, the groups added to them, and the e-mail service of accounts."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from dragoman.core.campaigns.model.mailings import (
    EmailService,
    ListState,
    MailingList,
    MailingListChange,
)
from dragoman.core.campaigns.sql.tables import email_services, mailing_list_groups, mailing_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import count, given, insert_rows, put_row, read_all, read_one, row_of
from dragoman.storage.work import one_by_one, together

MAX_LISTS: Final = 10_000
"""Lists an account may have; bounds the answer that names them all."""


class ListGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of contacts that was added to a list."""

    list_id: int
    group_id: int
    account_id: int
    added_ms: int


class EmailServiceChange(msgspec.Struct, frozen=True, kw_only=True):
    """The e-mail service of an account from now on."""

    account_id: int
    service: EmailService


_COLUMNS: Final = MailingListChange.__struct_fields__[2:]
_ADD_GROUP: Final = BulkInsert(mailing_list_groups, suffix="ON CONFLICT DO NOTHING")


def find(connection: Connection, account_id: int, list_id: int) -> MailingList | None:
    """One of the account's lists."""
    mine = select(mailing_lists).where(mailing_lists.c.account_id == account_id)
    return read_one(connection, mine.where(mailing_lists.c.list_id == list_id), MailingList)


def load(
    connection: Connection, account_id: int, states: tuple[ListState, ...]
) -> list[MailingList]:
    """The account's lists in one of the states, in the order of creation."""
    query = (
        select(mailing_lists)
        .where(mailing_lists.c.account_id == account_id, mailing_lists.c.state.in_(states))
        .order_by(mailing_lists.c.list_id)
    )
    return read_all(connection, query, MailingList)


@one_by_one("create_mailing_lists")
def create(connection: Connection, item: MailingList) -> None:
    if count(connection, mailing_lists.c.account_id == item.account_id) >= MAX_LISTS:
        raise Refused(RefusalCode.INVALID_FIELD, "list", f"at most {MAX_LISTS} lists")
    insert_rows(connection, mailing_lists, [item])


@one_by_one("change_mailing_lists")
def change(connection: Connection, item: MailingListChange) -> None:
    if find(connection, item.account_id, item.list_id) is None:
        raise missing_list(item.list_id)
    values = given(item, *_COLUMNS)
    if values:
        changed = update(mailing_lists).where(mailing_lists.c.list_id == item.list_id)
        connection.execute(changed.values(**values))


@together("add_groups_to_mailing_lists")
def add_group(connection: Connection, items: list[ListGroup]) -> None:
    _ADD_GROUP.run(connection, [msgspec.structs.astuple(item) for item in items])


def find_service(connection: Connection, account_id: int) -> EmailService | None:
    """The e-mail service of an account; None if none is recorded."""
    query = select(email_services).where(email_services.c.account_id == account_id)
    return read_one(connection, query, EmailService)


@one_by_one("put_email_services")
def put_service(connection: Connection, item: EmailServiceChange) -> None:
    put_row(connection, email_services, {"account_id": item.account_id, **row_of(item.service)})


def missing_list(list_id: int) -> Refused:
    """The refusal of an unknown list."""
    return Refused(RefusalCode.NOT_FOUND, str(list_id), "list")
