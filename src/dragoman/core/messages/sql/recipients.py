"""The numbers of a batch."""

from __future__ import annotations

from sqlalchemy import (
    Connection,
    select,
)

from dragoman.core.messages.sql.tables import messages


def recipients_of_batch(
    connection: Connection, account_id: int, batch_id: int, after: str, limit: int
) -> list[str]:
    """The numbers of a batch in the order of its messages, beyond one of them."""
    query = (
        select(messages.c.recipient)
        .where(messages.c.batch_id == batch_id, messages.c.account_id == account_id)
        .order_by(messages.c.message_id)
        .limit(limit)
    )
    if after:
        known = select(messages.c.message_id).where(
            messages.c.account_id == account_id,
            messages.c.recipient == after,
            messages.c.batch_id == batch_id,
        )
        query = query.where(messages.c.message_id > known.limit(1).scalar_subquery())
    return list(connection.execute(query).scalars())
