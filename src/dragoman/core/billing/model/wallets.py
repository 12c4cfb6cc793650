"""What a wallet holds."""

from __future__ import annotations

import msgspec


class Balance(msgspec.Struct, frozen=True):
    """The sides of a wallet."""

    available: int
    held: int
    spent: int
    unlimited: bool
