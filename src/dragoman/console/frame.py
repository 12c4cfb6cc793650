"""What is around every page: the services, the templates and the navigation."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.console.context import ConsoleContext
from dragoman.console.display import Shortcut, shortcuts_without
from dragoman.console.place import Place
from dragoman.console.rendering import Renderer
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.people import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Built once for all requests."""

    context: ConsoleContext
    renderer: Renderer
    menu: tuple[Place, ...]

    def menu_for(self, account: Account | None, role: Role) -> tuple[Place, ...]:
        """The pages in the navigation of an account; none before it has signed in."""
        if account is None:
            return ()
        return tuple(place for place in self.menu if place.is_open_to(account, role))

    def shortcuts_for(self, account: Account | None, role: Role) -> list[Shortcut]:
        """The keyboard shortcuts of an account, without those to pages that it may not open."""
        if account is None:
            return []
        return shortcuts_without(
            {place.address for place in self.menu if not place.is_open_to(account, role)}
        )
