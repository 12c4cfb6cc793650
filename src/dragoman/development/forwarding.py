"""Callbacks of a development gateway, handed to a developer's machine while one listens.

Whoever listens fetches the calls that are due, makes them where it likes, and tells what was
answered; to the gateway that is the customer's answer, so retries and reports work as ever. Nobody
listening, calls go to the URLs they are for.
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
"""Who has not asked for so long listens no more."""
MAX_PAGE: Final = 50
MAX_ANSWER_BYTES: Final = 4096

Told = Callable[[Fetched | FetchError], None]


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
        """`client` makes the calls while nobody listens."""
        self._client = client
        self._number = count(1)
        self._due: deque[ForwardedCall] = deque()
        self._told: dict[int, tuple[Told, asyncio.TimerHandle]] = {}
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
        told: Told,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Makes a call, here or there; `told` gets its outcome, never before this returns."""
        if not self.listening:
            self._client.start(method, url, told, headers=headers, body=body)
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
        self._told[call.call_id] = (told, timer)
        self._due.append(call)
        self._awake.set()

    async def take(self, wait_s: float) -> list[ForwardedCall]:
        """The calls that are due; where there is none, waits for one, but no longer."""
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
            return [call for call in taken if call.call_id in self._told]
        finally:
            self._polls -= 1
            self._stay()

    def answer(self, call_id: int, status: int | None, body: bytes, reason: str = "") -> bool:
        """What came of a call; with a status of None, why nothing did. Whether it was awaited."""
        self._stay()
        told = self._end(call_id)
        if told is None:
            return False
        if status is None:
            told(FetchFailed(reason or "the developer's machine did not answer"))
        else:
            told(Fetched(status, {}, body[:MAX_ANSWER_BYTES]))
        return True

    def close(self) -> None:
        """Ends every poll; what is awaited fails and waits in its row."""
        self._closed = True
        self._awake.set()
        for call_id in list(self._told):
            self._give_up(call_id)

    def _stay(self) -> None:
        self._listening_until = asyncio.get_running_loop().time() + LEASE_S

    def _give_up(self, call_id: int) -> None:
        told = self._end(call_id)
        if told is not None:
            told(FetchFailed("the developer's machine did not answer in time"))

    def _end(self, call_id: int) -> Told | None:
        entry = self._told.pop(call_id, None)
        if entry is None:
            return None
        told, timer = entry
        timer.cancel()
        return told
