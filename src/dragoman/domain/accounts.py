"""Accounts: who may send what from where."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dragoman.domain.allowed_addresses import AllowedAddresses


class Permission(StrEnum):
    """What an account may do; inherited from its parent and never wider than the parent's."""

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


DEFAULT_PERMISSIONS = frozenset({Permission.SEND, Permission.RECEIVE, Permission.ANY_SENDER})


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer or a part of one; accounts form a tree by `parent_id` and `path`."""

    account_id: int
    username: str
    wallet_id: int
    path: str = ""
    """Identifiers from the root to this account in base 36, joined by `/`."""
    parent_id: int | None = None
    enabled: bool = True
    permissions: frozenset[Permission] = DEFAULT_PERMISSIONS
    allowed_addresses: AllowedAddresses = AllowedAddresses()
    time_zone: str = ""
    """IANA name; empty leaves it to the dialect."""
    default_sender: str = ""
    max_parts: int = 10
    max_recipients: int = 100_000

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class CredentialKind(StrEnum):
    """What a credential is good for."""

    API_KEY = "api_key"
    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    LEGACY_MD5 = "legacy_md5"
