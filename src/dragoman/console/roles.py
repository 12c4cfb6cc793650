"""The role of an account as the console shows it; what it may do are its permissions."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import Role

__all__ = ["Role", "role_of"]

_MARKS: Final = (
    (Permission.OPERATE, Role.OPERATOR),
    (Permission.ADMINISTER, Role.ADMINISTRATOR),
    (Permission.SEND, Role.SENDER),
)


def role_of(account: Account) -> Role:
    """The widest role that an account's permissions make."""
    return next((role for mark, role in _MARKS if account.may(mark)), Role.VIEWER)
