"""What the house and a dialect expect of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dragoman.config.sections import Dialects
from dragoman.domain.callbacks import CallbackCall, CallbackFacts
from dragoman.mail.contract import Mailbox
from dragoman.services.accounts import Accounts
from dragoman.services.batches import Batches
from dragoman.services.meters import Meters
from dragoman.services.queries import Queries
from dragoman.services.submission import SubmissionService
from dragoman.web.operations import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a dialect may use."""

    settings: Dialects
    accounts: Accounts
    submission: SubmissionService
    batches: Batches
    queries: Queries
    meters: Meters


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDialect:
    """A provider's API, complete: the calls it answers and the calls it makes."""

    name: str
    web: Dialect
    render_callback: Callable[[str, CallbackFacts], CallbackCall]
    """Makes the request to a customer's URL; only asked for dialects that submit with one."""
    mailbox: Mailbox | None = None
    """Where the dialect takes messages by mail."""
