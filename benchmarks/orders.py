"""J: smSend's orders: one recipient a request beside LINK's call, 10,000 at once, the history.

The two calls are asked of one gateway in turns, with an access token and with an API key. What
they cost is counted in processor time, of the gateway's own process and with the one that writes.
The history is asked of a database that SQL alone fills, over thirty days.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, text

from benchmarks.accept import link_request
from benchmarks.processes import (
    PASSWORD,
    USERNAME,
    Gateway,
    Instrument,
    dragoman,
    generate_load,
    processor_s,
)
from benchmarks.queries import (
    BEGIN_MS,
    DAY_MS,
    DAYS,
    END_MS,
    Question,
    ask_all,
    series_of,
)
from benchmarks.queries import Figure as Answer
from dragoman.core.submission.sql import orders
from dragoman.kit.ids import SEQUENCE_BITS, first_at
from dragoman.storage.engine import Storage

PREFIX: Final = "/API/v1.0/REST"
SECONDS = 4.0
QUIET_S = 1.0
RECIPIENTS = 10_000
LISTED = 1_000_000
"""Orders of the account whose history is asked for; another has a tenth of that beside them."""
OWNER, OTHER = 1, 2
PAGE = 10
LARGE_PAGE = 500

_ACCOUNTS = (
    "INSERT INTO accounts (account_id, path, username, enabled, permissions, allowed_addresses,"
    " time_zone, default_sender, max_parts, max_recipients, created_ms)"
    " SELECT i, CAST(i AS TEXT), 'user' || CAST(i AS TEXT), {yes}, '', '', '', '', 10, 1000, 0"
    " FROM ({series}) AS s"
)
_BATCHES = (
    "INSERT INTO batches (batch_id, account_id, dialect, protocol, sender, text, format, options,"
    " lane, due_ms, expires_ms, state, recipients, expanded, unsent, buffered, received, failed)"
    " SELECT {identifier}, {account}, 'smsend', 'REST', 'Dragoman', 'Hello, your order ' ||"
    " CAST(i AS TEXT) || ' is on its way to you', 'auto', '{{}}', 1, 0, 0, 20, 1, 1, 0, 0, 1, 0"
    " FROM ({series}) AS s"
)
_ORDERS = (
    "INSERT INTO orders (account_id, number, batch_id, order_id, message_type)"
    " SELECT {account}, i + 1, {identifier}, 'order-' || CAST(i AS TEXT), 'GP'"
    " FROM ({series}) AS s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One turn of one call."""

    name: str
    accepted_per_s: int
    gateway_us: float
    """Processor time of the gateway's own process for a call."""
    both_us: float
    """The same with the process that writes."""
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """One order to many recipients, each with values of its own."""

    accepted_s: float
    total_sent: int


def run(folder: Path, turns: int) -> tuple[list[tuple[Call, Call]], list[Large]]:
    """Asks both calls in turns, smSend's first, and then for large orders."""
    smsc = Instrument("smsc_sink.py")
    try:
        with dragoman(folder, smsc.port) as gateway:
            keys = _keys(gateway)
            link, ours = link_request(gateway.http, None), order_request(gateway.http, keys)
            pairs = []
            for number in range(turns):
                turn = folder / f"turn-{number}"
                turn.mkdir()
                pairs.append(
                    (
                        _measure("smsend", gateway, ours, turn),
                        _measure("linkmobility", gateway, link, turn),
                    )
                )
            return pairs, [_send_many(gateway, keys) for _ in range(turns)]
    finally:
        smsc.stop()


def order_request(port: int, keys: dict[str, str]) -> bytes:
    """A request of smSend whose text has the running number."""
    message = {
        "message_type": "N",
        "message": "Hello world number {n}",
        "recipient": ["+4512345678"],
        "sender": "TEST",
    }
    body = json.dumps(message).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in keys.items())
    head = (
        f"POST {PREFIX}/sms HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}"
        f"Content-Type: application/json\r\nContent-Length: {len(body) - len('{n}') + 10}\r\n\r\n"
    )
    return head.encode() + body


def ask_history(url: str, count: int) -> list[Answer]:
    """Fills the database, which must be empty, and asks for pages of the history."""
    storage = Storage(url)
    try:
        storage.migrate()
        _fill(storage, count)
        return asyncio.run(ask_all(storage, _questions(random.Random(7), count)))
    finally:
        storage.close()


def ratios(pairs: list[tuple[Call, Call]]) -> dict[str, float]:
    """What an order costs beside LINK's call, as medians over the turns."""
    return {
        "accepts/s": round(median(a.accepted_per_s / b.accepted_per_s for a, b in pairs), 2),
        "the gateway's processor time": round(
            median(a.gateway_us / b.gateway_us for a, b in pairs), 2
        ),
        "with the process that writes": round(median(a.both_us / b.both_us for a, b in pairs), 2),
    }


def _keys(gateway: Gateway) -> dict[str, str]:
    address = f"http://127.0.0.1:{gateway.http}{PREFIX}/token"
    with urllib.request.urlopen(f"{address}?username={USERNAME}&password={PASSWORD}") as answer:
        user_key, token = answer.read().decode().split(";")
    return {"user_key": user_key, "Access_token": token}


def _measure(name: str, gateway: Gateway, request: bytes, folder: Path) -> Call:
    folder = folder / name
    folder.mkdir()
    time.sleep(QUIET_S)
    before = processor_s(gateway.pid)
    load = generate_load(gateway, request, folder, seconds=SECONDS)
    time.sleep(QUIET_S)
    after = processor_s(gateway.pid)
    refused = {status: n for status, n in load["statuses"].items() if status != "201"}
    gateway_us, both_us = (
        round((late - early) / max(1, load["answered"]) * 1e6)
        for early, late in zip(before, after, strict=True)
    )
    return Call(
        name=name,
        accepted_per_s=load["per_second"],
        gateway_us=gateway_us,
        both_us=both_us,
        flaws=(f"refused: {refused}",) if refused else (),
    )


def _send_many(gateway: Gateway, keys: dict[str, str]) -> Large:
    recipients = {
        str(number): {"recipient": f"+4530{number:06}", "name": f"Name {number}", "n": number}
        for number in range(RECIPIENTS)
    }
    body = {
        "message_type": "N",
        "message": "Hello {name}, you are number ${n} of those who get this today",
        "sender": "TEST",
        "recipients": recipients,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.http}{PREFIX}/paramsms",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **keys},
    )
    begin = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        sent: dict[str, Any] = json.load(answer)
    return Large(accepted_s=round(time.perf_counter() - begin, 2), total_sent=sent["total_sent"])


def _fill(storage: Storage, count: int) -> None:
    sqlite = storage.is_sqlite
    gap = DAYS * DAY_MS * 1000 // count
    per_ms, first = 1 << SEQUENCE_BITS, first_at(BEGIN_MS)
    with storage._write_engine.connect() as connection:
        if sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
            connection.exec_driver_sql("BEGIN")
        series = series_of(sqlite, OWNER, OTHER + 1)
        connection.execute(text(_ACCOUNTS.format(series=series, yes=1 if sqlite else "true")))
        for account, number, shift in ((OWNER, count, 0), (OTHER, count // 10, 1)):
            words = {
                "account": account,
                "identifier": f"{first} + i * {gap} / 1000 * {per_ms} + {shift}",
                "series": series_of(sqlite, 0, number),
            }
            connection.execute(text(_BATCHES.format(**words)))
            connection.execute(text(_ORDERS.format(**words)))
        connection.commit()
        if not sqlite:
            connection.connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            connection.exec_driver_sql("VACUUM ANALYZE")


def _questions(chance: random.Random, count: int) -> dict[str, Question]:
    """Makes, by name, a page of its kind."""

    def page(
        number: Callable[[], int] | int, size: int = PAGE, days: int | None = None
    ) -> Question:
        def make() -> Callable[[Connection], int]:
            from_ms, to_ms = BEGIN_MS, END_MS
            if days is not None:
                from_ms = BEGIN_MS + chance.randrange((DAYS - days) * DAY_MS)
                to_ms = from_ms + days * DAY_MS
            offset = ((number() if callable(number) else number) - 1) * size
            return lambda c: orders.load_page(c, OWNER, from_ms, to_ms, offset, size).total

        return make

    return {
        "all, page 1": page(1),
        "all, any page": page(lambda: chance.randrange(1, count // PAGE)),
        "all, the last page": page(count // PAGE),
        "all, any page of 500": page(lambda: chance.randrange(1, count // LARGE_PAGE), LARGE_PAGE),
        "a day, page 1": page(1, days=1),
        "ten days, page 1,000": page(1_000, days=10),
    }
