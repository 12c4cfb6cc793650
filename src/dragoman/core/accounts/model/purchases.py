"""Credits that an account bought from its parent."""

from __future__ import annotations

import msgspec


class PurchaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase, and what is left of it."""

    purchase: StoredPurchase
    available: int


class StoredPurchase(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `purchases`."""

    purchase_id: int
    account_id: int
    gives: bool
    amount: int
    prices: dict[str, int]
    created_ms: int
