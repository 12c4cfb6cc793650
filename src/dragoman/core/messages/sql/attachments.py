"""Attachments: stored with their batch, read when it is sent."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import attachments


def add(connection: Connection, accepted: Iterable[NewBatch]) -> None:
    """Stores the attachments of batches in the transaction that stores the batches."""
    rows = [
        {
            "batch_id": new.batch.batch_id,
            "number": number,
            "name": attachment.name,
            "content_type": attachment.content_type,
            "content": attachment.content,
        }
        for new in accepted
        for number, attachment in enumerate(new.attachments, start=1)
    ]
    if rows:
        connection.execute(insert(attachments), rows)


def load(connection: Connection, batch_id: int) -> tuple[Attachment, ...]:
    """The attachments of a batch, in order."""
    query = (
        select(attachments.c.name, attachments.c.content_type, attachments.c.content)
        .where(attachments.c.batch_id == batch_id)
        .order_by(attachments.c.number)
    )
    return tuple(
        Attachment(name=row.name, content_type=row.content_type, content=row.content)
        for row in connection.execute(query)
    )
