"""Callbacks of a development gateway, handed to a developer's machine while one listens.

A listener fetches the calls that are due, makes them to an address of its own, and reports the
response; to the gateway that is the customer's response, so retries and receipts work as usual.
Without a listener, calls go to their own URLs.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.core.callbacks.worker import Caller
from dragoman.web.outgoing import Fetched, FetchError, FetchFailed

ANSWER_WITHIN_S: Final = 30.0
LEASE_S: Final = 5.0
"""A listener that has not polled within this time is gone."""
MAX_PAGE: Final = 50
MAX_ANSWER_BYTES: Final = 64 * 1024

OnOutcome = Callable[[Fetched | FetchError], None]


class ForwardedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call to be made on the developer's machine."""

    call_id: int
    method: str
    url: str
    """The customer's."""
    target: str
    """Path and query of the URL, to be put behind another origin."""
    headers: tuple[tuple[str, str], ...]
    body: str
    """Base64."""


class CallbackForwarding:
    """Stands between the callback worker and its client."""

    def __init__(self, client: Caller) -> None:
        """`client` makes the calls while there is no listener."""
        self._client = client
        self._number = count(1)
        self._due: deque[ForwardedCall] = deque()
        self._awaited: dict[int, tuple[OnOutcome, asyncio.TimerHandle]] = {}
        self._listening_until = 0.0
        self._polls = 0
        self._awake = asyncio.Event()
        self._closed = False

    @property
    def listening(self) -> bool:
        """Whether calls are forwarded now."""
        now = asyncio.get_running_loop().time()
        return not self._closed and (self._polls > 0 or now < self._listening_until)

    def start(
        self,
        method: str,
        url: str,
        on_outcome: OnOutcome,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Makes a call, here or there; `on_outcome` gets its result, never before this returns."""
        if not self.listening:
            self._client.start(method, url, on_outcome, headers=headers, body=body)
            return
        parts = urlsplit(url)
        call = ForwardedCall(
            call_id=next(self._number),
            method=method,
            url=url,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=tuple(headers),
            body=b64encode(body).decode(),
        )
        loop = asyncio.get_running_loop()
        timer = loop.call_later(ANSWER_WITHIN_S, self._give_up, call.call_id)
        self._awaited[call.call_id] = (on_outcome, timer)
        self._due.append(call)
        self._awake.set()

    async def take(self, wait_s: float) -> list[ForwardedCall]:
        """The calls that are due; if there is none, waits up to `wait_s` for one."""
        self._polls += 1
        try:
            if not self._due and not self._closed:
                self._awake.clear()
                try:
                    async with asyncio.timeout(wait_s):
                        await self._awake.wait()
                except TimeoutError:
                    pass
            taken = [self._due.popleft() for _ in range(min(len(self._due), MAX_PAGE))]
            return [call for call in taken if call.call_id in self._awaited]
        finally:
            self._polls -= 1
            self._stay()

    def answer(self, call_id: int, status: int | None, body: bytes, reason: str = "") -> bool:
        """Takes the outcome of a call, a status or a reason; whether it was awaited."""
        self._stay()
        on_outcome = self._end(call_id)
        if on_outcome is None:
            return False
        if status is None:
            on_outcome(FetchFailed(reason or "the developer's machine did not answer"))
        else:
            on_outcome(Fetched(status, {}, body[:MAX_ANSWER_BYTES]))
        return True

    def close(self) -> None:
        """Ends every poll; awaited calls fail, to be retried from their rows."""
        self._closed = True
        self._awake.set()
        for call_id in list(self._awaited):
            self._give_up(call_id)

    def _stay(self) -> None:
        self._listening_until = asyncio.get_running_loop().time() + LEASE_S

    def _give_up(self, call_id: int) -> None:
        on_outcome = self._end(call_id)
        if on_outcome is not None:
            on_outcome(FetchFailed("the developer's machine did not answer in time"))

    def _end(self, call_id: int) -> OnOutcome | None:
        entry = self._awaited.pop(call_id, None)
        if entry is None:
            return None
        on_outcome, timer = entry
        timer.cancel()
        return on_outcome
