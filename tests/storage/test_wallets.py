"""Credits: every movement a double entry, no limited wallet below zero."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.billing.sql.tables import wallets as wallet_table
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.storage.engine import Storage

NUMBERS = itertools.count(1_000)


def sides_of_ledger(connection: Connection, wallet_id: int) -> Counter[str]:
    """What each side must hold if every entry was booked."""
    sides: Counter[str] = Counter()
    rows = connection.execute(select(ledger_entries).where(ledger_entries.c.wallet_id == wallet_id))
    for row in rows:
        assert row.amount >= 0
        sides[row.debit] -= row.amount
        sides[row.credit] += row.amount
    return sides


def sides_of_wallet(connection: Connection, wallet_id: int) -> dict[str, int]:
    balance = wallets.balance(connection, wallet_id)
    return {"available": balance.available, "held": balance.held, "spent": balance.spent}


def assert_balanced(connection: Connection, wallet_id: int) -> None:
    ledger = sides_of_ledger(connection, wallet_id)
    sides = sides_of_wallet(connection, wallet_id)
    assert sides == {side: ledger[side] for side in sides}
    assert sum(ledger.values()) == 0


def new_wallet(connection: Connection, *, unlimited: bool = False) -> int:
    number = next(NUMBERS)
    connection.execute(
        insert(accounts).values(
            account_id=number,
            path="",
            username=f"user{number}",
            enabled=True,
            permissions="",
            allowed_addresses="",
            time_zone="",
            default_sender="",
            max_parts=1,
            max_recipients=1,
            created_ms=0,
        )
    )
    connection.execute(
        insert(wallet_table).values(
            wallet_id=number,
            account_id=number,
            kind="credits",
            unlimited=unlimited,
            available=0,
            held=0,
            spent=0,
        )
    )
    return number


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("top_up"), st.lists(st.integers(-30, 60), min_size=1, max_size=3)),
        st.tuples(st.just("reserve"), st.lists(st.integers(0, 40), min_size=1, max_size=5)),
        st.tuples(st.just("settle"), st.lists(st.booleans(), min_size=1, max_size=5)),
    ),
    max_size=12,
)


@pytest.fixture
def engine(database_url: str) -> Any:
    storage = Storage(database_url)
    yield storage._write_engine
    storage.close()


@given(steps=STEPS, unlimited=st.booleans())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
def test_random_groups_keep_the_ledger_balanced_and_no_wallet_negative(
    engine: Any, steps: list[tuple[str, list[Any]]], unlimited: bool
) -> None:
    with engine.begin() as connection:
        wallet = new_wallet(connection, unlimited=unlimited)
        open_batches: list[tuple[int, int]] = []
        for kind, values in steps:
            if kind == "top_up":
                items = [wallets.TopUp(wallet, next(NUMBERS), amount, "") for amount in values]
                wallets.top_up.run(connection, items)
            elif kind == "reserve":
                before = sides_of_wallet(connection, wallet)["available"]
                wanted = [
                    (next(NUMBERS), Reservation(wallet_id=wallet, entry_id=next(NUMBERS), amount=a))
                    for a in values
                ]
                refusals = wallets.reserve(connection, wanted)
                # In order: each batch is refused exactly when what is left does not pay for it.
                for (batch_id, reservation), refusal in zip(wanted, refusals, strict=True):
                    fits = unlimited or reservation.amount <= before
                    assert (refusal is None) == fits
                    if fits:
                        before -= reservation.amount
                        open_batches.append((batch_id, reservation.amount))
            else:
                ended = [(*open_batches.pop(0), refund) for refund in values if open_batches]
                wallets.settle(
                    connection,
                    [
                        (
                            batch_id,
                            Settlement(
                                wallet_id=wallet,
                                entry_id=next(NUMBERS),
                                amount=amount,
                                refund=refund,
                            ),
                        )
                        for batch_id, amount, refund in ended
                    ],
                )
            assert_balanced(connection, wallet)
            sides = sides_of_wallet(connection, wallet)
            assert unlimited or sides["available"] >= 0
            assert sides["held"] == sum(amount for _, amount in open_batches)


async def test_a_group_that_is_too_dear_is_accepted_in_order_as_far_as_credit_goes(
    rows: Any,
) -> None:
    account = await rows.account(credits=5)
    batches = [
        rows.batch(account, [f"451111{n}{m:04d}" for m in range(n)]) for n in (2, 4, 1, 2, 1)
    ]
    results = await asyncio.gather(
        *(rows.write(submissions.accept, new) for new in batches), return_exceptions=True
    )
    refused = [
        isinstance(r, Refused) and r.code is RefusalCode.INSUFFICIENT_CREDIT for r in results
    ]
    assert refused == [False, True, False, False, True]

    def check(connection: Connection) -> dict[str, int]:
        assert_balanced(connection, account.wallet_id)
        return sides_of_wallet(connection, account.wallet_id)

    assert await rows.storage.read(check) == {"available": 0, "held": 5, "spent": 0}
    stored = await rows.all(submissions.batches)
    assert [row["batch_id"] for row in stored] == [batches[n].batch.batch_id for n in (0, 2, 3)]
    assert len(await rows.all(submissions.messages)) == 5


async def test_a_top_up_that_takes_more_than_there_is_is_refused(rows: Any) -> None:
    account = await rows.account(credits=5)
    with pytest.raises(Refused) as caught:
        await rows.write(wallets.top_up, wallets.TopUp(account.wallet_id, rows.ids.next(), -6, ""))
    assert caught.value.code is RefusalCode.INSUFFICIENT_CREDIT
    await rows.write(wallets.top_up, wallets.TopUp(account.wallet_id, rows.ids.next(), -5, ""))
    balance = await rows.storage.read(lambda c: wallets.balance(c, account.wallet_id))
    assert (balance.available, balance.unlimited) == (0, False)
