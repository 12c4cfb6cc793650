"""A session at a provider that wants one: opened when it is needed, and again when it has ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.connectors.http.requests import RequestRenderer
from dragoman.connectors.http.templates import NO_MESSAGE, Filling
from dragoman.web.outgoing import Fetched, FetchError, GuardedClient

_SUCCESS: Final = range(200, 300)


class Session:
    """What a login gave, for the requests that follow it."""

    def __init__(self, request: RequestRenderer, pattern: re.Pattern[str]) -> None:
        self._request = request
        self._pattern = pattern
        self.values: Mapping[str, str] = {}
        """The groups of the login's answer; empty while there is no session."""
        self._opening = False
        self._proven = False

    def open(
        self,
        client: GuardedClient,
        now_ms: Callable[[], int],
        opened: Callable[[FetchError | Fetched | None], None],
    ) -> None:
        """Logs in, unless that is under way; `opened` gets what was wrong, or None."""
        if self._opening:
            return
        self._opening = True
        filling = Filling(NO_MESSAGE, ref="", status_url="", now_ms=now_ms, fixed={})
        request = self._request.render(filling)

        def answered(result: Fetched | FetchError) -> None:
            self._opening = False
            if isinstance(result, Fetched) and result.status in _SUCCESS:
                found = self._pattern.search(result.body.decode("utf-8", "replace").strip())
                if found is not None:
                    self.values = found.groupdict()
                    self._proven = False
                    opened(None)
                    return
            opened(result)

        client.start(
            request.method, request.url, answered, headers=request.headers, body=request.body
        )

    def note_use(self, values: Mapping[str, str]) -> None:
        """A request under these values was not refused for them."""
        self._proven = self._proven or values is self.values

    def note_end(self, values: Mapping[str, str]) -> bool:
        """A request was refused, as the session had ended; whether to make it again.

        A session that never worked has not ended: then the login itself is wrong.
        """
        if values is not self.values:
            return True  # there is another one since
        if self._proven:
            self.values = {}
            return True
        return False
