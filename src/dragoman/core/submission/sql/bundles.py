"""Batches that are accepted together or not at all."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert

from dragoman.core.messages.model.records import NewBatch
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.tables import newsletters
from dragoman.storage.work import one_by_one


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Batches of one request; `title` is the customer's name of the one to an audience."""

    batches: tuple[NewBatch, ...]
    title: str | None = None


@one_by_one("accept_bundle", whole=True, grows=True)
def accept(connection: Connection, item: Bundle) -> None:
    for refusal in submissions.accept.run(connection, list(item.batches)):
        if isinstance(refusal, Exception):
            raise refusal
    if item.title is not None:
        rows = [
            {
                "batch_id": new.batch.batch_id,
                "account_id": new.batch.account_id,
                "title": item.title,
            }
            for new in item.batches
        ]
        connection.execute(insert(newsletters), rows)
