"""What a dialect offers."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.callbacks.worker import Render, RenderEvent, RenderText, TakeAnswer
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
    render_event: RenderEvent | None = None
    """Makes the request that notifies a webhook of an event; None if the API has none."""
    take_answer: TakeAnswer | None = None
    """Does what an answer to the call about a text asks for; None if that is but a status."""
    mailbox: Mailbox | None = None
    """Where the dialect takes messages by mail."""
