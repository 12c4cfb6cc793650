"""Where a page of the console is, and who may see it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Final

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import Role

PREFIX: Final = "/console"


@dataclass(frozen=True, slots=True)
class Place:
    """A page without its views: all that a request to it has to know."""

    path: str
    """Below `/console`, as a path template (`/messages/{message_id:int}`)."""
    title: str
    _: KW_ONLY
    needs: Permission | None = None
    """The permission it needs; None for everyone who is signed in."""
    least: Role = Role.VIEWER
    """The least role of a person that it opens for. The account's own sign-in has them all."""
    acts: Role = Role.VIEWER
    """The least role of a person that may send its forms."""
    menu: str = ""
    """Its name in the navigation; empty for a page that is not there."""
    section: str = ""
    """The name in the navigation that it belongs to, where it has none of its own."""
    public: bool = False
    """Whether it opens without signing in."""

    background: bool = False
    """Whether scripts request it on their own, which does not keep a session alive."""

    @property
    def address(self) -> str:
        """Its path template from the root."""
        return f"{PREFIX}{self.path}"

    def is_open_to(self, account: Account, role: Role) -> bool:
        """Whether an account, in a role, may use it."""
        return role.includes(self.least) and (self.needs is None or account.may(self.needs))
