"""Automatic answers."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.inbound.model.auto_answers import AutoAnswer
from dragoman.core.inbound.sql.tables import auto_answers
from dragoman.storage.rows import are_empty, put_row, read_all, row_of
from dragoman.storage.work import one_by_one


class AnswerKey(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of an account."""

    account_id: int
    number: str
    kind: str


def load(connection: Connection) -> list[AutoAnswer]:
    """All answers of all accounts."""
    if are_empty(connection, auto_answers):
        return []
    return read_all(connection, select(auto_answers), AutoAnswer)


@one_by_one("put_auto_answers")
def put(connection: Connection, item: AutoAnswer) -> None:
    put_row(connection, auto_answers, row_of(item), "text", "changed_ms")


@one_by_one("remove_auto_answers")
def remove(connection: Connection, item: AnswerKey) -> bool:
    """False where there is none."""
    table = auto_answers.c
    gone = delete(auto_answers).where(
        table.account_id == item.account_id,
        table.number == item.number,
        table.kind == item.kind,
    )
    return bool(connection.execute(gone).rowcount)
