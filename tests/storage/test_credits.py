"""Credits of many wallets: whoever pays, all is booked twice and nothing goes below zero."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from dragoman.core.accounts.credits import _payment
from dragoman.core.accounts.model.accounts import Account, StoredPurchase
from dragoman.core.accounts.sql import credits
from dragoman.core.accounts.sql.credits import (
    PURCHASED,
    CreditMove,
    CreditMoves,
    NewPurchases,
    PurchaseRemoval,
)
from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.billing.model.payments import Payer, Payment, paying_accounts
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.tables import ledger_entries, purchases
from dragoman.core.billing.sql.tables import wallets as wallet_table
from dragoman.kit.ids import render_base36
from dragoman.storage.engine import Storage

NUMBERS = itertools.count(1_000)
KINDS = ("N", "LL")
LEVELS = 3


@pytest.fixture
def engine(database_url: str) -> Any:
    storage = Storage(database_url)
    yield storage._write_engine
    storage.close()


class Family:
    """A superaccount, its subaccount, and that one's, and what was sent and is not settled."""

    def __init__(self, connection: Connection, payers: list[Payer], unlimited: bool) -> None:
        self.connection = connection
        self.members: list[Account] = []
        for payer in payers:
            self._add(payer, unlimited=unlimited and not self.members)
        self.open: list[tuple[int, Reservation]] = []

    def _add(self, payer: Payer, *, unlimited: bool) -> None:
        number = next(NUMBERS)
        parent = self.members[-1] if self.members else None
        path = render_base36(number)
        account = Account(
            account_id=number,
            username=f"family{number}",
            wallet_id=next(NUMBERS),
            path=path if parent is None else f"{parent.path}/{path}",
            parent_id=None if parent is None else parent.account_id,
            payer=payer,
        )
        self.connection.execute(
            insert(accounts).values(
                account_id=number,
                parent_id=account.parent_id,
                path=account.path,
                username=account.username,
                enabled=True,
                permissions="",
                allowed_addresses="",
                time_zone="",
                default_sender="",
                max_parts=1,
                max_recipients=1,
                created_ms=0,
                payer=payer.value,
            )
        )
        self.connection.execute(
            insert(wallet_table).values(
                wallet_id=account.wallet_id,
                account_id=number,
                kind=credits.GENERAL,
                unlimited=unlimited,
                available=0,
                held=0,
                spent=0,
            )
        )
        self.members.append(account)

    def top_up(self, who: int, kind: str, amount: int) -> None:
        self._move(None, who, kind, amount)

    def give(self, who: int, kind: str, amount: int) -> None:
        if who:
            self._move(who - 1, who, kind, amount)

    def take_back(self, who: int, kind: str, amount: int) -> None:
        if who:
            self._move(who, who - 1, kind, amount)

    def buy(self, who: int, kind: str, amount: int) -> None:
        self._buy(who, kind, amount, gives=True)

    def give_back(self, who: int, kind: str, amount: int) -> None:
        self._buy(who, kind, amount, gives=False)

    def undo(self, who: int, _kind: str, _amount: int) -> None:
        account_id = self.members[who].account_id
        query = select(purchases.c.purchase_id).where(purchases.c.account_id == account_id)
        for purchase_id in self.connection.execute(query.limit(1)).scalars():
            removal = PurchaseRemoval(
                account_id=account_id, purchase_id=purchase_id, entry_id=next(NUMBERS)
            )
            credits.undo.run(self.connection, [removal])

    def send(self, who: int, kind: str, amount: int) -> None:
        """Sends a group of three batches, as the writer gets them."""
        purses = credits.load_purses(self.connection, self.members[who])
        paying = paying_accounts((purse.account_id, purse.payer) for purse in purses)
        payments = [_payment(purse, kind) for purse in purses if purse.account_id in paying]
        group = [(next(NUMBERS), reservation(payments, amount + more)) for more in range(3)]
        before = self.available()
        refusals = wallets.reserve(self.connection, group)
        for (batch_id, wanted), refusal in zip(group, refusals, strict=True):
            shares = (wanted, *wanted.also)
            enough = all(before[share.wallet_id] >= share.amount for share in shares)
            assert (refusal is None) is enough  # all wallets, or none
            if refusal is None:
                self.open.append((batch_id, wanted))
                for share in shares:
                    before[share.wallet_id] -= share.amount

    def commit(self, _who: int, _kind: str, _amount: int) -> None:
        self._settle(refund=False)

    def refund(self, _who: int, _kind: str, _amount: int) -> None:
        self._settle(refund=True)

    def available(self) -> dict[int, float]:
        rows = self.connection.execute(self._wallets())
        return {row.wallet_id: float("inf") if row.unlimited else row.available for row in rows}

    def check(self) -> None:
        """Every wallet is what its entries say, not negative, and holds what is not settled."""
        held: Counter[int] = Counter()
        for _, wanted in self.open:
            for share in (wanted, *wanted.also):
                held[share.wallet_id] += share.amount
        for row in self.connection.execute(self._wallets()).all():
            sides: Counter[str] = Counter()
            query = select(ledger_entries).where(ledger_entries.c.wallet_id == row.wallet_id)
            for entry in self.connection.execute(query):
                assert entry.amount >= 0
                sides[entry.debit] -= entry.amount
                sides[entry.credit] += entry.amount
            assert sum(sides.values()) == 0
            assert (row.available, row.held, row.spent) == (
                sides["available"],
                sides["held"],
                sides["spent"],
            )
            assert row.unlimited or row.available >= 0
            assert row.held == held[row.wallet_id]

    def _wallets(self) -> Any:
        ids = [account.account_id for account in self.members]
        return select(wallet_table).where(wallet_table.c.account_id.in_(ids))

    def _move(self, giver: int | None, taker: int, kind: str, amount: int) -> None:
        down = giver is None or giver < taker
        move = CreditMove(
            giver_id=None if giver is None else self.members[giver].account_id,
            taker_id=self.members[taker].account_id,
            kind=kind,
            amount=amount,
            wallet_id=next(NUMBERS) if down else None,
            entry_ids=(next(NUMBERS), next(NUMBERS)),
            note="",
        )
        double = CreditMoves(moves=(_again(move), _again(move)))
        credits.move.run(self.connection, [CreditMoves(moves=(move,)), double])

    def _buy(self, who: int, kind: str, amount: int, *, gives: bool) -> None:
        purchase = StoredPurchase(
            purchase_id=next(NUMBERS),
            account_id=self.members[who].account_id,
            gives=gives,
            amount=amount * 10,
            prices={kind: 1 + amount % 3},
            created_ms=0,
        )
        new = NewPurchases(
            purchases=(purchase,), wallet_id=next(NUMBERS), entry_ids=(next(NUMBERS),)
        )
        credits.buy.run(self.connection, [new])

    def _settle(self, *, refund: bool) -> None:
        if not self.open:
            return
        batch_id, wanted = self.open.pop(0)
        shares = [
            Settlement(
                wallet_id=share.wallet_id,
                entry_id=next(NUMBERS),
                amount=share.amount,
                refund=refund,
            )
            for share in (wanted, *wanted.also)
        ]
        first = Settlement(
            wallet_id=shares[0].wallet_id,
            entry_id=shares[0].entry_id,
            amount=shares[0].amount,
            refund=refund,
            also=tuple(shares[1:]),
        )
        wallets.settle(self.connection, [(batch_id, first)])


def _again(move: CreditMove) -> CreditMove:
    return CreditMove(
        giver_id=move.giver_id,
        taker_id=move.taker_id,
        kind=move.kind,
        amount=move.amount + 7,
        wallet_id=None if move.wallet_id is None else next(NUMBERS),
        entry_ids=(next(NUMBERS), next(NUMBERS)),
        note="",
    )


def reservation(payments: list[Payment], amount: int) -> Reservation:
    first, *others = (
        Reservation(
            wallet_id=payment.wallet_id,
            entry_id=next(NUMBERS),
            amount=amount * payment.per_credit,
        )
        for payment in payments
    )
    return Reservation(
        wallet_id=first.wallet_id,
        entry_id=first.entry_id,
        amount=first.amount,
        also=tuple(others),
    )


DEEDS = ("top_up", "give", "take_back", "buy", "give_back", "undo", "send", "commit", "refund")
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*DEEDS, "send", "send", "give", "buy")),
        st.integers(0, LEVELS - 1),
        st.sampled_from(KINDS),
        st.integers(1, 40),
    ),
    max_size=25,
)


@given(
    steps=STEPS,
    payers=st.lists(st.sampled_from(Payer), min_size=LEVELS, max_size=LEVELS),
    unlimited=st.booleans(),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
def test_random_interleavings_keep_every_wallet_balanced_and_none_negative(
    engine: Any, steps: list[tuple[str, int, str, int]], payers: list[Payer], unlimited: bool
) -> None:
    with engine.begin() as connection:
        family = Family(connection, payers, unlimited)
        for kind in KINDS:
            family.top_up(0, kind, 100)
            family.give(1, kind, 40)
            family.give(2, kind, 10)
        for deed, who, kind, amount in steps:
            getattr(family, deed)(who, kind, amount)
            family.check()


@pytest.mark.parametrize("enough", [True, False])
def test_all_wallets_pay_or_none(engine: Any, enough: bool) -> None:
    with engine.begin() as connection:
        family = Family(connection, [Payer.OWN, Payer.BOTH], unlimited=False)
        family.top_up(0, "N", 100)
        family.give(1, "N", 5)
        before = family.available()
        mine = [one.wallets["N"] for one in credits.load_purses(connection, family.members[1])]
        payments = [Payment(wallet_id=wallet) for wallet in mine]
        least = int(min(before[wallet] for wallet in mine))
        wanted = reservation(payments, least if enough else least + 1)
        (refusal,) = wallets.reserve(connection, [(1, wanted)])
        assert (refusal is None) is enough
        if refusal is None:
            family.open.append((1, wanted))
        else:
            assert family.available() == before
        family.check()


def test_what_is_left_is_left_of_the_newest_purchases(engine: Any) -> None:
    with engine.begin() as connection:
        family = Family(connection, [Payer.OWN, Payer.BOTH], unlimited=True)
        for amount in (25, 37):
            family.buy(1, "N", amount)
        (child,) = family.members[1:]
        purses = credits.load_purses(connection, child)
        payment = _payment(purses[0], "N")
        assert payment == Payment(wallet_id=purses[0].wallets[PURCHASED], per_credit=2)
        assert wallets.reserve(connection, [(1, reservation([payment], 130))]) == [None]
        views, total = credits.load_purchases(connection, child.account_id, 0, 10)
        assert total == 2
        assert [(one.purchase.amount, one.available) for one in views] == [(370, 360), (250, 0)]


@pytest.mark.parametrize(
    ("upwards", "paying"),
    [
        ([(1, Payer.OWN)], (1,)),
        ([(1, Payer.PARENT)], (1,)),
        ([(1, Payer.BOTH)], (1,)),
        ([(3, Payer.OWN), (1, Payer.OWN)], (3,)),
        ([(3, Payer.PARENT), (1, Payer.OWN)], (1,)),
        ([(3, Payer.BOTH), (1, Payer.OWN)], (3, 1)),
        ([(3, Payer.PARENT), (2, Payer.PARENT), (1, Payer.OWN)], (1,)),
        ([(3, Payer.BOTH), (2, Payer.BOTH), (1, Payer.OWN)], (3, 2, 1)),
        ([(3, Payer.BOTH), (2, Payer.PARENT), (1, Payer.PARENT)], (3, 1)),
        ([(3, Payer.PARENT), (2, Payer.OWN), (1, Payer.OWN)], (2,)),
    ],
)
def test_payers_are_found_upwards(
    upwards: list[tuple[int, Payer]], paying: tuple[int, ...]
) -> None:
    assert paying_accounts(upwards) == paying
