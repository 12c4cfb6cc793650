"""Traces of messages for OpenTelemetry: a `message`, and in it queue, submit, receipt and callback.

A trace is made from what the live feed tells: a gateway without a collector has no more to do than
without listeners, and one with a slow collector loses traces rather than messages. The identifiers
of a trace and of its outermost span come from the message's own, so a receipt after a restart still
finds its trace. Attributes hold names, states and our own identifiers: never a number, a text, a
URL or a key.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from typing import Final, NoReturn

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from dragoman import __version__
from dragoman.core.messages.feed import Feed, FeedEvent, FeedFilter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import time_of

MAX_UNDER_WAY: Final = 50_000
"""Messages whose last change is remembered; the span after a forgotten one begins when it ends."""
MAX_WAITING: Final = 20_000
"""Changes that wait to become spans."""
LONGEST_SILENCE_S: Final = 60.0
NS_PER_MS: Final = 1_000_000

Attributes = dict[str, str | int]

_ENDS: Final = frozenset(
    {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED}
)
_BEFORE_RECEIPT: Final = frozenset({State.SENT, State.UNKNOWN})


class MessageTraces:
    """Turns state changes and calls to customers into spans."""

    def __init__(self, feed: Feed, exporter: SpanExporter, *, share: float) -> None:
        self._feed = feed
        self._share = share
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            id_generator=self._ids,
            resource=Resource.create({"service.name": "dragoman", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("dragoman", __version__)
        self._changed_ms: OrderedDict[int, int] = OrderedDict()
        """By message, when it entered the state that the next span begins with."""

    async def run(self) -> NoReturn:
        """Traces until it is cancelled, and then hands over what is left."""
        try:
            with self._feed.listen(FeedFilter(), MAX_WAITING) as listener:
                while True:
                    page = await listener.next(LONGEST_SILENCE_S)
                    for event in page.events:
                        self._note(event)
                    # Whoever accepts and sends comes first.
                    await asyncio.sleep(0)
        finally:
            await asyncio.to_thread(self._provider.shutdown)

    def note_callback(self, callback: NewCallback, ended_ms: int, verdict: str) -> None:
        """A call to a customer ended; its span begins with the change that it reports."""
        message_id = callback.message_id
        if not message_id or not self._is_traced(message_id):
            return
        attributes: Attributes = {
            "dragoman.result": verdict,
            "dragoman.attempt": callback.attempts + 1,
        }
        began_ms = time_of(callback.callback_id)
        self._child("callback", message_id, began_ms, ended_ms, attributes, verdict != "delivered")

    def flush(self) -> None:
        """Hands over every span that has ended."""
        self._provider.force_flush()

    def _note(self, event: FeedEvent) -> None:
        message_id, before, state, at_ms = event.message_id, event.before, event.state, event.at_ms
        if not self._is_traced(message_id):
            return
        since_ms = self._changed_ms.pop(message_id, at_ms)
        failed = event.failure is not FailureCode.NONE
        attributes = _attributes(event)
        if state is State.SENDING:
            self._child("queue", message_id, since_ms, at_ms, attributes, False)
        elif before is State.SENDING:
            self._child("submit", message_id, since_ms, at_ms, attributes, failed)
        elif before in _BEFORE_RECEIPT:
            self._child("receipt", message_id, since_ms, at_ms, attributes, failed)
        if state in _ENDS:
            self._whole(message_id, at_ms, attributes, state is not State.DELIVERED)
        else:
            self._changed_ms[message_id] = at_ms
            if len(self._changed_ms) > MAX_UNDER_WAY:
                self._changed_ms.popitem(last=False)

    def _is_traced(self, message_id: int) -> bool:
        return self._share >= 1 or _span_id(message_id) < self._share * (1 << 64)

    def _child(
        self,
        name: str,
        message_id: int,
        began_ms: int,
        ended_ms: int,
        attributes: Attributes,
        failed: bool,
    ) -> None:
        parent = trace.NonRecordingSpan(
            trace.SpanContext(
                _trace_id(message_id),
                _span_id(message_id),
                is_remote=False,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
        )
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(parent),
            start_time=min(began_ms, ended_ms) * NS_PER_MS,
            attributes={"dragoman.message_id": str(message_id), **attributes},
        )
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended_ms * NS_PER_MS)

    def _whole(self, message_id: int, ended_ms: int, attributes: Attributes, failed: bool) -> None:
        self._ids.next_root = message_id
        span = self._tracer.start_span(
            "message",
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            start_time=min(time_of(message_id), ended_ms) * NS_PER_MS,
            attributes={"dragoman.message_id": str(message_id), **attributes},
        )
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended_ms * NS_PER_MS)


class _Ids(IdGenerator):
    """Random identifiers, but for the outermost span of `next_root`, a message's."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next_root: int | None = None

    def generate_trace_id(self) -> int:
        """Asked for an outermost span, before its own identifier."""
        return (
            self._random.generate_trace_id()
            if self.next_root is None
            else _trace_id(self.next_root)
        )

    def generate_span_id(self) -> int:
        """Asked for every span."""
        message_id, self.next_root = self.next_root, None
        return self._random.generate_span_id() if message_id is None else _span_id(message_id)


def _attributes(event: FeedEvent) -> Attributes:
    attributes: Attributes = {
        "dragoman.account_id": str(event.account_id),
        "dragoman.dialect": event.dialect,
        "dragoman.route": event.route,
        "dragoman.parts": event.parts,
        "dragoman.state": event.state.name.lower(),
    }
    if event.carrier:
        attributes["dragoman.carrier"] = event.carrier
    if event.failure is not FailureCode.NONE:
        attributes["dragoman.failure"] = event.failure.value
    return attributes


def _digest(message_id: int, size: int) -> int:
    return int.from_bytes(blake2b(message_id.to_bytes(8), digest_size=size).digest())


def _trace_id(message_id: int) -> int:
    return _digest(message_id, 16) or 1


def _span_id(message_id: int) -> int:
    return _digest(message_id, 8) or 1
