"""Files from customers' URLs, fetched by the guarded client within limits of size and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dragoman.core.messages.model.attachments import Download, DownloadFailed
from dragoman.web.client_address import Network
from dragoman.web.outgoing import FetchError, GuardedClient

CONNECTIONS: Final = 8
CONNECTIONS_PER_HOST: Final = 4
"""Few: each may hold a whole file in memory."""
_OK: Final = 200


@dataclass(slots=True, kw_only=True)
class Downloader:
    """Fetches files; opens its client for the first one."""

    version: str
    allow: Sequence[Network]
    max_bytes: int
    timeout_s: float
    _client: GuardedClient | None = field(default=None, init=False)

    async def fetch(self, url: str) -> Download:
        """The file at a URL; raises `DownloadFailed`. Redirects are not followed."""
        if self._client is None:
            self._client = GuardedClient(
                version=self.version,
                allow=self.allow,
                timeout_s=self.timeout_s,
                answer_limit_bytes=self.max_bytes + 1,
                connections=CONNECTIONS,
                connections_per_host=CONNECTIONS_PER_HOST,
            )
        try:
            answer = await self._client.request("GET", url)
        except FetchError as error:
            raise DownloadFailed(error.reason) from None
        if answer.status != _OK:
            raise DownloadFailed(f"answered {answer.status}")
        if len(answer.body) > self.max_bytes:
            raise DownloadFailed(f"larger than {self.max_bytes} bytes")
        return Download(content_type=answer.headers.get("content-type", ""), content=answer.body)

    async def close(self) -> None:
        """Closes every connection."""
        if self._client is not None:
            await self._client.close()
