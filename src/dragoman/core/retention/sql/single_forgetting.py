"""Forgets one text at the wish of the account that sent or received it."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, update

from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.retention.sql import forgetting
from dragoman.storage.work import one_by_one


class SingleForgetting(msgspec.Struct, frozen=True, kw_only=True):
    """A text to forget: a batch of one with its message, if it became one, or a received text."""

    text_id: int
    message_id: int | None
    received: bool
    wholly: bool
    """With its number and files."""


@one_by_one("forget_single_text")
def forget(connection: Connection, item: SingleForgetting) -> None:
    text_ids = (item.text_id,)
    message_ids = () if item.message_id is None else (item.message_id,)
    if item.received:
        if item.wholly:
            forgetting.numbers_received(connection, text_ids)
        forgetting.texts_received(connection, text_ids)
    elif item.wholly:
        forgetting.texts_of_batches(connection, text_ids)
        forgetting.texts_of_messages(connection, message_ids)
        forgetting.numbers_of_messages(connection, message_ids)
        forgetting.numbers_of_batches(connection, text_ids)
    else:
        for table, key, ids in (
            (batches, batches.c.batch_id, text_ids),
            (messages, messages.c.message_id, message_ids),
        ):
            has_text = table.c.text != ""
            connection.execute(update(table).where(key.in_(ids), has_text).values(text=""))
