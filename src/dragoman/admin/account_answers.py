"""What operations answer about accounts, what they may do and their credits."""

from __future__ import annotations

import msgspec


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its wallet, without secrets."""

    account_id: int
    username: str
    enabled: bool
    permissions: tuple[str, ...]
    """What it really has: less where an account above it has less."""
    allowed_addresses: str
    default_sender: str
    parent: str
    """The user name of the account above it; empty for a root."""
    time_zone: str
    country: str
    """ISO 3166-1 alpha-2; empty for that of its time zone."""
    prefixes: str
    profile: str
    credits: int | None
    """What is left; None is unlimited."""
    held: int
    spent: int
    message_types: tuple[str, ...] | None = None
    """The only ones it may send; None for all."""
    texts_days: int | None = None
    """How long its texts are kept, 0 for ever; None as for the account above it."""
    numbers_days: int | None = None
    messages_days: int | None = None


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """Every account, in the order of creation."""

    accounts: tuple[AccountView, ...]


class AccountSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its new secrets, which are shown this once; no password if it stays."""

    account: AccountView
    api_key: str
    password: str | None = None


class AccountPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An account with a new password, which is shown this once; empty where it was given."""

    account: str
    password: str


class SenderView(msgspec.Struct, frozen=True, kw_only=True):
    """A sender that an account asked for, and who stands behind it."""

    sender_id: int
    account: str
    sender: str
    state: str
    company: str | None
    contact: str | None
    since_ms: int


class SenderList(msgspec.Struct, frozen=True, kw_only=True):
    """Some senders in the order of asking; `total` is how many there are in all."""

    senders: tuple[SenderView, ...]
    total: int


class TypeBalances(msgspec.Struct, frozen=True, kw_only=True):
    """The credits of each message type that an account can use; None is without a limit."""

    account: str
    credits: dict[str, int | None]


class EmailServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account bought of e-mail; dates are `yyyy-MM-dd`."""

    account: str
    enabled: bool
    bandwidth: float
    """Mails an hour; 0 for no bound of its own."""
    purchased: str
    billing: str
    expiry: str


class AuthTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """What programs of Twilio sign in with, and know our calls by."""

    account: str
    account_sid: str
    auth_token: str


class AdminTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the admin interface; the token itself is shown once, when it is created."""

    name: str
    created_ms: int
    token: str = ""


class AdminTokenList(msgspec.Struct, frozen=True, kw_only=True):
    """Every token, oldest first; `remote` is whether the configuration lets any in."""

    tokens: tuple[AdminTokenView, ...]
    remote: bool
