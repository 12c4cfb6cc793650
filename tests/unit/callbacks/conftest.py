"""Workers with short waits, and customers' servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.passing_time import MovableClock
from tests.unit.callbacks.telling import Customer, Teller, render

from dragoman.core.callbacks import lanes as lanes_module
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.storage import persistence as persistence_module


@pytest.fixture
async def make_teller(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, until: Any
) -> AsyncIterator[Any]:
    """Returns a maker of started workers over one file, with short waits."""
    monkeypatch.setattr(worker_module, "POLL_S", 0.01)
    for module in (worker_module, lanes_module):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(lanes_module, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(persistence_module, "RETRY_S", 0.02)
    made: list[Teller] = []

    async def make(
        per_lane: int = 4,
        concurrency: int = 256,
        renderers: Any = None,
        clock: MovableClock | None = None,
        **schedule: float,
    ) -> Teller:
        teller = Teller(sqlite_url, until, clock)
        made.append(teller)
        times = {
            "first_s": 0.05, "longest_s": 0.1, "give_up_after_s": 60.0, "max_retry_after_s": 60.0,
            **schedule,
        }  # fmt: skip
        await teller.start(
            RetrySchedule(**times), per_lane, concurrency, renderers or {"test": render}
        )
        return teller

    yield make
    for teller in made:
        await teller.stop()


@pytest.fixture
async def make_customer() -> AsyncIterator[Any]:
    made: list[Customer] = []

    async def make() -> Customer:
        customer = Customer()
        await customer.start()
        made.append(customer)
        return customer

    yield make
    for customer in made:
        await customer.stop()
