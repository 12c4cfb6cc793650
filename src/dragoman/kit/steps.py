"""The steps of a stop, each in its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def step(name: str, deadline: float) -> AsyncIterator[None]:
    """Gives a step of a stop its time; one that fails, or takes longer, does not keep the next."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        log.warning("stop_cut_short", step=name)
    except Exception as error:
        log.error("stop_step_failed", step=name, reason=type(error).__name__)
