"""Credits: held when a batch is accepted, spent or refunded when it is clear what became of it.

Every movement is a ledger entry in the transaction of what caused it, and an UPDATE of the wallet
that takes all movements of a group together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, select, text, update

from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.work import Operation

_INSERT_ENTRIES = BulkInsert(ledger_entries)
_SETTLE = BulkUpdate(
    wallets,
    ("wallet_id", "available", "held", "spent"),
    {"available": "{old} + {new}", "held": "{old} + {new}", "spent": "{old} + {new}"},
)
_HOLD = BulkUpdate(
    wallets,
    ("wallet_id", "held"),
    {"available": "{old} - v.column2", "held": "{old} + {new}"},
    where="(t.unlimited OR t.available >= v.column2)",
)


class TopUp(msgspec.Struct, frozen=True):
    """Credits an operator or a parent account adds (or, negative, takes away)."""

    wallet_id: int
    entry_id: int
    amount: int
    note: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Credits that one account gives another or, negative, takes back from it."""

    giver: int | None
    """Its wallet; None where they come from outside, from the operator."""
    taker: int
    giver_entry_id: int
    taker_entry_id: int
    amount: int
    note: str


def reserve(
    connection: Connection, reservations: list[tuple[int, Reservation]]
) -> list[Refused | None]:
    """Holds the credits of each (batch, reservation); a refusal for each that finds too few."""
    if any(reservation.also for _, reservation in reservations):
        return [_reserve_alone(connection, *one) for one in reservations]
    totals: dict[int, int] = defaultdict(int)
    for _, reservation in reservations:
        totals[reservation.wallet_id] += reservation.amount
    whole = {wallet for wallet, total in totals.items() if _hold(connection, wallet, total)}
    refusals: list[Refused | None] = []
    entries = []
    for batch_id, reservation in reservations:
        # Where a wallet cannot pay for all of the group, each batch tries alone, in order.
        if reservation.wallet_id in whole or _hold(
            connection, reservation.wallet_id, reservation.amount
        ):
            refusals.append(None)
            entries.append(_reserve_entry(batch_id, reservation))
        else:
            refusals.append(Refused(RefusalCode.INSUFFICIENT_CREDIT))
    _INSERT_ENTRIES.run(connection, entries)
    return refusals


def _reserve_alone(
    connection: Connection, batch_id: int, reservation: Reservation
) -> Refused | None:
    """Holds what a batch takes of each of its wallets, or nothing."""
    shares = sorted((reservation, *reservation.also), key=lambda share: share.wallet_id)
    for index, share in enumerate(shares):
        if not _hold(connection, share.wallet_id, share.amount):
            for held in shares[:index]:
                _hold(connection, held.wallet_id, -held.amount)
            return Refused(RefusalCode.INSUFFICIENT_CREDIT)
    _INSERT_ENTRIES.run(connection, [_reserve_entry(batch_id, share) for share in shares])
    return None


def _reserve_entry(batch_id: int, share: Reservation) -> tuple[Any, ...]:
    return (
        share.entry_id,
        share.wallet_id,
        "reserve",
        "available",
        "held",
        share.amount,
        batch_id,
        None,
    )


def _hold(connection: Connection, wallet_id: int, amount: int) -> bool:
    return _HOLD.run(connection, [(wallet_id, amount)]) == 1


def settle(connection: Connection, settlements: Iterable[tuple[int, Settlement]]) -> None:
    """Spends or refunds held credits; one ledger entry a batch and direction in a group."""
    moved: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    entries: dict[tuple[int, int, bool], list[int]] = {}
    for batch_id, shares in settlements:
        for settlement in (shares, *shares.also) if shares.also else (shares,):
            wallet_id, amount, refund = settlement.wallet_id, settlement.amount, settlement.refund
            side = moved[wallet_id]
            side[1] -= amount
            side[0 if refund else 2] += amount
            entry = entries.setdefault((wallet_id, batch_id, refund), [settlement.entry_id, 0])
            entry[1] += amount
    if not entries:
        return
    _SETTLE.run(connection, [(wallet, *side) for wallet, side in moved.items()])
    _INSERT_ENTRIES.run(
        connection,
        [
            (
                entry_id,
                wallet_id,
                "refund" if refund else "commit",
                "held",
                "available" if refund else "spent",
                amount,
                batch_id,
                None,
            )
            for (wallet_id, batch_id, refund), (entry_id, amount) in entries.items()
        ],
    )


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A movement: `amount` left the side `debit` and entered `credit` of a wallet."""

    entry_id: int
    purse: str
    """Which of its account's wallets: `credits`, or a message type."""
    kind: str
    debit: str
    credit: str
    amount: int
    batch_id: int | None
    note: str | None


def load_entries(
    connection: Connection, account_id: int, before: int | None, limit: int
) -> list[LedgerEntry]:
    """Movements in an account's wallets, newest first, those before one where one is named."""
    owned = connection.execute(
        select(wallets.c.wallet_id, wallets.c.kind).where(wallets.c.account_id == account_id)
    )
    found: list[LedgerEntry] = []
    for wallet in owned.all():  # each by its index; one query over all would sort them all
        query = (
            select(ledger_entries)
            .where(ledger_entries.c.wallet_id == wallet.wallet_id)
            .order_by(ledger_entries.c.entry_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(ledger_entries.c.entry_id < before)
        for row in connection.execute(query):
            fields = dict(row._mapping)
            del fields["wallet_id"]
            found.append(LedgerEntry(purse=wallet.kind, **fields))
    found.sort(key=lambda entry: entry.entry_id, reverse=True)
    return found[:limit]


def _top_up(connection: Connection, items: list[TopUp]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        debit, credit = ("outside", "available") if item.amount >= 0 else ("available", "outside")
        changed = connection.execute(
            text(
                "UPDATE wallets SET available = available + :amount"
                " WHERE wallet_id = :wallet_id AND (unlimited OR available + :amount >= 0)"
            ),
            {"amount": item.amount, "wallet_id": item.wallet_id},
        ).rowcount
        if not changed:
            results.append(Refused(RefusalCode.INSUFFICIENT_CREDIT))
            continue
        amount = abs(item.amount)
        row = (item.entry_id, item.wallet_id, "top_up", debit, credit, amount, None, item.note)
        _INSERT_ENTRIES.run(connection, [row])
        results.append(None)
    return results


top_up = Operation(_top_up, "top_up", TopUp)


def transfer(connection: Connection, item: Transfer) -> None:
    """Moves credits between wallets; raises `Refused`, and the caller then rolls back.

    A giver without a limit loses nothing. A taker without a limit has one from now on: what it
    was given.
    """
    if item.giver is not None and not is_unlimited(connection, item.giver):
        _move(connection, item.giver, item.giver_entry_id, -item.amount, item.note)
    amount = item.amount
    if is_unlimited(connection, item.taker):
        if amount <= 0:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", "there is no limit to take from")
        amount -= balance(connection, item.taker).available
        connection.execute(
            update(wallets).where(wallets.c.wallet_id == item.taker).values(unlimited=False)
        )
    _move(connection, item.taker, item.taker_entry_id, amount, item.note)


def is_unlimited(connection: Connection, wallet_id: int) -> bool:
    """Whether a wallet has no limit."""
    query = select(wallets.c.unlimited).where(wallets.c.wallet_id == wallet_id)
    return bool(connection.execute(query).scalar_one())


def _move(connection: Connection, wallet_id: int, entry_id: int, amount: int, note: str) -> None:
    available = wallets.c.available + amount
    moved = connection.execute(
        update(wallets)
        .where(wallets.c.wallet_id == wallet_id, available.between(0, MAX_CREDITS))
        .values(available=available)
    )
    if not moved.rowcount:
        raise Refused(RefusalCode.INSUFFICIENT_CREDIT, str(wallet_id))
    debit, credit = ("outside", "available") if amount >= 0 else ("available", "outside")
    row = (entry_id, wallet_id, "transfer", debit, credit, abs(amount), None, note)
    _INSERT_ENTRIES.run(connection, [row])


class Balance:
    """The sides of a wallet."""

    __slots__ = ("available", "held", "spent", "unlimited")

    def __init__(self, available: int, held: int, spent: int, unlimited: bool) -> None:
        self.available = available
        self.held = held
        self.spent = spent
        self.unlimited = unlimited


def balance(connection: Connection, wallet_id: int) -> Balance:
    """What a wallet holds now."""
    row = connection.execute(
        select(wallets.c.available, wallets.c.held, wallets.c.spent, wallets.c.unlimited).where(
            wallets.c.wallet_id == wallet_id
        )
    ).one()
    return Balance(*row)
