"""A page of the console: where it is, who may see it, and the views that answer for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Final

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.web.responses import Response

if TYPE_CHECKING:
    from dragoman.console.page_request import PageRequest

PREFIX: Final = "/console"
FORM_LIMIT_BYTES: Final = 256 * 1024

View = Callable[["PageRequest"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `show` answers GET, `act` a form that was sent to it."""

    path: str
    """Below `/console`, as a path template (`/messages/{message_id:int}`)."""
    title: str
    _: KW_ONLY
    show: View | None = None
    act: View | None = None
    needs: Permission | None = None
    """The permission it needs; None for everyone who is signed in."""
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

    def is_open_to(self, account: Account) -> bool:
        """Whether an account may use it."""
        return self.needs is None or account.may(self.needs)
