"""Credits by message type: wallets of several kinds, moves between accounts, and purchases.

The credits of a type lie in the wallet of its name; an account that has none pays for it out of
the wallet it has for everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.purchases import PurchaseView, StoredPurchase
from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.billing.model.payments import MAX_CREDITS, Payer
from dragoman.core.billing.sql.tables import ledger_entries, purchases, wallets
from dragoman.core.billing.sql.wallets import Balance
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation

GENERAL = "credits"
PURCHASED = "purchased"
"""Ten-thousandths of what an account bought and has not used up."""

_INSERT_ENTRIES = BulkInsert(ledger_entries)


class CreditMove(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of a type that go from one account to another; None is the operator.

    A giver without a limit loses nothing, a taker without one gains nothing.
    """

    giver_id: int | None
    taker_id: int | None
    kind: str
    amount: int
    wallet_id: int | None
    """Of the wallet that the taker gets for this type, where it has none; None pays into the one
    it has for everything."""
    entry_ids: tuple[int, int]
    note: str


class CreditMoves(msgspec.Struct, frozen=True, kw_only=True):
    """Moves that are made together, or none of them."""

    moves: tuple[CreditMove, ...]


class NewPurchases(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases of an account that are entered together, or none of them."""

    purchases: tuple[StoredPurchase, ...]
    wallet_id: int
    """Of the wallet for what was bought, where the account has none."""
    entry_ids: tuple[int, ...]


class PurchaseRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that is undone: what is left of it goes."""

    account_id: int
    purchase_id: int
    entry_id: int


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """What an account pays with, as a decision about who pays needs it."""

    account_id: int
    payer: Payer
    wallets: dict[str, int]
    """Identifiers by kind."""
    prices: dict[str, int]
    """Ten-thousandths for a credit, by type, of what it bought last."""


def _move(connection: Connection, items: list[CreditMoves]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        try:
            with connection.begin_nested():
                for move in item.moves:
                    _move_one(connection, move)
        except Refused as refused:
            results.append(refused)
        else:
            results.append(None)
    return results


def _move_one(connection: Connection, move: CreditMove) -> None:
    if move.giver_id is not None:
        giver = _paying_wallet(connection, move.giver_id, move.kind)
        _book(connection, giver, move.entry_ids[0], -move.amount, "transfer", move.note)
    if move.taker_id is not None:
        if move.wallet_id is not None:
            _ensure(connection, move.taker_id, move.kind, move.wallet_id)
        taker = _paying_wallet(connection, move.taker_id, move.kind)
        _book(connection, taker, move.entry_ids[1], move.amount, "transfer", move.note)


def _paying_wallet(connection: Connection, account_id: int, kind: str) -> Row[Any]:
    query = select(wallets).where(
        wallets.c.account_id == account_id, wallets.c.kind.in_((kind, GENERAL))
    )
    found = {row.kind: row for row in connection.execute(query)}
    return found.get(kind) or found[GENERAL]


def _ensure(connection: Connection, account_id: int, kind: str, wallet_id: int) -> int:
    """The wallet of a kind, made where there is none."""
    mine = (wallets.c.account_id == account_id, wallets.c.kind == kind)
    found = connection.execute(select(wallets.c.wallet_id).where(*mine)).scalar()
    if found is not None:
        return int(found)
    connection.execute(
        insert(wallets).values(
            wallet_id=wallet_id,
            account_id=account_id,
            kind=kind,
            unlimited=False,
            available=0,
            held=0,
            spent=0,
        )
    )
    return wallet_id


def _book(
    connection: Connection, wallet: Row[Any], entry_id: int, amount: int, kind: str, note: str
) -> None:
    if wallet.unlimited:
        return
    available = wallets.c.available + amount
    moved = connection.execute(
        update(wallets)
        .where(wallets.c.wallet_id == wallet.wallet_id, available.between(0, MAX_CREDITS))
        .values(available=available)
    )
    if not moved.rowcount:
        raise Refused(RefusalCode.INSUFFICIENT_CREDIT, note)
    debit, credit = ("outside", "available") if amount >= 0 else ("available", "outside")
    row = (entry_id, wallet.wallet_id, kind, debit, credit, abs(amount), None, note)
    _INSERT_ENTRIES.run(connection, [row])


def _buy(connection: Connection, items: list[NewPurchases]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        try:
            with connection.begin_nested():
                _enter_purchases(connection, item)
        except Refused as refused:
            results.append(refused)
        else:
            results.append(None)
    return results


def _enter_purchases(connection: Connection, item: NewPurchases) -> None:
    for purchase, entry_id in zip(item.purchases, item.entry_ids, strict=True):
        _ensure(connection, purchase.account_id, PURCHASED, item.wallet_id)
        wallet = _paying_wallet(connection, purchase.account_id, PURCHASED)
        amount = purchase.amount if purchase.gives else -purchase.amount
        _book(connection, wallet, entry_id, amount, "purchase", str(purchase.purchase_id))
        values = {name: getattr(purchase, name) for name in purchase.__struct_fields__}
        values["prices"] = msgspec.json.encode(purchase.prices).decode()
        connection.execute(insert(purchases).values(**values))


def _undo(connection: Connection, items: list[PurchaseRemoval]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        views = _with_rest(connection, item.account_id)
        view = next((one for one in views if one.purchase.purchase_id == item.purchase_id), None)
        if view is None:
            results.append(Refused(RefusalCode.NOT_FOUND, str(item.purchase_id), "purchase"))
            continue
        if view.available:
            wallet = _paying_wallet(connection, item.account_id, PURCHASED)
            note = str(item.purchase_id)
            _book(connection, wallet, item.entry_id, -view.available, "purchase", note)
        connection.execute(delete(purchases).where(purchases.c.purchase_id == item.purchase_id))
        results.append(None)
    return results


def bequeath(
    connection: Connection, account_id: int, heir_id: int, entry_ids: Iterator[int]
) -> None:
    """Gives the credits of types that an account leaves to another; what it bought lapses."""
    query = select(wallets).where(
        wallets.c.account_id == account_id, wallets.c.kind != GENERAL, wallets.c.available > 0
    )
    for wallet in connection.execute(query).all():
        note = f"left by {account_id}"
        _book(connection, wallet, next(entry_ids), -wallet.available, "transfer", note)
        if wallet.kind != PURCHASED:
            heir = _paying_wallet(connection, heir_id, wallet.kind)
            _book(connection, heir, next(entry_ids), wallet.available, "transfer", note)


move = Operation(_move, "move_credits", CreditMoves)
buy = Operation(_buy, "buy_credits", NewPurchases)
undo = Operation(_undo, "undo_purchase", PurchaseRemoval)


def load_purses(connection: Connection, account: Account) -> list[Purse]:
    """What an account and those above it pay with, from the account upwards."""
    upwards = [account.account_id, *reversed(account.ancestor_ids)]
    payers = {
        row.account_id: Payer(row.payer)
        for row in connection.execute(
            select(accounts.c.account_id, accounts.c.payer).where(
                accounts.c.account_id.in_(upwards)
            )
        )
    }
    kinds: dict[int, dict[str, int]] = {}
    for row in connection.execute(select(wallets).where(wallets.c.account_id.in_(upwards))):
        kinds.setdefault(row.account_id, {})[row.kind] = row.wallet_id
    return [
        Purse(
            account_id=account_id,
            payer=payers[account_id],
            wallets=kinds[account_id],
            prices=_prices(connection, account_id) if PURCHASED in kinds[account_id] else {},
        )
        for account_id in upwards
    ]


def load_balances(connection: Connection, account_id: int) -> dict[str, Balance]:
    """What the wallets of an account hold, by kind."""
    return {
        row.kind: Balance(row.available, row.held, row.spent, row.unlimited)
        for row in connection.execute(select(wallets).where(wallets.c.account_id == account_id))
    }


def load_prices(connection: Connection, account_id: int) -> dict[str, int]:
    """What a credit of each type costs an account, in ten-thousandths."""
    return _prices(connection, account_id)


def load_purchases(
    connection: Connection, account_id: int, offset: int, limit: int
) -> tuple[list[PurchaseView], int]:
    """Purchases of an account, newest first, and how many there are in all."""
    views = _with_rest(connection, account_id)
    return views[offset : offset + limit], len(views)


def count_purchases(connection: Connection, account_id: int) -> int:
    """How many purchases of an account are kept."""
    query = select(func.count()).select_from(purchases)
    return connection.execute(query.where(purchases.c.account_id == account_id)).scalar_one()


def _prices(connection: Connection, account_id: int) -> dict[str, int]:
    """Of each type the price of the purchase that named it last."""
    query = (
        select(purchases.c.prices)
        .where(purchases.c.account_id == account_id, purchases.c.gives)
        .order_by(purchases.c.purchase_id)
    )
    prices: dict[str, int] = {}
    for text in connection.execute(query).scalars():
        prices |= msgspec.json.decode(text, type=dict[str, int])
    return prices


def _with_rest(connection: Connection, account_id: int) -> list[PurchaseView]:
    """Purchases, newest first: what is left in the wallet is left of the newest ones."""
    query = (
        select(purchases)
        .where(purchases.c.account_id == account_id)
        .order_by(purchases.c.purchase_id.desc())
    )
    held: Mapping[str, Balance] = load_balances(connection, account_id)
    rest = held[PURCHASED].available if PURCHASED in held else 0
    views = []
    for row in connection.execute(query):
        fields = dict(row._mapping)
        fields["prices"] = msgspec.json.decode(fields["prices"], type=dict[str, int])
        purchase = StoredPurchase(**fields)
        available = min(rest, purchase.amount) if purchase.gives else 0
        rest -= available
        views.append(PurchaseView(purchase=purchase, available=available))
    return views
