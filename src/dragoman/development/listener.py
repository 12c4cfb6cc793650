"""The developer's end of forwarded callbacks: fetches them, makes them here, reports the answer.

For a program without an event loop; each function is one HTTP call.
"""

from __future__ import annotations

import http.client
from base64 import b64decode
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from dragoman.development.forwarding import ForwardedCall
from dragoman.development.schemas import CallAnswer, Calls, Problem

TIMEOUT_S: Final = 25.0
MAX_BODY: Final = 64 * 1024
MAX_PAGE: Final = 16 << 20
_OWN_HEADERS: Final = frozenset({"host", "content-length", "connection"})
_AWAY: Final = (OSError, http.client.HTTPException)


class Turned(Exception):
    """The gateway does not hand out its callbacks; `code` and the text say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Gateway:
    """A development gateway, as its listener sees it."""

    def __init__(self, url: str, key: str = "") -> None:
        """Raises ValueError for a URL that is none."""
        self.address = parse_address(url)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def take(self, wait: str) -> tuple[ForwardedCall, ...] | None:
        """The callbacks that are due; None while the gateway is unreachable. Raises `Turned`."""
        try:
            status, body = _ask(
                self.address, "GET", f"/dev/callbacks?wait={wait}", self._headers, limit=MAX_PAGE
            )
        except _AWAY:
            return None
        try:
            if status == http.client.OK:
                return msgspec.json.decode(body, type=Calls).calls
            if status != http.client.NOT_FOUND:
                problem = msgspec.json.decode(body, type=Problem)
                raise Turned(problem.code, problem.message)
        except msgspec.DecodeError:
            pass
        raise Turned("not_development", f"{self.address.geturl()} is not a `dragoman dev` gateway")

    def tell(self, call: ForwardedCall, answer: CallAnswer) -> bool:
        """Reports the outcome of a callback; whether the gateway received it."""
        headers = {**self._headers, "Content-Type": "application/json"}
        body = msgspec.json.encode(answer)
        try:
            _ask(self.address, "POST", f"/dev/callbacks/{call.call_id}", headers, body)
        except _AWAY:
            return False
        return True


def make_call(call: ForwardedCall, target: SplitResult) -> CallAnswer:
    """Makes a callback at another origin than the customer's."""
    headers = {name: value for name, value in call.headers if name.lower() not in _OWN_HEADERS}
    try:
        status, body = _ask(target, call.method, call.target, headers, b64decode(call.body))
    except _AWAY as error:
        reason = f"{target.netloc}: {error or type(error).__name__}"
        return CallAnswer(status=None, reason=reason[:200])
    return CallAnswer(status=status, body=body.decode("utf-8", "replace"))


def parse_address(url: str) -> SplitResult:
    """An http or https address; raises ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url[:200]!r} is not an http or https address")
    return parts


def _ask(
    address: SplitResult,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    limit: int = MAX_BODY,
) -> tuple[int, bytes]:
    secure = address.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_S)
    try:
        path = address.path.rstrip("/") + target
        connection.request(method, path, body=body or None, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read(limit)
    finally:
        connection.close()
