"""Accounts, their permissions and their credentials."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import reduce
from typing import Final

import msgspec

from dragoman.core.accounts.model.allowed_addresses import AllowedAddresses
from dragoman.core.accounts.model.allowed_prefixes import AllowedPrefixes
from dragoman.core.billing.model.payments import Payer
from dragoman.core.billing.model.wallets import Balance

NO_OWN_LIMIT: Final = 2**31 - 1
"""Leaves a limit to `[limits]` of the configuration, which counts where it is narrower."""


class Permission(StrEnum):
    """What an account may do; a subaccount never has more than its parent."""

    SEND = "send"
    RECEIVE = "receive"
    LEGACY_LOGIN = "legacy_login"
    """The old login with user name and `md5`, for programs that cannot be changed."""
    ANY_SENDER = "any_sender"
    """Sends under any well-formed sender; without it, only under approved ones."""
    ADMINISTER = "administer"
    """Creates, changes and deletes accounts below its own."""
    PREMIUM = "premium"
    """Sends messages that the recipient pays for, up to the bound for everybody."""
    PREMIUM_HIGH = "premium_high"
    """Sends premium messages above that bound."""
    CHARITY = "charity"
    """Sends premium messages for charity."""
    INBOX = "inbox"
    """Reads received texts on pages of its own."""
    NUMBER_LOOKUP = "number_lookup"
    """Asks networks about numbers (HLR)."""
    OPERATE = "operate"
    """Owns the machine: sees carriers and phones in the console, and approves senders."""


DEFAULT_PERMISSIONS = frozenset(
    {Permission.SEND, Permission.RECEIVE, Permission.ANY_SENDER, Permission.INBOX}
)
"""What an account has that its operator says nothing about.

What costs third parties (premium, number look-ups), opens accounts to others or weakens the login
is only ever given by name.
"""


class AccountDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Contact details of an account, which affect nothing; stored as JSON."""

    company: str | None = None
    integration: str | None = None
    """Which kind of program the customer uses."""
    integration_id: str | None = None
    """How a reseller's own books call the customer."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer or a part of one; accounts form a tree by `parent_id` and `path`.

    As loaded, `enabled`, `permissions` and `prefixes` are the effective ones: the account's own,
    narrowed by every account above it.
    """

    account_id: int
    username: str
    wallet_id: int
    path: str = ""
    """Identifiers from the root to this account in base 36, joined by `/`."""
    parent_id: int | None = None
    enabled: bool = True
    permissions: frozenset[Permission] = DEFAULT_PERMISSIONS
    allowed_addresses: AllowedAddresses = AllowedAddresses()
    prefixes: AllowedPrefixes = AllowedPrefixes()
    profile: str = ""
    """The edition of a provider's API its programs are written for; empty leaves it to the dialect.
    """
    details: AccountDetails = AccountDetails()
    time_zone: str = ""
    """IANA name; empty leaves it to the dialect."""
    country: str = ""
    """ISO 3166-1 alpha-2, whose numbers its people write without calling code; empty if not said.
    """
    default_sender: str = ""
    payer: Payer = Payer.OWN
    message_types: frozenset[str] | None = None
    """The only message types it may send; None for all. Narrowed as permissions are."""
    max_parts: int = NO_OWN_LIMIT
    max_recipients: int = NO_OWN_LIMIT
    texts_days: int | None = None
    """How long its texts are kept; None as for the account above it. The same for what follows."""
    numbers_days: int | None = None
    messages_days: int | None = None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def may_send_type(self, name: str) -> bool:
        """Whether it may send messages of a type."""
        return self.message_types is None or name in self.message_types

    @property
    def ancestor_ids(self) -> tuple[int, ...]:
        """The accounts above this one, from the root down."""
        if self.parent_id is None:
            return ()
        return tuple(int(identifier, 36) for identifier in self.path.split("/")[:-1])

    def is_at_or_below(self, other: Account) -> bool:
        """Whether this account is the other one or below it in the tree."""
        return self.path == other.path or self.path.startswith(f"{other.path}/")


def narrow(account: Account, ancestors: Iterable[Account]) -> Account:
    """The account, limited to what every account above it has."""
    above = list(ancestors)
    if not above:
        return account
    return msgspec.structs.replace(
        account,
        enabled=account.enabled and all(one.enabled for one in above),
        permissions=account.permissions.intersection(*(one.permissions for one in above)),
        prefixes=reduce(
            AllowedPrefixes.narrowed, (one.prefixes for one in above), account.prefixes
        ),
        message_types=reduce(
            _narrowed_types, (one.message_types for one in above), account.message_types
        ),
    )


def _narrowed_types(
    types: frozenset[str] | None, above: frozenset[str] | None
) -> frozenset[str] | None:
    if types is None or above is None:
        return types if above is None else above
    return types & above


class CredentialKind(StrEnum):
    """What a credential is used for."""

    API_KEY = "api_key"
    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    LEGACY_MD5 = "legacy_md5"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a kind, not a token
    LOGIN_TOKEN = "login_token"  # noqa: S105 - a kind, not a token
    SMPP_PASSWORD = "smpp_password"  # noqa: S105 - a kind, not a password


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's API keeps about an account, as JSON."""

    dialect: str
    record: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as those above it see it; times are milliseconds since the Unix epoch."""

    account: Account
    balance: Balance
    created_ms: int
    deactivated_ms: int | None


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
