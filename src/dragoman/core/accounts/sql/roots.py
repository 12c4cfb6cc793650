"""The trees of accounts of a database: each account with the name of its root."""

from __future__ import annotations

from sqlalchemy import Connection, text


def load_roots(connection: Connection) -> list[tuple[int, str]]:
    """Every account, and the user name of the topmost one above it."""
    rows = connection.execute(text("SELECT account_id, path, username FROM accounts")).all()
    names = {row.path: row.username for row in rows}
    return [(row.account_id, names[row.path.partition("/")[0]]) for row in rows]
