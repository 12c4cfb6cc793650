"""What a dialect offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    TextFacts,
)
from dragoman.mail.contract import Mailbox
from dragoman.web.operations import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDialect:
    """A provider's API, complete: the calls it answers and the calls it makes."""

    name: str
    web: Dialect
    render_callback: Callable[[str, CallbackFacts], CallbackCall]
    """Makes the request to a customer's URL; only asked for dialects that submit with one."""
    render_text: Callable[[str, TextFacts], CallbackCall] | None = None
    """Makes the request that sends an inbound text on; None where the API knows none."""
    render_event: Callable[[str, EventFacts], CallbackCall] | None = None
    """Makes the request that tells a webhook of an event; None where the API knows none."""
    mailbox: Mailbox | None = None
    """Where the dialect takes messages by mail."""
