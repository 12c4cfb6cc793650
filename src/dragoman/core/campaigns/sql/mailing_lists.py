"""Mailing lists, the groups that were put on them, and what an account has bought of e-mail."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, delete, func, insert, select, update

from dragoman.core.campaigns.model.mailings import (
    EmailService,
    ListState,
    MailingList,
    MailingListChange,
)
from dragoman.core.campaigns.sql.tables import email_services, mailing_list_groups, mailing_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation

MAX_LISTS: Final = 10_000
"""Lists an account may have; bounds the answer that names them all."""


class ListGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of contacts that was put on a list."""

    list_id: int
    group_id: int
    account_id: int
    added_ms: int


class EmailServiceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has bought from now on."""

    account_id: int
    service: EmailService


_COLUMNS: Final = MailingListChange.__struct_fields__[2:]
_ADD_GROUP: Final = BulkInsert(mailing_list_groups, suffix="ON CONFLICT DO NOTHING")


def find(connection: Connection, account_id: int, list_id: int) -> MailingList | None:
    """One of the account's lists."""
    query = select(mailing_lists).where(
        mailing_lists.c.list_id == list_id, mailing_lists.c.account_id == account_id
    )
    row = connection.execute(query).first()
    return None if row is None else _list(row._mapping)


def load(
    connection: Connection, account_id: int, states: tuple[ListState, ...]
) -> list[MailingList]:
    """The account's lists in one of the states, in the order of creation."""
    query = (
        select(mailing_lists)
        .where(mailing_lists.c.account_id == account_id, mailing_lists.c.state.in_(states))
        .order_by(mailing_lists.c.list_id)
    )
    return [_list(row._mapping) for row in connection.execute(query)]


def _create(connection: Connection, items: list[MailingList]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        counting = select(func.count()).where(mailing_lists.c.account_id == item.account_id)
        if connection.execute(counting).scalar_one() >= MAX_LISTS:
            results.append(Refused(RefusalCode.INVALID_FIELD, "list", f"at most {MAX_LISTS} lists"))
            continue
        connection.execute(insert(mailing_lists), [msgspec.structs.asdict(item)])
        results.append(None)
    return results


create = Operation(_create, "create_mailing_lists", MailingList)


def _change(connection: Connection, items: list[MailingListChange]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        if find(connection, item.account_id, item.list_id) is None:
            results.append(missing_list(item.list_id))
            continue
        values: dict[str, Any] = {
            name: value for name in _COLUMNS if (value := getattr(item, name)) is not UNSET
        }
        if values:
            connection.execute(
                update(mailing_lists)
                .where(mailing_lists.c.list_id == item.list_id)
                .values(**values)
            )
        results.append(None)
    return results


change = Operation(_change, "change_mailing_lists", MailingListChange)


def _add_group(connection: Connection, items: list[ListGroup]) -> list[Exception | None]:
    _ADD_GROUP.run(connection, [msgspec.structs.astuple(item) for item in items])
    return [None] * len(items)


add_group = Operation(_add_group, "add_groups_to_mailing_lists", ListGroup)


def find_service(connection: Connection, account_id: int) -> EmailService | None:
    """What an account has bought of e-mail; None where nothing is written down."""
    query = select(email_services).where(email_services.c.account_id == account_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return EmailService(**{name: row._mapping[name] for name in EmailService.__struct_fields__})


def _put_service(connection: Connection, items: list[EmailServiceChange]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            delete(email_services).where(email_services.c.account_id == item.account_id)
        )
        values = {"account_id": item.account_id} | msgspec.structs.asdict(item.service)
        connection.execute(insert(email_services), [values])
    return [None] * len(items)


put_service = Operation(_put_service, "put_email_services", EmailServiceChange)


def missing_list(list_id: int) -> Refused:
    """The refusal of a list that the account does not have."""
    return Refused(RefusalCode.NOT_FOUND, str(list_id), "list")


def _list(values: Any) -> MailingList:
    return MailingList(**{**values, "state": ListState(values["state"])})
