"""Credits by message type: wallets of several kinds, transfers, and purchases.

The credits of a type are in the wallet of its name; an account without one pays for it from its
general wallet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select

from dragoman.core.accounts.model.accounts import Account, PurchaseView, StoredPurchase
from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.billing.model.payments import Payer
from dragoman.core.billing.model.wallets import Balance
from dragoman.core.billing.sql.tables import purchases, wallets
from dragoman.core.billing.sql.wallets import add_wallet, book
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, insert_rows, read_all
from dragoman.storage.work import one_by_one

GENERAL = "credits"
PURCHASED = "purchased"
"""Ten-thousandths of what an account bought and has not used up."""


class CreditMove(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of a type to transfer between accounts; None is the operator.

    An unlimited giver loses nothing, an unlimited taker gains nothing.
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
    """Transfers that are made together or not at all."""

    moves: tuple[CreditMove, ...]


class NewPurchases(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases of an account that are recorded together or not at all."""

    purchases: tuple[StoredPurchase, ...]
    wallet_id: int
    """Of the wallet for what was bought, where the account has none."""
    entry_ids: tuple[int, ...]


class PurchaseRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase to undo; what is left of it is taken back."""

    account_id: int
    purchase_id: int
    entry_id: int


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """The wallets and prices of an account, as deciding who pays requires them."""

    account_id: int
    payer: Payer
    wallets: dict[str, int]
    """Identifiers by kind."""
    prices: dict[str, int]
    """Ten-thousandths for a credit, by type, of what it bought last."""


@one_by_one("move_credits", whole=True)
def move(connection: Connection, item: CreditMoves) -> None:
    for one in item.moves:
        if one.giver_id is not None:
            giver = _paying_wallet(connection, one.giver_id, one.kind)
            _book(connection, giver, one.entry_ids[0], -one.amount, "transfer", one.note)
        if one.taker_id is not None:
            if one.wallet_id is not None:
                add_wallet(connection, one.wallet_id, one.taker_id, one.kind)
            taker = _paying_wallet(connection, one.taker_id, one.kind)
            _book(connection, taker, one.entry_ids[1], one.amount, "transfer", one.note)


def _paying_wallet(connection: Connection, account_id: int, kind: str) -> Row[Any]:
    query = select(wallets).where(
        wallets.c.account_id == account_id, wallets.c.kind.in_((kind, GENERAL))
    )
    found = {row.kind: row for row in connection.execute(query)}
    return found.get(kind) or found[GENERAL]


def _book(
    connection: Connection, wallet: Row[Any], entry_id: int, amount: int, kind: str, note: str
) -> None:
    if not wallet.unlimited:
        book(connection, wallet.wallet_id, entry_id, amount, kind, note, subject=note)


@one_by_one("buy_credits", whole=True)
def buy(connection: Connection, item: NewPurchases) -> None:
    for purchase, entry_id in zip(item.purchases, item.entry_ids, strict=True):
        add_wallet(connection, item.wallet_id, purchase.account_id, PURCHASED)
        wallet = _paying_wallet(connection, purchase.account_id, PURCHASED)
        amount = purchase.amount if purchase.gives else -purchase.amount
        _book(connection, wallet, entry_id, amount, "purchase", str(purchase.purchase_id))
        insert_rows(connection, purchases, [purchase])


@one_by_one("undo_purchase")
def undo(connection: Connection, item: PurchaseRemoval) -> None:
    views = _with_rest(connection, item.account_id)
    view = next((one for one in views if one.purchase.purchase_id == item.purchase_id), None)
    if view is None:
        raise Refused(RefusalCode.NOT_FOUND, str(item.purchase_id), "purchase")
    if view.available:
        wallet = _paying_wallet(connection, item.account_id, PURCHASED)
        note = str(item.purchase_id)
        _book(connection, wallet, item.entry_id, -view.available, "purchase", note)
    connection.execute(delete(purchases).where(purchases.c.purchase_id == item.purchase_id))


def bequeath(
    connection: Connection, account_id: int, heir_id: int, entry_ids: Iterator[int]
) -> None:
    """Transfers the typed credits of a deleted account; what it bought lapses."""
    query = select(wallets).where(
        wallets.c.account_id == account_id, wallets.c.kind != GENERAL, wallets.c.available > 0
    )
    for wallet in connection.execute(query).all():
        note = f"left by {account_id}"
        _book(connection, wallet, next(entry_ids), -wallet.available, "transfer", note)
        if wallet.kind != PURCHASED:
            heir = _paying_wallet(connection, heir_id, wallet.kind)
            _book(connection, heir, next(entry_ids), wallet.available, "transfer", note)


def load_purses(connection: Connection, account: Account) -> list[Purse]:
    """The purses of an account and those above it, from the account upwards."""
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
            prices=load_prices(connection, account_id) if PURCHASED in kinds[account_id] else {},
        )
        for account_id in upwards
    ]


def load_balances(connection: Connection, account_id: int) -> dict[str, Balance]:
    """The balances of the wallets of an account, by kind."""
    return {
        row.kind: Balance(row.available, row.held, row.spent, row.unlimited)
        for row in connection.execute(select(wallets).where(wallets.c.account_id == account_id))
    }


def load_purchases(
    connection: Connection, account_id: int, offset: int, limit: int
) -> tuple[list[PurchaseView], int]:
    """Purchases of an account, newest first, and the total."""
    views = _with_rest(connection, account_id)
    return views[offset : offset + limit], len(views)


def count_purchases(connection: Connection, account_id: int) -> int:
    """The number of purchases of an account."""
    return count(connection, purchases.c.account_id == account_id)


def load_prices(connection: Connection, account_id: int) -> dict[str, int]:
    """The last price of a credit of each type for an account, in ten-thousandths."""
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
    """Purchases, newest first; the balance of the wallet is what is left of the newest ones."""
    query = (
        select(purchases)
        .where(purchases.c.account_id == account_id)
        .order_by(purchases.c.purchase_id.desc())
    )
    held: Mapping[str, Balance] = load_balances(connection, account_id)
    rest = held[PURCHASED].available if PURCHASED in held else 0
    views = []
    for purchase in read_all(connection, query, StoredPurchase):
        available = min(rest, purchase.amount) if purchase.gives else 0
        rest -= available
        views.append(PurchaseView(purchase=purchase, available=available))
    return views
