"""A batch in place of another that has not begun."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import batches
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.batches import Cancellation, cancel
from dragoman.storage.work import one_by_one


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """Cancels a batch and stores another in its place, or does neither."""

    old: Cancellation
    new: NewBatch


@one_by_one("replace_batch", whole=True, grows=True)
def replace(connection: Connection, item: Replacement) -> None:
    (stopped,) = cancel.run(connection, [item.old])
    if stopped is not True:
        raise Refused(RefusalCode.NOT_CANCELLABLE, str(item.old.batch_id), "it has begun")
    (refusal,) = submissions.accept.run(connection, [item.new])
    if isinstance(refusal, Exception):
        raise refusal


def find_replacement(
    connection: Connection, account_id: int, dialect: str, reference: str
) -> int | None:
    """The newest batch with a reference, which is what the first one was called."""
    return connection.execute(
        select(batches.c.batch_id)
        .where(
            batches.c.account_id == account_id,
            batches.c.reference == reference,
            batches.c.dialect == dialect,
        )
        .order_by(batches.c.batch_id.desc())
        .limit(1)
    ).scalar()
