"""The ledger is kept in the order in which it is asked for, with numbers for its words.

Revision: 0007; after: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
additive = False

_KINDS = ("reserve", "commit", "refund", "top_up", "transfer", "purchase")
_SIDES = ("available", "held", "spent", "outside")


def upgrade() -> None:
    words = (
        ("kind", _place("kind", _KINDS)),
        *((side, _place(side, _SIDES)) for side in ("debit", "credit")),
    )
    upgrade_one = _sqlite if op.get_bind().dialect.name == "sqlite" else _postgresql
    for statement in upgrade_one(words):
        op.execute(statement)


def _place(column: str, words: tuple[str, ...]) -> str:
    """The place of a column's word among all; NULL, which is refused, for another."""
    places = " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(words))
    return f"CASE {column} {places} END"


def _sqlite(words: tuple[tuple[str, str], ...]) -> list[str]:
    places = ", ".join(place for _, place in words)
    return [
        "CREATE TABLE new_ledger_entries (entry_id INTEGER NOT NULL, wallet_id INTEGER NOT NULL,"
        " kind SMALLINT NOT NULL, debit SMALLINT NOT NULL, credit SMALLINT NOT NULL,"
        " amount INTEGER NOT NULL, batch_id INTEGER, note TEXT,"
        " CONSTRAINT pk_ledger_entries PRIMARY KEY (wallet_id, entry_id),"
        " CONSTRAINT fk_ledger_entries_wallet_id FOREIGN KEY (wallet_id)"
        " REFERENCES wallets (wallet_id)) WITHOUT ROWID",
        f"INSERT INTO new_ledger_entries SELECT entry_id, wallet_id, {places}, amount, batch_id,"  # noqa: S608
        " note FROM ledger_entries ORDER BY wallet_id, entry_id",
        "DROP TABLE ledger_entries",
        "ALTER TABLE new_ledger_entries RENAME TO ledger_entries",
    ]


def _postgresql(words: tuple[tuple[str, str], ...]) -> list[str]:
    changes = ", ".join(
        f"ALTER COLUMN {column} TYPE SMALLINT USING {place}" for column, place in words
    )
    return [
        "DROP INDEX ix_ledger_entries_wallet_id_entry_id",
        f"ALTER TABLE ledger_entries DROP CONSTRAINT pk_ledger_entries, {changes},"
        " ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (wallet_id, entry_id)",
    ]
