"""The terms of calls to customers: how they are rendered, made, and what comes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec

from dragoman.core.messages.model.callbacks import (
    CallbackAnswer,
    CallbackCall,
    CallbackFacts,
    EventFacts,
    OwnAnswer,
    TextFacts,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.web.outgoing import Fetched, FetchError, FetchRefused

MAX_ANSWER = 500

Rendered = CallbackCall | OwnAnswer | Awaitable[CallbackCall]
Render = Callable[[str, CallbackFacts], Rendered]
"""Makes the request from the customer's URL and the facts."""
RenderText = Callable[[str, TextFacts], Rendered]
"""Makes the request that sends an inbound text on."""
RenderEvent = Callable[[str, EventFacts], Rendered]
"""Makes the request that notifies a webhook of an event."""
TakeAnswer = Callable[[CallbackAnswer], Awaitable[bool]]
"""Does what the answer to the call about a text asks for, before the call counts as made, so that
nothing of it is lost; whether another call was stored in its place.

It may come twice, if the process dies after it. Where it raises, the call is repeated later.
"""


class Caller(Protocol):
    """Makes HTTP calls."""

    def start(
        self,
        method: str,
        url: str,
        on_result: Callable[[Fetched | FetchError], None],
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Makes a call and reports its outcome, never before this returns."""
        ...


class Called(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The outcome of a call."""

    status: int | None
    """None where there was no answer."""
    answer: str
    retry_after: str = ""
    refused: bool = False
    """Whether the URL may not be called at all."""
    ours: bool = False
    """Whether it was not even tried, for a reason that is not the customer's."""
    passed_on: bool = False
    """Whether another callback was stored in its place, which is tried instead of this one."""


OnCalled = Callable[[Called], None]
Deliver = Callable[[NewCallback, OnCalled], None]
"""Delivers a callback, and reports what came of it, never before it returns."""


def called_of(result: Fetched | FetchError) -> Called:
    """What a request to a customer came to."""
    if isinstance(result, Fetched):
        return Called(
            status=result.status,
            answer=result.body.decode("utf-8", "replace"),
            retry_after=result.headers.get("retry-after", ""),
        )
    return Called(status=None, answer=result.reason, refused=isinstance(result, FetchRefused))
