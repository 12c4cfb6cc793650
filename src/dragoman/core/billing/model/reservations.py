"""Credits that are held, and later spent or refunded."""

from __future__ import annotations

import msgspec


class Reservation(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Credits to hold for a batch; `also` in further wallets, all or none."""

    wallet_id: int
    entry_id: int
    amount: int
    also: tuple[Reservation, ...] = ()


class Settlement(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Held credits that are spent, or refunded to their wallets."""

    wallet_id: int
    entry_id: int
    amount: int
    refund: bool
    also: tuple[Settlement, ...] = ()
    """The same in the further wallets that paid."""
