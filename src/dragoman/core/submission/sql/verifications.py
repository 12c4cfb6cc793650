"""Verification codes: stored together with their messages, and checked once."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from dragoman.core.messages.model.records import NewBatch
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.verifications import (
    ENDED,
    EXHAUSTED,
    MAX_CODES,
    MAX_TRIES,
    NONE_ALIVE,
    WINDOW_MS,
    is_code,
)
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.tables import verifications
from dragoman.kit.ids import first_at
from dragoman.storage.rows import count, read_one
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
    scope: str = ""


class RepeatedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that is sent once more, as long as it is alive."""

    verification_id: int
    account_id: int
    recipient: str
    now_ms: int
    batch: NewBatch


class CodeTry(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a client wants to verify."""

    account_id: int
    recipient: str
    code: str
    now_ms: int
    scope: str = ""


class StoredVerification(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `verifications`, without the digest."""

    verification_id: int
    account_id: int
    recipient: str
    tries_left: int
    expires_ms: int
    scope: str
    sends: int = 1
    """How often the code was sent."""
    batch_id: int | None = None
    """The message that it is in."""


class VerificationEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A code that counts no more from now on."""

    account_id: int
    verification_id: int


@one_by_one("send_code", grows=True)
def send(connection: Connection, item: NewVerification) -> None:
    table = verifications.c
    window = first_at(item.now_ms - WINDOW_MS)
    connection.execute(
        delete(verifications).where(table.expires_ms <= item.now_ms, table.verification_id < window)
    )
    _check_most(connection, item)
    _accept(connection, item.batch)
    same = (*_sent_to(item), table.scope == item.scope)
    connection.execute(update(verifications).where(*same).values(tries_left=ENDED))
    new = insert(verifications).values(
        verification_id=item.verification_id,
        account_id=item.account_id,
        recipient=item.recipient,
        digest=item.digest,
        tries_left=MAX_TRIES,
        expires_ms=item.expires_ms,
        scope=item.scope,
        sends=1,
        batch_id=item.batch.batch.batch_id,
    )
    connection.execute(new)


@one_by_one("send_code_again", grows=True)
def send_again(connection: Connection, item: RepeatedCode) -> None:
    """Stores the message and counts it; NOT_FOUND where the code has ended meanwhile."""
    table = verifications.c
    alive = (
        table.verification_id == item.verification_id,
        table.tries_left != ENDED,
        table.expires_ms > item.now_ms,
    )
    if not count(connection, *alive):
        raise Refused(RefusalCode.NOT_FOUND, "code")
    _check_most(connection, item)
    _accept(connection, item.batch)
    connection.execute(update(verifications).where(*alive).values(sends=table.sends + 1))


def _check_most(connection: Connection, item: NewVerification | RepeatedCode) -> None:
    """Refuses one code too many to a number; codes that are sent again count each time."""
    table = verifications.c
    window = first_at(item.now_ms - WINDOW_MS)
    query = select(func.coalesce(func.sum(table.sends), 0)).where(
        *_sent_to(item), table.verification_id >= window
    )
    if connection.execute(query).scalar_one() >= MAX_CODES:
        detail = f"at most {MAX_CODES} codes an hour"
        raise Refused(RefusalCode.INVALID_FIELD, "recipient", detail)


def _sent_to(item: NewVerification | RepeatedCode) -> tuple[ColumnElement[bool], ...]:
    table = verifications.c
    return (table.account_id == item.account_id, table.recipient == item.recipient)


def _accept(connection: Connection, batch: NewBatch) -> None:
    (refusal,) = submissions.accept.run(connection, [batch])
    if isinstance(refusal, Exception):
        raise refusal


@one_by_one("verify_code")
def verify(connection: Connection, item: CodeTry) -> int | None:
    """None if the code is right, which is accepted once; else the number of tries left.

    That is `EXHAUSTED` where none was left before, and `NONE_ALIVE` where no code is alive.
    """
    table = verifications.c
    row = connection.execute(_newest(item.account_id, item.recipient, item.scope)).first()
    if row is None or row.expires_ms <= item.now_ms or row.tries_left == ENDED:
        return NONE_ALIVE
    if not row.tries_left:
        return EXHAUSTED
    right = is_code(row.verification_id, item.code, row.digest)
    left: int = ENDED if right else row.tries_left - 1
    connection.execute(
        update(verifications)
        .where(table.verification_id == row.verification_id)
        .values(tries_left=left)
    )
    return None if right else left


@one_by_one("end_code")
def end(connection: Connection, item: VerificationEnd) -> None:
    table = verifications.c
    this = (table.verification_id == item.verification_id, table.account_id == item.account_id)
    connection.execute(update(verifications).where(*this).values(tries_left=ENDED))


def digest_of(connection: Connection, verification_id: int) -> bytes | None:
    """The digest of a code."""
    query = select(verifications.c.digest).where(verifications.c.verification_id == verification_id)
    return connection.execute(query).scalar()


def find(
    connection: Connection, account_id: int, verification_id: int
) -> StoredVerification | None:
    """One verification of an account."""
    query = select(verifications).where(
        verifications.c.verification_id == verification_id,
        verifications.c.account_id == account_id,
    )
    return read_one(connection, query, StoredVerification)


def find_newest(
    connection: Connection, account_id: int, recipient: str, scope: str
) -> StoredVerification | None:
    """The newest verification of a number in a scope."""
    return read_one(connection, _newest(account_id, recipient, scope), StoredVerification)


def _newest(account_id: int, recipient: str, scope: str) -> Select[Any]:
    table = verifications.c
    return (
        select(verifications)
        .where(table.account_id == account_id, table.recipient == recipient, table.scope == scope)
        .order_by(table.verification_id.desc())
        .limit(1)
    )
