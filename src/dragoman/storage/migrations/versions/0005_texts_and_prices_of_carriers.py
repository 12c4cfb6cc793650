"""Texts by the IDs that carriers gave them, and carriers' price lists.

Revision: 0005; after: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(
        "CREATE TABLE carrier_texts (carrier TEXT NOT NULL, provider_id TEXT NOT NULL,"
        f" stored_id {'INTEGER' if sqlite else 'BIGINT'} NOT NULL,"
        " CONSTRAINT pk_carrier_texts PRIMARY KEY (carrier, provider_id))"
        + (" WITHOUT ROWID" if sqlite else "")
    )
    op.execute(
        "CREATE TABLE price_lists (carrier TEXT NOT NULL,"
        f" imported_ms {'INTEGER' if sqlite else 'BIGINT'} NOT NULL, size INTEGER NOT NULL,"
        f" content {'BLOB' if sqlite else 'BYTEA'} NOT NULL,"
        " CONSTRAINT pk_price_lists PRIMARY KEY (carrier))"
    )
    op.execute("CREATE INDEX ix_carrier_texts_stored_id ON carrier_texts (stored_id)")
