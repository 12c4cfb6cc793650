"""Credits by message type: who pays, how much is left, transfers and purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.changes import AccountChanges
from dragoman.core.accounts.model.accounts import Account, PurchaseView, StoredPurchase
from dragoman.core.accounts.sql import credits as stored
from dragoman.core.accounts.sql.credits import (
    GENERAL,
    PURCHASED,
    CreditMove,
    CreditMoves,
    NewPurchases,
    PurchaseRemoval,
    Purse,
)
from dragoman.core.billing.model.message_types import MessageType, MessageTypes
from dragoman.core.billing.model.payments import MAX_CREDITS, Payer, Payment, paying_accounts
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage
from dragoman.storage.writer import Operation

Item = TypeVar("Item")
Value = TypeVar("Value")

MAX_REMEMBERED: Final = 100_000
MAX_PURCHASES: Final = 1_000
"""Of one account; older ones can be deleted."""


class TypeMove(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of a type to transfer to a subaccount, or to take back from it."""

    message_type: MessageType
    amount: int
    gives: bool = True


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase by an account, or its return: an amount, and the price of a credit by type."""

    amount: int
    """Ten-thousandths."""
    prices: dict[str, int]
    """Ten-thousandths for a credit, by the name of the type."""
    gives: bool = True


class _Read(NamedTuple, Generic[Value]):
    """What was read."""

    as_of: tuple[int, int]
    """The generations of accounts and of wallets when its reading began."""
    value: Value


@use_case(kw_only=True)
class Credits:
    """Knows the credits that accounts pay with."""

    storage: Storage
    accounts: Accounts
    ids: IdSource
    clock: Clock
    types: MessageTypes
    _purses: dict[int, _Read[list[Purse]]] = field(default_factory=dict, init=False)
    _payments: dict[tuple[int, str], _Read[tuple[Payment, ...]]] = field(
        default_factory=dict, init=False
    )
    """By account and type."""
    _changes: AccountChanges = field(default_factory=AccountChanges, init=False)
    """Of the wallets and prices of accounts, which change more often than accounts."""

    async def payments(
        self, account: Account, message_type: MessageType | None = None
    ) -> tuple[Payment, ...]:
        """The wallets that pay for an account's messages of a type, its own first."""
        kind = message_type.name if message_type is not None else GENERAL
        known = self._payments.get((account.account_id, kind))
        if known is not None and known.as_of == self._now():
            return known.value
        as_of = self._now()
        purses = await self._load_purses(account)
        paying = paying_accounts((purse.account_id, purse.payer) for purse in purses)
        payments = tuple(_payment(purse, kind) for purse in purses if purse.account_id in paying)
        self._payments[account.account_id, kind] = _Read(as_of, payments)
        return payments

    async def available(self, account: Account) -> dict[str, int | None]:
        """Credits of each type an account can use, the least of its payers'; None is unlimited."""
        purses = await self._load_purses(account)
        paying = paying_accounts((purse.account_id, purse.payer) for purse in purses)
        left: dict[str, int | None] = {one.name: None for one in self.types}
        for purse in purses:
            if purse.account_id not in paying:
                continue
            for name, amount in (await self._own(purse.account_id, purse.payer)).items():
                known = left[name]
                if amount is not None:
                    left[name] = amount if known is None else min(known, amount)
        return left

    async def own(self, account: Account) -> dict[str, int | None]:
        """The credits of each type in an account's own wallets; None is unlimited."""
        return await self._own(account.account_id, account.payer)

    async def _own(self, account_id: int, payer: Payer) -> dict[str, int | None]:
        balances, prices = await self.storage.read(
            lambda c: (stored.load_balances(c, account_id), stored.load_prices(c, account_id))
        )
        left: dict[str, int | None] = {}
        for message_type in self.types:
            name = message_type.name
            price = prices.get(name, 0)
            if payer is Payer.BOTH and price:
                left[name] = balances[PURCHASED].available // price
            else:
                balance = balances.get(name) or balances[GENERAL]
                left[name] = None if balance.unlimited else balance.available
        return left

    async def purchased(self, account_id: int) -> int:
        """What is left of everything an account bought, in ten-thousandths."""
        balances = await self.storage.read(lambda c: stored.load_balances(c, account_id))
        return balances[PURCHASED].available if PURCHASED in balances else 0

    async def move(self, giver: Account, taker: Account, moves: Sequence[TypeMove]) -> None:
        """Transfers credits to an account or back, all or none; raises `Refused`."""
        if taker.payer is Payer.PARENT:
            raise Refused(RefusalCode.INVALID_FIELD, "credit-eat-mode", "it has no credits")
        made = []
        for move in moves:
            if not 0 < move.amount <= MAX_CREDITS:
                raise Refused(RefusalCode.INVALID_FIELD, "amount", f"1 to {MAX_CREDITS}")
            first, second = (giver, taker) if move.gives else (taker, giver)
            made.append(
                CreditMove(
                    giver_id=first.account_id,
                    taker_id=second.account_id,
                    kind=move.message_type.name,
                    amount=move.amount,
                    wallet_id=self.ids.next() if move.gives else None,
                    entry_ids=(self.ids.next(), self.ids.next()),
                    note=f"{first.account_id} to {second.account_id}",
                )
            )
        item = CreditMoves(moves=tuple(made))
        await self._write(stored.move, item, giver.account_id, taker.account_id)

    async def top_up(self, account: Account, message_type: MessageType, amount: int) -> None:
        """Adds or removes credits of a type on behalf of the operator; raises `Refused`."""
        if not 0 < abs(amount) <= MAX_CREDITS:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", f"1 to {MAX_CREDITS}")
        gives = amount > 0
        move = CreditMove(
            giver_id=None if gives else account.account_id,
            taker_id=account.account_id if gives else None,
            kind=message_type.name,
            amount=abs(amount),
            wallet_id=self.ids.next() if gives else None,
            entry_ids=(self.ids.next(), self.ids.next()),
            note="operator",
        )
        await self._write(stored.move, CreditMoves(moves=(move,)), account.account_id)

    async def buy(self, account: Account, purchases: Sequence[Purchase]) -> None:
        """Records purchases of an account, all or none; raises `Refused`."""
        _check_books(account)
        kept = await self.storage.read(lambda c: stored.count_purchases(c, account.account_id))
        if kept + len(purchases) > MAX_PURCHASES:
            raise Refused(RefusalCode.INVALID_FIELD, "purchases", f"at most {MAX_PURCHASES}")
        identifiers = await self.storage.short_ids.take(len(purchases))
        new = NewPurchases(
            purchases=tuple(
                StoredPurchase(
                    purchase_id=purchase_id,
                    account_id=account.account_id,
                    gives=purchase.gives,
                    amount=purchase.amount,
                    prices=purchase.prices,
                    created_ms=self.clock.now_ms(),
                )
                for purchase_id, purchase in zip(identifiers, purchases, strict=True)
            ),
            wallet_id=self.ids.next(),
            entry_ids=tuple(self.ids.take(len(purchases))),
        )
        await self._write(stored.buy, new, account.account_id)

    async def purchases(
        self, account: Account, offset: int, limit: int
    ) -> tuple[list[PurchaseView], int]:
        """Purchases of an account, newest first, and the total."""
        return await self.storage.read(
            lambda c: stored.load_purchases(c, account.account_id, offset, limit)
        )

    async def undo_purchase(self, account: Account, purchase_id: int) -> None:
        """Undoes a purchase and takes back what is left of it; raises `Refused`."""
        _check_books(account)
        removal = PurchaseRemoval(
            account_id=account.account_id, purchase_id=purchase_id, entry_id=self.ids.next()
        )
        await self._write(stored.undo, removal, account.account_id)

    async def _write(self, operation: Operation[Item, None], item: Item, *account_ids: int) -> None:
        """Writes a change to wallets of some accounts; raises `Refused`."""
        try:
            await self.storage.writer.write(operation, item)
        finally:
            self._changes.note(account_ids)

    def _now(self) -> tuple[int, int]:
        return self.accounts.changes.generation, self._changes.generation

    async def _load_purses(self, account: Account) -> list[Purse]:
        """The purses of an account and those above it; they change with any of these accounts."""
        as_of, known = self._now(), self._purses.get(account.account_id)
        if known is not None:
            of_accounts, of_wallets = known.as_of
            if not (
                self.accounts.changes.since(of_accounts, account)
                or self._changes.since(of_wallets, account)
            ):
                self._purses[account.account_id] = _Read(as_of, known.value)
                return known.value
        purses = await self.storage.read(lambda c: stored.load_purses(c, account))
        if len(self._purses) > MAX_REMEMBERED:
            self._purses.clear()
            self._payments.clear()
        self._purses[account.account_id] = _Read(as_of, purses)
        return purses


def _payment(purse: Purse, kind: str) -> Payment:
    """The wallet with which an account pays for a type."""
    price = purse.prices.get(kind, 0)
    if purse.payer is Payer.BOTH and price:
        return Payment(wallet_id=purse.wallets[PURCHASED], per_credit=price)
    return Payment(wallet_id=purse.wallets.get(kind) or purse.wallets[GENERAL])


def _check_books(account: Account) -> None:
    if account.payer is not Payer.BOTH:
        detail = "only accounts that pay out of their own and the parent's buy"
        raise Refused(RefusalCode.INVALID_FIELD, "credit-eat-mode", detail)
