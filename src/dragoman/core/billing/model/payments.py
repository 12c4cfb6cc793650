"""Who pays for an account's messages: itself, the accounts above it, or both."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Payer(StrEnum):
    """Whose credits a message uses."""

    OWN = "own"
    PARENT = "parent"
    BOTH = "both"
    """Its own and the parent's, of each the whole price: a reseller's books and its customer's."""


class Payment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A wallet that pays, and its units per credit of a message."""

    wallet_id: int
    per_credit: int = 1


def paying_accounts(upwards: Iterable[tuple[int, Payer]]) -> tuple[int, ...]:
    """The accounts that pay for one; `upwards` are it and those above it with their payers.

    A root whose payer is its parent pays itself.
    """
    paying: list[int] = []
    for account_id, payer in upwards:
        last = account_id
        if payer is not Payer.PARENT:
            paying.append(account_id)
        if payer is Payer.OWN:
            return tuple(paying)
    return tuple(paying) if paying and paying[-1] == last else (*paying, last)


MAX_CREDITS = 1 << 53
"""What readers of JSON in JavaScript and PHP keep exactly."""
