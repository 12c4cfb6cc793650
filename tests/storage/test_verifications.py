"""Codes and the messages that carry them: stored together, used up one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import func, select

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.sql.tables import messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.verifications import (
    ENDED,
    MAX_CODES,
    MAX_TRIES,
    NONE_ALIVE,
    digest_of_code,
)
from dragoman.core.submission.sql import verifications
from dragoman.core.submission.sql.tables import verifications as table
from dragoman.core.submission.sql.verifications import CodeTry, NewVerification

RECIPIENT = "393471234567"


def new_code(rows: Any, account: Account, code: str) -> NewVerification:
    batch = rows.batch(account)
    verification_id, now_ms = rows.ids.next(), rows.clock.now_ms()
    return NewVerification(
        verification_id=verification_id,
        account_id=account.account_id,
        recipient=RECIPIENT,
        digest=digest_of_code(verification_id, code),
        expires_ms=now_ms + 60_000,
        now_ms=now_ms,
        batch=batch,
    )


def code_try(rows: Any, account: Account, code: str) -> CodeTry:
    return CodeTry(
        account_id=account.account_id, recipient=RECIPIENT, code=code, now_ms=rows.clock.now_ms()
    )


async def test_code_is_used_up_when_it_is_tried_in_a_group(rows: Any) -> None:
    account = await rows.account()
    await rows.write(verifications.send, new_code(rows, account, "1"))
    tries = [code_try(rows, account, code) for code in ("2", "3", "1", "1", "2")]
    results = await asyncio.gather(*(rows.write(verifications.verify, one) for one in tries))
    assert results == [MAX_TRIES - 1, MAX_TRIES - 2, None, NONE_ALIVE, NONE_ALIVE]


async def test_code_and_message_are_stored_or_neither_when_credits_run_out(rows: Any) -> None:
    account = await rows.account(credits=2)
    items = [new_code(rows, account, str(n)) for n in range(4)]
    results = await asyncio.gather(
        *(rows.write(verifications.send, item) for item in items), return_exceptions=True
    )
    codes = [result.code for result in results if isinstance(result, Refused)]
    assert results[:2] == [None, None]
    assert codes == [RefusalCode.INSUFFICIENT_CREDIT] * 2
    assert [row["tries_left"] for row in await rows.all(table)] == [ENDED, MAX_TRIES]
    counted = select(func.count()).select_from(messages)
    assert await rows.storage.read(lambda c: c.execute(counted).scalar_one()) == 2
    assert await rows.write(verifications.verify, code_try(rows, account, "1")) is None


async def test_bound_counts_the_codes_of_the_last_hour_only(rows: Any) -> None:
    account, other = await rows.account("acme"), await rows.account("other")
    for n in range(MAX_CODES):
        await rows.write(verifications.send, new_code(rows, account, str(n)))
        rows.clock.advance(600)
    (refused,) = await asyncio.gather(
        rows.write(verifications.send, new_code(rows, account, "9")), return_exceptions=True
    )
    assert isinstance(refused, Refused)
    await rows.write(verifications.send, new_code(rows, other, "9"))
    rows.clock.advance(601)
    await rows.write(verifications.send, new_code(rows, account, "9"))
    assert len(await rows.all(table)) == MAX_CODES + 1  # the first one is gone
