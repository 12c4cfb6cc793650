"""Work that is repeated at intervals for as long as a gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)


async def repeat(every_s: float, work: Callable[[], Awaitable[object]], failure: str) -> NoReturn:
    """Runs `work` at intervals until cancelled; logs as `failure` what it raises, and goes on."""
    while True:
        try:
            await work()
        except Exception as error:
            log.error(failure, reason=type(error).__name__)
        await asyncio.sleep(every_s)
