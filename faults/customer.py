"""A customer's program: it sends, and enters what was accepted in the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from faults.gateway import KEY
from faults.ledger import Ledger

RECIPIENT = "+4512345678"


class Customer:
    """Sends over LINK's API; each message is known by its text."""

    def __init__(self, url: str, ledger: Ledger, *, key: str = KEY) -> None:
        self._url = f"{url}/v2/message.json?apikey={key}"
        self._ledger = ledger
        self._texts = itertools.count(1)
        self.answers: dict[int, int] = {}
        """How many answers there were of each status; 0 is none."""
        self.batches: dict[str, int] = {}
        """The batch that each accepted text was answered with."""
        self.sent_at: dict[str, float] = {}
        self.accepted_at: dict[str, float] = {}

    def next_text(self, name: str) -> str:
        return f"{name} {next(self._texts):06d}"

    async def send(
        self, session: aiohttp.ClientSession, text: str, recipient: str = RECIPIENT, **fields: Any
    ) -> int:
        """Sends a text; the status of the answer, 0 without one."""
        message = {"recipients": recipient, "sender": "FAULTS", "message": text, **fields}
        self.sent_at[text] = time.monotonic()
        status = 0
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with session.post(self._url, json={"message": message}) as answer:
                body = await answer.read()
                status = answer.status
                if status == 201:
                    batch = (await answer.json())["details"]["batchid"] if body else 0
                    self._accept(text, int(batch))
        self.answers[status] = self.answers.get(status, 0) + 1
        return status

    def _accept(self, text: str, batch: int) -> None:
        self._ledger.accept(text)
        self.batches[text] = batch
        self.accepted_at[text] = time.monotonic()

    async def send_many(
        self, name: str, count: int, *, at_once: int = 16, **fields: Any
    ) -> list[int]:
        """Sends so many, so many at a time; the statuses."""
        statuses: list[int] = []
        left = itertools.count()

        async def work(session: aiohttp.ClientSession) -> None:
            while next(left) < count:
                statuses.append(await self.send(session, self.next_text(name), **fields))

        async with new_session() as session:
            await asyncio.gather(*(work(session) for _ in range(min(at_once, count))))
        return statuses

    async def send_to_many(self, name: str, count: int, **fields: Any) -> None:
        """Sends so many, each to a number of its own."""
        async with new_session() as session:
            for number in range(count):
                recipient = f"+4520{number:06d}"
                await self.send(session, self.next_text(name), recipient, **fields)

    async def send_paced(self, name: str, rate: float, seconds: float, **fields: Any) -> None:
        """Sends at a rate whatever the answers do."""
        started = time.monotonic()
        tasks = []
        async with new_session() as session:
            for number in range(round(rate * seconds)):
                wait_s = started + number / rate - time.monotonic()
                await asyncio.sleep(max(0.0, wait_s))
                sending = self.send(session, self.next_text(name), **fields)
                tasks.append(asyncio.create_task(sending))
            await asyncio.gather(*tasks)

    @contextlib.asynccontextmanager
    async def load(
        self, name: str, clients: int = 16, *, pause_s: float = 0.0, **fields: Any
    ) -> AsyncIterator[None]:
        """Keeps so many requests in flight for as long as the block lasts.

        Each client waits for `pause_s` after an answer.
        """

        async def work(session: aiohttp.ClientSession) -> None:
            while True:
                status = await self.send(session, self.next_text(name), **fields)
                if status != 201 or pause_s:
                    await asyncio.sleep(pause_s or 0.02)

        async with new_session() as session:
            tasks = [asyncio.create_task(work(session)) for _ in range(clients)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=30), connector=aiohttp.TCPConnector(limit=0)
    )
