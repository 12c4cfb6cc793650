"""What a dialect offers."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.callbacks.worker import ReadAnswer, Render, RenderEvent, RenderText
from dragoman.mail.contract import Mailbox
from dragoman.web.operations import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDialect:
    """A provider's API, complete: the calls it answers and the calls it makes."""

    name: str
    web: Dialect
    render_callback: Render | None = None
    """Makes the request to a customer's URL; None if submissions have no such URL."""
    render_text: RenderText | None = None
    """Makes the request that forwards an inbound text; None if the API has none."""
    read_answer: ReadAnswer | None = None
    """Reads how a customer's server answers to an inbound text; None if that says nothing."""
    render_event: RenderEvent | None = None
    """Makes the request that notifies a webhook of an event; None if the API has none."""
    mailbox: Mailbox | None = None
    """Where the dialect takes messages by mail."""
