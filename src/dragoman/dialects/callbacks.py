"""The calls to customers' URLs, as the enabled dialects make them, and the worker behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dragoman.container import Services
from dragoman.core.callbacks.calling import Caller
from dragoman.core.callbacks.http_calls import HttpCalls
from dragoman.core.callbacks.rendering import Renderers
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.worker import CallbackWorker
from dragoman.core.inbound.model.auto_answers import ANSWERS
from dragoman.core.messages.model.callbacks import (
    BINDS,
    renderer_of_events,
    renderer_of_texts,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.dialects.contract import ProviderDialect


def build_http_calls(
    services: Services, dialects: Sequence[ProviderDialect], client: Caller
) -> HttpCalls:
    """What calls customers' URLs, each call as its dialect makes it."""
    answering = services.answering
    return HttpCalls(
        client=client,
        renderers=Renderers(
            states={d.name: d.render_callback for d in dialects if d.render_callback},
            texts={renderer_of_texts(d.name): d.render_text for d in dialects if d.render_text}
            | {renderer_of_texts(ANSWERS): answering.render},
            events={renderer_of_events(d.name): d.render_event for d in dialects if d.render_event},
        ),
        answer_takers={
            renderer(d.name): d.take_answer
            for d in dialects
            if d.take_answer
            for renderer in (renderer_of_texts, renderer_of_events)
        }
        | {renderer_of_texts(ANSWERS): answering.take},
        clock=services.clock,
    )


def build_callback_worker(
    services: Services,
    calls: HttpCalls,
    *,
    on_called: Callable[[NewCallback, int, str], None] | None,
) -> CallbackWorker:
    """The worker, which hears of each callback that is stored."""
    callbacks = services.settings.callbacks
    worker = CallbackWorker(
        storage=services.storage,
        deliver=calls.deliver,
        schedule=RetrySchedule(
            first_s=callbacks.first_retry_s,
            longest_s=callbacks.max_retry_s,
            give_up_after_s=callbacks.give_up_after_s,
            max_retry_after_s=callbacks.max_retry_after_s,
        ),
        concurrency=callbacks.concurrency,
        per_lane=callbacks.per_host,
        clock=services.clock,
        metrics=services.metrics,
        serves=lambda origin: not origin.startswith(BINDS),
        on_called=on_called,
    )
    services.callback_stored.subscribe(worker.announce)
    worker.follow(services.callback_lists)
    return worker
