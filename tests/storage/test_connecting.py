"""What a server that is away, or starts again, sees of those who want to read."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.engine import Storage
from dragoman.storage.outages import CONNECT_AGAIN_S, Attempts


def _away() -> OperationalError:
    return OperationalError("", None, Exception("the database system is starting up"))


def test_after_an_attempt_that_failed_none_is_made_for_a_moment() -> None:
    """Bug: each call tried by itself, and hundreds of attempts a second held up a recovery."""
    now, made = 100.0, 0
    attempts = Attempts(lambda: now)

    def connect(error: Exception | None = None) -> None:
        nonlocal made
        with attempts.one():
            made += 1
            if error is not None:
                raise error

    with pytest.raises(OperationalError):
        connect(_away())
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="starting up"):
            connect()
    assert made == 1
    now += CONNECT_AGAIN_S
    connect()
    connect()
    assert made == 3


def test_a_statement_that_is_wrong_holds_up_nobody() -> None:
    attempts = Attempts(lambda: 100.0)
    with pytest.raises(ValueError, match="wrong"), attempts.one():
        raise ValueError("wrong")
    with attempts.one():
        pass


async def test_who_reads_hears_why_and_reads_again_later(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(connection: Connection) -> int:
        return int(connection.execute(text("SELECT 1")).scalar_one())

    def away() -> Connection:
        raise _away()

    with monkeypatch.context() as patch:
        patch.setattr(storage._read_engine, "connect", away)
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="starting up"):
                await storage.read(one)
    monkeypatch.setattr(storage._readers._attempts, "_failed_at", 0.0)
    assert await asyncio.gather(*(storage.read(one) for _ in range(3))) == [1, 1, 1]
