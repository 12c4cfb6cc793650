"""Requests, refusals and repeats: what every call has in common."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from enum import Enum, auto
from types import TracebackType
from typing import Any, Final, Self

import httpx

TIMEOUT_S = 30.0
PAUSES_S = (0.2, 1.0, 3.0)
"""Before each repeat of a request that may be repeated."""
UNAVAILABLE = 503


class Unset(Enum):
    """What an argument is that was not given; None is sent as null."""

    UNSET = auto()


UNSET: Final = Unset.UNSET


class Problem(Exception):
    """A refusal, as the gateway words it (RFC 9457)."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.type = str(body.get("type", "about:blank"))
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.field = str(body.get("field", ""))
        about = ": ".join(filter(None, (self.field, self.detail)))
        super().__init__(f"{status} {self.title}" + (f" ({about})" if about else ""))


class Call:
    """One request: without the arguments that were not given, and with a key if it sends."""

    def __init__(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None,
        body: dict[str, Any] | None,
        key: str | None,
        *,
        sends: bool,
    ) -> None:
        headers = {"idempotency-key": key or str(uuid.uuid4())} if sends else {}
        self.arguments: dict[str, Any] = {
            "method": method,
            "url": path,
            "headers": headers,
            "params": {k: v for k, v in (query or {}).items() if v is not None},
        }
        if body is not None:
            self.arguments["json"] = {k: v for k, v in body.items() if v is not UNSET}
        self.repeatable = sends or method in ("GET", "PUT", "DELETE")

    def pauses(self) -> Iterator[float | None]:
        """How long to wait before each further try; None says that there is none."""
        if self.repeatable:
            yield from PAUSES_S
        yield None


def read(response: httpx.Response) -> Any:
    """The answer; raises `Problem`."""
    if response.is_success:
        return response.json() if response.content else None
    try:
        body = response.json()
    except ValueError:
        body = {}
    raise Problem(response.status_code, body if isinstance(body, dict) else {})


class SyncTransport:
    """Makes calls and waits for them."""

    def __init__(
        self, url: str, key: str, *, timeout: float = TIMEOUT_S, client: httpx.Client | None = None
    ) -> None:
        self._client = client or httpx.Client(timeout=timeout)
        self._client.base_url = httpx.URL(url)
        self._client.headers["authorization"] = f"Bearer {key}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def _call(self, call: Call) -> Any:
        for pause_s in call.pauses():
            try:
                response = self._client.request(**call.arguments)
                if response.status_code != UNAVAILABLE or pause_s is None:
                    return read(response)
            except httpx.TransportError:
                if pause_s is None:
                    raise
            time.sleep(pause_s)
        raise AssertionError("unreachable")


class AsyncTransport:
    """Makes calls in asyncio."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT_S,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._client = client or httpx.AsyncClient(timeout=timeout)
        self._client.base_url = httpx.URL(url)
        self._client.headers["authorization"] = f"Bearer {key}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def _call(self, call: Call) -> Any:
        for pause_s in call.pauses():
            try:
                response = await self._client.request(**call.arguments)
                if response.status_code != UNAVAILABLE or pause_s is None:
                    return read(response)
            except httpx.TransportError:
                if pause_s is None:
                    raise
            await asyncio.sleep(pause_s)
        raise AssertionError("unreachable")
