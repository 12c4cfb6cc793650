"""The pages, one module a noun; the navigation has them in this order."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.views import (
    accounts,
    compose,
    inbox,
    messages,
    overview,
    own_account,
    sign_in,
)

PAGES: Final[tuple[Page, ...]] = (
    *sign_in.PAGES,
    *overview.PAGES,
    *messages.PAGES,
    *compose.PAGES,
    *inbox.PAGES,
    *accounts.PAGES,
    *own_account.PAGES,
)
