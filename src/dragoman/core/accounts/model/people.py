"""The people of an account, and what each role lets them do in the console."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.mail_addresses import is_email_address

MAX_NAME: Final = 254
"""Characters; an e-mail address has room."""
OWN: Final = 0
"""In place of a person's identifier where the account itself signs in."""


class Role(StrEnum):
    """The roles, the widest first. Each includes those below it."""

    OPERATOR = "operator"
    """Runs the gateway."""
    ADMINISTRATOR = "administrator"
    """Manages people, API keys, and the accounts below."""
    MANAGER = "manager"
    """Manages what the account sends with: keywords, opt-outs, URLs of callbacks."""
    SENDER = "sender"
    """Sends and answers messages."""
    VIEWER = "viewer"
    """Reads."""

    def includes(self, other: Role) -> bool:
        """Whether this role is the other one or a wider one."""
        return _RANK[self] <= _RANK[other]


_RANK: Final[Mapping[Role, int]] = MappingProxyType({role: n for n, role in enumerate(Role)})
_VIEWS: Final = frozenset({Permission.INBOX})
_SENDS: Final = _VIEWS | {
    Permission.SEND,
    Permission.ANY_SENDER,
    Permission.PREMIUM,
    Permission.PREMIUM_HIGH,
    Permission.CHARITY,
    Permission.NUMBER_LOOKUP,
}
PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.VIEWER: _VIEWS,
        Role.SENDER: _SENDS,
        Role.MANAGER: _SENDS | {Permission.RECEIVE},
        Role.ADMINISTRATOR: frozenset(Permission) - {Permission.OPERATE},
        Role.OPERATOR: frozenset(Permission),
    }
)
"""What a role leaves of the permissions of the account; it never adds any."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in for an account; times are milliseconds since the Unix epoch."""

    person_id: int
    account_id: int
    name: str
    """What they sign in with, usually an e-mail address; in lower case."""
    role: Role
    enabled: bool
    has_password: bool
    issuer: str | None
    """The OpenID provider that knows them, with its name for them in `subject`."""
    subject: str | None
    invited_until_ms: int | None
    """Until when the link of an invitation is good; None where there is none."""
    created_ms: int
    signed_in_ms: int | None

    @property
    def email(self) -> str:
        """Their e-mail address; empty where the name is none."""
        return self.name if is_email_address(self.name) else ""


class Principal(NamedTuple):
    """Who signs in: an account, itself or by one of its people."""

    account: Account
    person: Person | None

    @property
    def person_id(self) -> int:
        """The person's identifier, `OWN` for the account's own sign-in."""
        return self.person.person_id if self.person is not None else OWN

    @property
    def name(self) -> str:
        """What they sign in with."""
        return self.person.name if self.person is not None else self.account.username


def narrow_to_role(account: Account, role: Role) -> Account:
    """The account with only the permissions that a role leaves it."""
    permissions = account.permissions & PERMISSIONS[role]
    return msgspec.structs.replace(account, permissions=permissions)


def widest_role(account: Account) -> Role:
    """What whoever has the account's own password is."""
    return Role.OPERATOR if account.may(Permission.OPERATE) else Role.ADMINISTRATOR


def read_name(text: str) -> str:
    """A name to sign in with; raises `Refused`."""
    name = text.strip().lower()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        detail = f"1 to {MAX_NAME} printable characters"
        raise Refused(RefusalCode.INVALID_FIELD, "name", detail)
    if not any(map(str.isalpha, name)):  # a number would be in the audit log in full
        raise Refused(RefusalCode.INVALID_FIELD, "name", "needs a letter")
    return name
