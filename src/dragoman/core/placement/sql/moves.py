"""What a cluster remembers of a gateway that moves in: how far it is, and which IDs it brought."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from dragoman.storage.partitions import SHARED_SCHEMA, schema_of
from dragoman.storage.short_ids import LIMIT

SOURCE: Final = "moving_from"
"""The setting that names, as a digest, the database that is moving in; no node joins meanwhile."""
NEWEST: Final = "moved_identifiers_to"
NEWEST_SHORT: Final = "moved_short_ids_to"
"""The settings with the highest identifiers that were brought: their bits name no partition."""

_MOVED: Final = f"""
CREATE TABLE IF NOT EXISTS {SHARED_SCHEMA}.moved (
    name text PRIMARY KEY, position text, rows bigint NOT NULL DEFAULT 0
)
"""


class Moved(NamedTuple):
    """The highest identifiers that came along with a gateway; 0 where none did."""

    identifier: int
    short_id: int


def find_setting(connection: Connection, key: str) -> str | None:
    """A setting of the cluster."""
    query = text(f"SELECT value FROM {SHARED_SCHEMA}.settings WHERE key = :key")
    found: str | None = connection.scalar(query, {"key": key})
    return found


def put_setting(connection: Connection, key: str, value: str) -> None:
    """Sets a setting of the cluster."""
    put = text(
        f"INSERT INTO {SHARED_SCHEMA}.settings VALUES (:key, :value)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )
    connection.execute(put, {"key": key, "value": value})


def drop_setting(connection: Connection, key: str) -> None:
    """Removes a setting of the cluster."""
    delete = text(f"DELETE FROM {SHARED_SCHEMA}.settings WHERE key = :key")
    connection.execute(delete, {"key": key})


def has_accounts(connection: Connection) -> bool:
    """Whether anybody is in the cluster already."""
    query = text(f"SELECT 1 FROM {SHARED_SCHEMA}.directory WHERE kind = 'username' LIMIT 1")
    return connection.scalar(query) is not None


def position_of(connection: Connection, table: str) -> tuple[list[Any] | None, int]:
    """The primary key of the last row of a table that was stored, and how many were."""
    connection.exec_driver_sql(_MOVED)
    query = text(f"SELECT position, rows FROM {SHARED_SCHEMA}.moved WHERE name = :name")
    row = connection.execute(query, {"name": table}).one_or_none()
    if row is None:
        return None, 0
    key = [bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for v in json.loads(row.position)]
    return key, int(row.rows)


def note_position(connection: Connection, table: str, key: list[Any], rows: int) -> None:
    """Notes the last row of a table that is stored, in the transaction that stores it."""
    put = text(
        f"INSERT INTO {SHARED_SCHEMA}.moved VALUES (:name, :position, :rows) ON CONFLICT (name)"
        " DO UPDATE SET position = excluded.position, rows = excluded.rows"
    )
    words = [{"hex": v.hex()} if isinstance(v, bytes) else v for v in key]
    values = {"name": table, "position": json.dumps(words), "rows": rows}
    connection.execute(put, values)


def forget_positions(connection: Connection) -> None:
    """Forgets how far every table was."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {SHARED_SCHEMA}.moved")


def source_counter(connection: Connection) -> int:
    """The highest short ID that a single gateway has taken."""
    return int(connection.scalar(text("SELECT last FROM short_id_counter")) or 0)


def raise_counter(connection: Connection, partition: int, last: int) -> None:
    """Has a partition take short IDs above one."""
    schema = schema_of(partition)
    update = text(f"UPDATE {schema}.short_id_counter SET last = GREATEST(last, :last)")
    connection.execute(update, {"last": last})


def counters(connection: Connection, partitions: int) -> int:
    """The highest short ID that any partition has taken."""
    query = " UNION ALL ".join(
        f"SELECT last FROM {schema_of(partition)}.short_id_counter"
        for partition in range(partitions)
    )
    return int(connection.scalar(text(f"SELECT max(last) FROM ({query}) c")) or 0)


def put_counter(connection: Connection, last: int) -> None:
    """Has a single gateway take short IDs above one."""
    put = text(
        "INSERT INTO short_id_counter (counter, last) VALUES (1, :last)"
        " ON CONFLICT (counter) DO UPDATE SET last = excluded.last"
    )
    connection.execute(put, {"last": last})


def load_moved(connection: Connection) -> Moved:
    """The highest identifiers that came along with a gateway."""
    newest, short = (find_setting(connection, key) for key in (NEWEST, NEWEST_SHORT))
    return Moved(int(newest or 0), int(short or 0))


def find_moved(connection: Connection, identifier: int, partitions: int) -> int | None:
    """The partition that has an identifier which came along with a gateway."""
    columns = (
        (("accounts", "account_id"), ("devices", "device_id"), ("short_ids", "short_id"))
        if identifier < LIMIT
        else (("messages", "message_id"), ("batches", "batch_id"))
    )
    query = " UNION ALL ".join(
        f"SELECT {partition} FROM {schema_of(partition)}.{table} WHERE {column} = :identifier"
        for partition in range(partitions)
        for table, column in columns
    )
    found: int | None = connection.scalar(text(f"{query} LIMIT 1"), {"identifier": identifier})
    return found


def find_moved_token(connection: Connection, digest: bytes, partitions: int) -> int | None:
    """The partition that has the token of a link in a mail, by its digest."""
    query = " UNION ALL ".join(
        f"SELECT {partition} FROM {schema_of(partition)}.subscription_tokens WHERE digest = :digest"
        for partition in range(partitions)
    )
    found: int | None = connection.scalar(text(f"{query} LIMIT 1"), {"digest": digest})
    return found
