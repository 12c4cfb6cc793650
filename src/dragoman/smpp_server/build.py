"""The SMPP server of a gateway, and the worker that delivers to its binds."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.worker import CallbackWorker
from dragoman.core.messages.model.callbacks import BINDS
from dragoman.smpp_server.server import SmppServer

BIND_RETRY_S = 60.0
"""Wait after a customer's program refused a receipt or text for now."""
BIND_CONCURRENCY = 100_000
"""Deliveries to binds at the same time, in all: the windows of the binds limit them."""
BIND_DELIVERIES = 256
"""Deliveries of one account at the same time, beyond what its binds take at once."""


def build_smpp_server(services: Services) -> tuple[SmppServer, CallbackWorker]:
    """The server, and the worker for what is delivered to binds: callbacks without HTTP."""
    settings = services.settings.smpp_server
    server = SmppServer(services)
    worker = CallbackWorker(
        storage=services.storage,
        deliver=server.binds.deliver,
        schedule=RetrySchedule(
            first_s=BIND_RETRY_S,
            longest_s=services.settings.callbacks.max_retry_s,
            give_up_after_s=settings.keep_s,
            max_retry_after_s=0.0,
        ),
        concurrency=BIND_CONCURRENCY,
        per_lane=BIND_DELIVERIES,
        clock=services.clock,
        metrics=services.metrics,
        serves=lambda origin: origin.startswith(BINDS),
        reachable=server.binds.reachable,
        most_kept=settings.keep_most,
    )
    services.callback_stored.subscribe(worker.announce)
    worker.follow(services.callback_lists)
    server.receiver_bound.subscribe(worker.receiver_found)
    return server, worker
