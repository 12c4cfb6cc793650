"""Credits: held when a batch is accepted, spent or refunded when it is clear what became of it.

Every movement is a ledger entry in the transaction of what caused it, and an UPDATE of the wallet
that takes all movements of a group together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select, text

from dragoman.domain.errors import RefusalCode, Refused
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.records import Reservation, Settlement
from dragoman.storage.tables import ledger_entries, wallets
from dragoman.storage.work import Operation

_INSERT_ENTRIES = BulkInsert(ledger_entries)
_SETTLE = BulkUpdate(
    wallets,
    ("wallet_id", "available", "held", "spent"),
    {"available": "{old} + {new}", "held": "{old} + {new}", "spent": "{old} + {new}"},
)
_HOLD = text(
    "UPDATE wallets SET available = available - :amount, held = held + :amount"
    " WHERE wallet_id = :wallet_id AND (unlimited OR available >= :amount)"
)


class TopUp(msgspec.Struct, frozen=True):
    """Credits an operator or a parent account adds (or, negative, takes away)."""

    wallet_id: int
    entry_id: int
    amount: int
    note: str


def reserve(
    connection: Connection, reservations: list[tuple[int, Reservation]]
) -> list[Refused | None]:
    """Holds the credits of each (batch, reservation); a refusal for each that finds too few."""
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
            entries.append(
                (
                    reservation.entry_id,
                    reservation.wallet_id,
                    "reserve",
                    "available",
                    "held",
                    reservation.amount,
                    batch_id,
                    None,
                )
            )
        else:
            refusals.append(Refused(RefusalCode.INSUFFICIENT_CREDIT))
    _INSERT_ENTRIES.run(connection, entries)
    return refusals


def _hold(connection: Connection, wallet_id: int, amount: int) -> bool:
    held = connection.execute(_HOLD, {"wallet_id": wallet_id, "amount": amount})
    return held.rowcount == 1


def settle(connection: Connection, settlements: Iterable[tuple[int, Settlement]]) -> None:
    """Spends or refunds held credits; one ledger entry a batch and direction in a group."""
    moved: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    entries: dict[tuple[int, int, bool], list[int]] = {}
    for batch_id, settlement in settlements:
        side = moved[settlement.wallet_id]
        side[1] -= settlement.amount
        side[0 if settlement.refund else 2] += settlement.amount
        entry = entries.setdefault(
            (settlement.wallet_id, batch_id, settlement.refund), [settlement.entry_id, 0]
        )
        entry[1] += settlement.amount
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
