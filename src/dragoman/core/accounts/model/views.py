"""An account as the console and the APIs show it."""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.sql.wallets import Balance


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as those above it see it; times are milliseconds since the Unix epoch."""

    account: Account
    balance: Balance
    created_ms: int
    deactivated_ms: int | None
