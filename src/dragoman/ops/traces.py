"""Switches on traces of messages where a collector is configured; without one nothing is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dragoman.config.errors import ConfigError, Mistake
from dragoman.config.sections import Traces
from dragoman.core.messages.feed import Feed

if TYPE_CHECKING:
    from dragoman.ops.message_traces import MessageTraces

EXPORT_TIMEOUT_S: Final = 5
"""For one call to the collector; a gateway that stops waits no longer for it."""


def build_traces(settings: Traces, feed: Feed) -> MessageTraces | None:
    """What traces messages; None where no collector is configured.

    Raises ConfigError if one is, and the packages of `dragoman[otel]` are not there.
    """
    if settings.endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from dragoman.ops.message_traces import MessageTraces
    except ImportError:
        reason = "needs further packages: pip install 'dragoman[otel]'"
        raise ConfigError("configuration", [Mistake("traces.endpoint", reason)]) from None
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=EXPORT_TIMEOUT_S)
    return MessageTraces(feed, exporter, share=settings.share)
