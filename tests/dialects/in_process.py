"""Asks a dialect in process, with the very bytes that a client would send to a server."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import pytest
from sqlalchemy import text

from dragoman.container import Services
from dragoman.core.retention.model import Kept, Lifetimes
from dragoman.core.retention.retention import DAY_MS, Retention
from dragoman.core.tables import metadata
from dragoman.kit.clock import FixedClock
from dragoman.storage.engine import Storage

CLIENT: Final = "192.0.2.1"
CLIENT_PORT: Final = 40_000

Application = Callable[[Any, Any, Any], Awaitable[None]]
Masks = Sequence[tuple[re.Pattern[bytes], bytes]]


STORES_NOTHING: Final = "stores_nothing"
"""Marks tests whose calls are all refused: they share a gateway with those of their module."""

STORES_BESIDE: Final = "stores_beside"
"""Marks tests that look only at what they have stored: they share another gateway."""

OWN_GATEWAY: Final = "own_gateway"
"""Marks those in a module of them to which it makes a difference what others have stored."""


def shared_by(item: pytest.Item) -> str:
    """Which gateway of its module a test is asked to take: `shared`, `common`, or none."""
    if item.get_closest_marker(STORES_NOTHING):
        return "shared"
    if item.get_closest_marker(STORES_BESIDE) and not item.get_closest_marker(OWN_GATEWAY):
        return "common"
    return ""


def own_or_shared(request: pytest.FixtureRequest, name: str) -> Any:
    """The fixture `own_<name>`, which is made for one test, `shared_<name>` or `common_<name>`."""
    return request.getfixturevalue(f"{shared_by(request.node) or 'own'}_{name}")


class Answer(msgspec.Struct):
    """What a call was answered with."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    masks: Masks = ()

    @property
    def content_type(self) -> str:
        return self.headers[b"content-type"].decode()

    @property
    def location(self) -> str:
        return self.headers.get(b"location", b"").decode()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def masked(self) -> bytes:
        """The body without the values that differ from run to run."""
        body = self.body
        for pattern, mask in self.masks:
            body = pattern.sub(mask, body)
        return body


async def ask(
    application: Application,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    client: str = CLIENT,
    piece: int = 0,
    masks: Masks = (),
) -> Answer:
    """Calls a path with its query; `piece` octets of the body come at once, or all of it."""
    path, _, query = target.partition("?")
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)] if piece else [body]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "headers": list(headers),
        "client": (client, CLIENT_PORT),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        some = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": some, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    start, finish = sent
    return Answer(start["status"], dict(start["headers"]), finish["body"], masks)


async def nowhere(_scope: Any, _receive: Any, send: Any) -> None:
    """What stands behind an application that does not know a path: a teapot."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"outside"})


async def forget(services: Services) -> None:
    """Lets the time pass after which texts and numbers are deleted; what is over forgets them."""
    retention = Retention(
        storage=services.storage,
        clock=FixedClock(services.clock.now_ms() + 2 * DAY_MS),
        days=dict.fromkeys(Kept, 0),
        lifetimes=Lifetimes(texts_days=1, numbers_days=1, messages_days=0),
    )
    await retention.drop_old()


# Written out: making them for each call costs more than running them.
_COUNTS = text(
    " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {name}" for name in metadata.tables)
)
_CREDITS = text(
    "SELECT SUM(available) AS available, SUM(held) AS held, SUM(spent) AS spent FROM wallets"
)


async def count_rows(storage: Storage) -> dict[str, int]:
    """How many rows every table has, and the credits in all wallets."""

    def count(connection: Any) -> dict[str, int]:
        counts = {row[0]: row[1] for row in connection.execute(_COUNTS)}
        credits = connection.execute(_CREDITS).one()._mapping
        return counts | {f"credits {side}": total for side, total in credits.items()}

    return await storage.read(count)
