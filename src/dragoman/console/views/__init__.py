"""The pages, one module a noun; the navigation has them in this order."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.views import (
    account_deletion,
    account_details,
    accounts,
    binds,
    callbacks,
    carriers,
    compose,
    devices,
    inbox,
    keywords,
    live,
    messages,
    new_account,
    overview,
    own_account,
    prices,
    routes,
    scheduled,
    search,
    senders,
    sign_in,
)

PAGES: Final[tuple[Page, ...]] = (
    *sign_in.PAGES,
    *overview.PAGES,
    *search.PAGES,
    *messages.PAGES,
    *scheduled.PAGES,
    *live.PAGES,
    *compose.PAGES,
    *inbox.PAGES,
    *callbacks.PAGES,
    *keywords.PAGES,
    *accounts.PAGES,
    *account_details.PAGES,
    *new_account.PAGES,
    *account_deletion.PAGES,
    *senders.PAGES,
    *carriers.PAGES,
    *binds.PAGES,
    *routes.PAGES,
    *prices.PAGES,
    *devices.PAGES,
    *own_account.PAGES,
)
