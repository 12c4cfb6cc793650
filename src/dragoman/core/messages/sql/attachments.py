"""Attachments: stored with their batch, loaded when it is sent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, insert, select

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import attachments
from dragoman.storage.rows import converter
from dragoman.storage.work import one_by_one


def add(connection: Connection, accepted: Iterable[NewBatch]) -> None:
    """Inserts the attachments of batches in the transaction of the batches."""
    rows = [
        {"batch_id": new.batch.batch_id, "number": number, **msgspec.structs.asdict(attachment)}
        for new in accepted
        for number, attachment in enumerate(new.attachments, start=1)
    ]
    if rows:
        connection.execute(insert(attachments), rows)


def load(connection: Connection, batch_id: int) -> dict[int, Attachment]:
    """The attachments of a batch by their numbers, in order."""
    of_batch = select(attachments).where(attachments.c.batch_id == batch_id)
    rows = connection.execute(of_batch.order_by(attachments.c.number)).all()
    read = converter(Attachment, attachments.c.keys())
    return {row.number: read(row) for row in rows}


@one_by_one("remove_attachment")
def remove(connection: Connection, item: tuple[int, int]) -> None:
    """Deletes the attachment of a batch with a number; the others keep theirs."""
    batch_id, number = item
    this = (attachments.c.batch_id == batch_id, attachments.c.number == number)
    connection.execute(delete(attachments).where(*this))
