"""What customers and carriers call messages, looked up in the rows of some accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product

from sqlalchemy import Connection, select

from dragoman.core.messages.sql.pending import find_receipt_keys
from dragoman.core.messages.sql.tables import batches, callbacks, messages
from dragoman.core.submission.sql.tables import orders
from dragoman.storage.rows import is_any, is_one_of


def has_messages_to(
    connection: Connection, account_ids: Collection[int], numbers: Sequence[str]
) -> bool:
    """Whether any message went to one of the numbers."""
    mine = is_one_of(connection.dialect.name, messages.c.account_id, account_ids)
    return is_any(connection, mine, messages.c.recipient.in_(numbers))


def find_order(connection: Connection, account_ids: Collection[int], order_id: str) -> list[int]:
    """The batches of orders of this name."""
    mine = is_one_of(connection.dialect.name, orders.c.account_id, account_ids)
    query = select(orders.c.batch_id).where(mine, orders.c.order_id == order_id)
    return list(connection.execute(query).scalars())


def find_reference(
    connection: Connection, account_ids: Collection[int], reference: str, limit: int
) -> list[int]:
    """The newest batches with a customer's own reference."""
    mine = is_one_of(connection.dialect.name, batches.c.account_id, account_ids)
    query = (
        select(batches.c.batch_id)
        .where(mine, batches.c.reference == reference)
        .order_by(batches.c.batch_id.desc())
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def find_carrier_ids(
    connection: Connection,
    account_ids: Collection[int],
    carriers: Sequence[str],
    keys: Sequence[str],
) -> list[int]:
    """The messages that carriers gave an ID of one of these spellings, newest first."""
    named = find_receipt_keys(connection, list(product(carriers, keys)))
    identifiers = {message_id for message_id, _ in named.values()}
    owners = select(messages.c.message_id, messages.c.account_id).where(
        messages.c.message_id.in_(identifiers)
    )
    mine = set(account_ids)
    found = [row.message_id for row in connection.execute(owners) if row.account_id in mine]
    return sorted(found, reverse=True)


def owner_of(connection: Connection, identifier: int) -> tuple[str, int] | None:
    """What an identifier is of, and the account: a message, a batch or a callback."""
    for kind, table, key in (
        ("message", messages, messages.c.message_id),
        ("batch", batches, batches.c.batch_id),
        ("callback", callbacks, callbacks.c.callback_id),
    ):
        owner = connection.execute(select(table.c.account_id).where(key == identifier)).scalar()
        if owner is not None:
            return kind, owner
    return None
