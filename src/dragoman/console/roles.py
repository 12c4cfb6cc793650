"""What somebody who signed in is, as the console says it; what they may do are permissions."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from dragoman.core.accounts.model.accounts import Account, Permission


class Role(StrEnum):
    """The roles, the widest first."""

    OPERATOR = "operator"
    """Owns the machine."""
    ADMINISTRATOR = "administrator"
    """Looks after the accounts below."""
    SENDER = "sender"
    VIEWER = "viewer"
    """Reads, and changes nothing."""


_MARKS: Final = (
    (Permission.OPERATE, Role.OPERATOR),
    (Permission.ADMINISTER, Role.ADMINISTRATOR),
    (Permission.SEND, Role.SENDER),
)


def role_of(account: Account) -> Role:
    """The widest role that an account's permissions make."""
    return next((role for mark, role in _MARKS if account.may(mark)), Role.VIEWER)
