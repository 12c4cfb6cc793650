"""Credits: held when a batch is accepted, spent or refunded once the outcome is known.

Every movement is a ledger entry in the transaction that causes it; one UPDATE of the wallet covers
all movements of a group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, literal, or_, select, update

from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.billing.model.wallets import Balance
from dragoman.core.billing.sql.tables import KINDS, SIDES, ledger_entries, wallets
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.hot_rows import HotRows
from dragoman.storage.rows import read_all, read_one
from dragoman.storage.work import one_by_one

_INSERT_ENTRIES = BulkInsert(ledger_entries)


def _movement(kind: str, debit: str, credit: str) -> tuple[int, int, int]:
    """A kind of entry and the sides between which it moves credits, as rows have them."""
    return KINDS.index(kind), SIDES.index(debit), SIDES.index(credit)


_RESERVE = _movement("reserve", "available", "held")
_COMMIT, _REFUND = _movement("commit", "held", "spent"), _movement("refund", "held", "available")
_INSERT_WALLETS = BulkInsert(wallets, suffix="ON CONFLICT (account_id, kind) DO NOTHING")
_SETTLEMENT = {"available": "{old} + {new}", "held": "{old} + {new}", "spent": "{old} + {new}"}
_SETTLE = HotRows(
    BulkUpdate(wallets, ("wallet_id", "available", "held", "spent"), _SETTLEMENT), 1, _SETTLEMENT
)
_HOLDING = {"available": "{old} - v.column2", "held": "{old} + {new}"}
_HAS_CREDITS = "(t.unlimited OR t.available >= v.column2)"
_HOLD = HotRows(
    BulkUpdate(wallets, ("wallet_id", "held"), _HOLDING, where=_HAS_CREDITS),
    1,
    _HOLDING,
    where=_HAS_CREDITS,
)


class TopUp(msgspec.Struct, frozen=True):
    """Credits an operator or a parent account adds or, if negative, removes."""

    wallet_id: int
    entry_id: int
    amount: int
    note: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Credits that one account gives another or, if negative, takes back."""

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
    """Holds the credits of each (batch, reservation); a refusal for each that lacks them."""
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
    """Holds the credits of one batch in all of its wallets, or in none."""
    shares = sorted((reservation, *reservation.also), key=lambda share: share.wallet_id)
    for index, share in enumerate(shares):
        if not _hold(connection, share.wallet_id, share.amount):
            for held in shares[:index]:
                _hold(connection, held.wallet_id, -held.amount)
            return Refused(RefusalCode.INSUFFICIENT_CREDIT)
    _INSERT_ENTRIES.run(connection, [_reserve_entry(batch_id, share) for share in shares])
    return None


def _reserve_entry(batch_id: int, share: Reservation) -> tuple[Any, ...]:
    return (share.entry_id, share.wallet_id, *_RESERVE, share.amount, batch_id, None)


def _hold(connection: Connection, wallet_id: int, amount: int) -> bool:
    return _HOLD.run(connection, [(wallet_id, amount)]) == 1


def settle(connection: Connection, settlements: Iterable[tuple[int, Settlement]]) -> None:
    """Spends or refunds held credits; one ledger entry per batch and direction in a group."""
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
            (entry_id, wallet_id, *(_REFUND if refund else _COMMIT), amount, batch_id, None)
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
    """Movements in an account's wallets, newest first, before one if one is given."""
    owned = connection.execute(
        select(wallets.c.wallet_id, wallets.c.kind).where(wallets.c.account_id == account_id)
    )
    found: list[LedgerEntry] = []
    for wallet in owned.all():  # each by its index; one query over all would sort them all
        query = (
            select(literal(wallet.kind).label("purse"), ledger_entries)
            .where(ledger_entries.c.wallet_id == wallet.wallet_id)
            .order_by(ledger_entries.c.entry_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(ledger_entries.c.entry_id < before)
        found += read_all(connection, query, LedgerEntry)
    found.sort(key=lambda entry: entry.entry_id, reverse=True)
    return found[:limit]


@one_by_one("top_up")
def top_up(connection: Connection, item: TopUp) -> None:
    available = wallets.c.available + item.amount
    added = update(wallets).where(
        wallets.c.wallet_id == item.wallet_id, or_(wallets.c.unlimited, available >= 0)
    )
    if not connection.execute(added.values(available=available)).rowcount:
        raise Refused(RefusalCode.INSUFFICIENT_CREDIT)
    _enter(connection, item.wallet_id, item.entry_id, item.amount, "top_up", item.note)


def transfer(connection: Connection, item: Transfer) -> None:
    """Transfers credits between wallets; raises `Refused`, and the caller then rolls back.

    An unlimited giver loses nothing. An unlimited taker becomes limited to what it was given.
    """
    if item.giver is not None and not is_unlimited(connection, item.giver):
        _give(connection, item.giver, item.giver_entry_id, -item.amount, item.note)
    amount = item.amount
    if is_unlimited(connection, item.taker):
        if amount <= 0:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", "the account is unlimited")
        amount -= balance(connection, item.taker).available
        connection.execute(
            update(wallets).where(wallets.c.wallet_id == item.taker).values(unlimited=False)
        )
    _give(connection, item.taker, item.taker_entry_id, amount, item.note)


def is_unlimited(connection: Connection, wallet_id: int) -> bool:
    """Whether a wallet is unlimited."""
    query = select(wallets.c.unlimited).where(wallets.c.wallet_id == wallet_id)
    return bool(connection.execute(query).scalar_one())


def _give(connection: Connection, wallet_id: int, entry_id: int, amount: int, note: str) -> None:
    book(connection, wallet_id, entry_id, amount, "transfer", note, subject="")


def book(
    connection: Connection,
    wallet_id: int,
    entry_id: int,
    amount: int,
    kind: str,
    note: str,
    *,
    subject: str,
) -> None:
    """Adds to the balance of a limited wallet, or subtracts from it; raises `Refused`."""
    available = wallets.c.available + amount
    moved = update(wallets).where(
        wallets.c.wallet_id == wallet_id, available.between(0, MAX_CREDITS)
    )
    if not connection.execute(moved.values(available=available)).rowcount:
        raise Refused(RefusalCode.INSUFFICIENT_CREDIT, subject)
    _enter(connection, wallet_id, entry_id, amount, kind, note)


def _enter(
    connection: Connection, wallet_id: int, entry_id: int, amount: int, kind: str, note: str
) -> None:
    debit, credit = ("outside", "available") if amount >= 0 else ("available", "outside")
    row = (entry_id, wallet_id, *_movement(kind, debit, credit), abs(amount), None, note)
    _INSERT_ENTRIES.run(connection, [row])


def add_wallet(
    connection: Connection, wallet_id: int, account_id: int, kind: str, unlimited: bool = False
) -> None:
    """Creates an empty wallet, unless the account has one of that kind."""
    _INSERT_WALLETS.run(connection, [(wallet_id, account_id, kind, unlimited, 0, 0, 0)])


def balance(connection: Connection, wallet_id: int) -> Balance:
    """The balance of a wallet now."""
    found = read_one(connection, select(wallets).where(wallets.c.wallet_id == wallet_id), Balance)
    assert found is not None
    return found
