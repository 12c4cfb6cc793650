"""Calls to customers' servers: how they are rendered, made, and what comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec
import structlog

from dragoman.core.callbacks.model.hosts import Tested
from dragoman.core.messages.model.callbacks import (
    CallbackAnswer,
    CallbackCall,
    CallbackFacts,
    EventFacts,
    OwnAnswer,
    TextFacts,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock
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

log = structlog.get_logger(__name__)


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


HandOver = Callable[[NewCallback, Callable[[Called], None]], None]
"""Delivers a callback that needs no rendering, and reports what came of it, never before it
returns."""


def called_of(result: Fetched | FetchError) -> Called:
    """What a request to a customer came to."""
    if isinstance(result, Fetched):
        return Called(
            status=result.status,
            answer=result.body.decode("utf-8", "replace"),
            retry_after=result.headers.get("retry-after", ""),
        )
    return Called(status=None, answer=result.reason, refused=isinstance(result, FetchRefused))


async def make_test_call(
    client: Caller, clock: Clock, render: Render | None, url: str, facts: CallbackFacts
) -> Tested:
    """Makes one call that is not stored, and not repeated; raises `Refused`."""
    if render is None:
        raise Refused(RefusalCode.INVALID_FIELD, "dialect", "this API has no such callbacks")
    try:
        rendered = render(url, facts)
        call = rendered if isinstance(rendered, CallbackCall) else None
        if not isinstance(rendered, CallbackCall | OwnAnswer):
            call = await rendered
    except Exception as error:  # a dialect looks up what a test does not have
        log.warning("test_not_rendered", reason=type(error).__name__)
        call = None
    if call is None:
        raise Refused(RefusalCode.INVALID_FIELD, "dialect", "this API cannot make a test call")
    began = clock.monotonic()
    result: asyncio.Future[Fetched | FetchError] = asyncio.get_running_loop().create_future()

    def on_result(fetched: Fetched | FetchError) -> None:
        if not result.done():
            result.set_result(fetched)

    client.start(call.method, call.url, on_result, headers=call.headers, body=call.body)
    called = called_of(await result)
    took_ms = (clock.monotonic() - began) * 1000
    return Tested(status=called.status, answer=called.answer[:MAX_ANSWER], took_ms=took_ms)
