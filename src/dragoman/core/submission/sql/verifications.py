"""Verification codes: stored together with their messages, and checked once."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from dragoman.core.messages.model.records import NewBatch
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.verifications import MAX_CODES, MAX_TRIES, WINDOW_MS, is_code
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.tables import verifications
from dragoman.kit.ids import first_at
from dragoman.storage.rows import count
from dragoman.storage.work import one_by_one


class NewVerification(msgspec.Struct, frozen=True, kw_only=True):
    """A code and its message, stored together or not at all."""

    verification_id: int
    account_id: int
    recipient: str
    """Digits."""
    digest: bytes
    expires_ms: int
    now_ms: int
    batch: NewBatch


class CodeTry(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a client wants to verify."""

    account_id: int
    recipient: str
    code: str
    now_ms: int


@one_by_one("send_code", grows=True)
def send(connection: Connection, item: NewVerification) -> None:
    table = verifications.c
    window = first_at(item.now_ms - WINDOW_MS)
    connection.execute(
        delete(verifications).where(table.expires_ms <= item.now_ms, table.verification_id < window)
    )
    mine = (table.account_id == item.account_id, table.recipient == item.recipient)
    if count(connection, *mine, table.verification_id >= window) >= MAX_CODES:
        detail = f"at most {MAX_CODES} codes an hour"
        raise Refused(RefusalCode.INVALID_FIELD, "recipient", detail)
    (refusal,) = submissions.accept.run(connection, [item.batch])
    if isinstance(refusal, Exception):
        raise refusal
    connection.execute(update(verifications).where(*mine).values(tries_left=0))
    values = {column.name: getattr(item, column.name, MAX_TRIES) for column in table}
    connection.execute(insert(verifications).values(**values))


@one_by_one("verify_code")
def verify(connection: Connection, item: CodeTry) -> int | None:
    """None if the code is right, which is accepted once; else the number of tries left."""
    table = verifications.c
    query = (
        select(verifications)
        .where(table.account_id == item.account_id, table.recipient == item.recipient)
        .order_by(table.verification_id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None or row.expires_ms <= item.now_ms or not row.tries_left:
        return 0
    right = is_code(row.verification_id, item.code, row.digest)
    left: int = 0 if right else row.tries_left - 1
    connection.execute(
        update(verifications)
        .where(table.verification_id == row.verification_id)
        .values(tries_left=left)
    )
    return None if right else left
