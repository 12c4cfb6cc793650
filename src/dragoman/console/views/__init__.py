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
    campaigns,
    carriers,
    compose,
    contacts,
    devices,
    inbox,
    keywords,
    live,
    messages,
    new_account,
    overview,
    own_account,
    routes,
    scheduled,
    search,
    senders,
    sign_in,
    templates,
    uploads,
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
    *contacts.PAGES,
    *uploads.PAGES,
    *campaigns.PAGES,
    *templates.PAGES,
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
    *devices.PAGES,
    *own_account.PAGES,
)
