"""Traces of messages: what a collector is told of a message on its way over real SMPP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from dragoman.config.errors import ConfigError
from dragoman.config.sections import Traces
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import NewCallback
from dragoman.kit.ids import time_of
from dragoman.ops.message_traces import MessageTraces
from dragoman.ops.traces import build_traces
from dragoman.protocols.smpp.constants import MessageState
from dragoman.testkit.simulator import Behaviour


def callback_of(message_id: int, *, attempts: int = 0) -> NewCallback:
    return NewCallback(
        callback_id=message_id + 1,
        account_id=1,
        message_id=message_id,
        dialect="test",
        origin="https://customer.example",
        url="https://customer.example/secret-path",
        payload="{}",
        due_ms=0,
        attempts=attempts,
    )


async def traced(harness: Any, state: State, *, share: float = 1.0) -> tuple[Any, list[Any]]:
    """Sends one message and has its customer called; the message and the spans told of it."""
    exporter = InMemorySpanExporter()
    traces = MessageTraces(harness.feed, exporter, share=share)
    tracing = asyncio.create_task(traces.run())
    account = await harness.account()
    async with asyncio.timeout(60):
        await asyncio.sleep(0)
        assert harness.feed.listeners
        await harness.submit(account)
        await harness.until_states(account, state)
        message = (await harness.outbox(account))[0]
        traces.note_callback(callback_of(message.message_id), time_of(message.message_id), "retry")
        while share == 1 and not any(s.name == "message" for s in exporter.get_finished_spans()):
            await asyncio.to_thread(traces.flush)
    tracing.cancel()
    await asyncio.gather(tracing, return_exceptions=True)
    return message, list(exporter.get_finished_spans())


async def test_a_message_is_one_trace(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    message, spans = await traced(harness, State.DELIVERED)
    by_name = {span.name: span for span in spans}
    assert sorted(by_name) == ["callback", "message", "queue", "receipt", "submit"]
    whole = by_name.pop("message")
    assert whole.parent is None
    assert whole.start_time == time_of(message.message_id) * 1_000_000
    assert whole.status.status_code is StatusCode.UNSET
    for span in by_name.values():
        assert span.context.trace_id == whole.context.trace_id
        assert span.parent.span_id == whole.context.span_id
        assert span.start_time <= span.end_time <= whole.end_time
    assert by_name["submit"].attributes["dragoman.carrier"] == "smsc"
    assert by_name["submit"].start_time == by_name["queue"].end_time
    assert by_name["receipt"].start_time == by_name["submit"].end_time
    assert by_name["callback"].attributes["dragoman.result"] == "retry"
    assert by_name["callback"].status.status_code is StatusCode.ERROR


async def test_a_message_that_fails_is_an_error_and_says_why(
    make_harness: Any, simulator: Any
) -> None:
    simulator.behave("45", Behaviour(state=MessageState.UNDELIVERABLE, error="001"))
    harness = await make_harness(carriers={"smsc": simulator.port})
    _, spans = await traced(harness, State.UNDELIVERED)
    (whole,) = (span for span in spans if span.name == "message")
    assert whole.status.status_code is StatusCode.ERROR
    assert whole.attributes["dragoman.state"] == "undelivered"
    assert whole.attributes["dragoman.failure"]


async def test_spans_hold_no_number_text_or_url(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    message, spans = await traced(harness, State.DELIVERED)
    told = "".join(span.to_json() for span in spans)
    assert "dragoman.route" in told
    for secret in (message.recipient, message.sender, message.text, "customer.example"):
        assert secret
        assert secret not in told.replace("dragoman.", "")


async def test_what_is_not_sampled_is_not_told(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    _, spans = await traced(harness, State.DELIVERED, share=1e-18)
    assert spans == []


def test_nothing_listens_where_no_collector_is_configured() -> None:
    feed = Feed()
    assert build_traces(Traces(), feed) is None
    assert feed.listeners == ()


def test_a_collector_without_the_packages_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )
    with pytest.raises(ConfigError, match=r"dragoman\[otel\]"):
        build_traces(Traces(endpoint="http://127.0.0.1:4318/v1/traces"), Feed())
