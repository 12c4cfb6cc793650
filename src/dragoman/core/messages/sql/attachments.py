"""Attachments: stored with their batch, loaded when it is sent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, insert, select

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import attachments
from dragoman.storage.rows import read_all


def add(connection: Connection, accepted: Iterable[NewBatch]) -> None:
    """Inserts the attachments of batches in the transaction of the batches."""
    rows = [
        {"batch_id": new.batch.batch_id, "number": number, **msgspec.structs.asdict(attachment)}
        for new in accepted
        for number, attachment in enumerate(new.attachments, start=1)
    ]
    if rows:
        connection.execute(insert(attachments), rows)


def load(connection: Connection, batch_id: int) -> tuple[Attachment, ...]:
    """The attachments of a batch, in order."""
    of_batch = select(attachments).where(attachments.c.batch_id == batch_id)
    return tuple(read_all(connection, of_batch.order_by(attachments.c.number), Attachment))
