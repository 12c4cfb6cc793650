"""Refunds to recipients: once, together with the notice."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select, update

from dragoman.core.messages.model.premium import REFUNDABLE, PremiumState
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import premium_messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.storage.work import one_by_one

ALREADY_REFUNDED = "refunded already"
NOT_CHARGED = "nothing was charged"


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a message; `notice` is a batch to accept with it."""

    message_id: int
    account_id: int
    at_ms: int
    notice: NewBatch | None = None


@one_by_one("refund_messages")
def refund(connection: Connection, item: Refund) -> None:
    table = premium_messages.c
    mine = (table.message_id == item.message_id, table.account_id == item.account_id)
    # Locked, so that with several writers the second one sees what the first one did.
    stored = connection.execute(select(table.state).where(*mine).with_for_update()).scalar()
    if stored not in REFUNDABLE:
        refunded = stored == PremiumState.TRANSACTION_REFUNDED
        why = ALREADY_REFUNDED if refunded else NOT_CHARGED
        raise Refused(RefusalCode.NOT_REFUNDABLE, str(item.message_id), why)
    notice = item.notice
    if notice is not None:
        (refusal,) = submissions.accept.run(connection, [notice])
        if isinstance(refusal, Exception):
            raise refusal
    connection.execute(
        update(premium_messages)
        .where(*mine)
        .values(
            state=PremiumState.TRANSACTION_REFUNDED.value,
            refunded_ms=item.at_ms,
            notice_batch_id=None if notice is None else notice.batch.batch_id,
        )
    )
