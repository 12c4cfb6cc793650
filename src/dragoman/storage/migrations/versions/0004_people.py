"""People of accounts, their second factors and sessions; names and limits of API keys.

Revision: 0004; after: 0003
"""

from __future__ import annotations

from string import Template

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WORDS = {
    "sqlite": {"id": "INTEGER", "bytes": "BLOB", "without_rowid": " WITHOUT ROWID"},
    "postgresql": {"id": "BIGINT", "bytes": "BYTEA", "without_rowid": ""},
}


def upgrade() -> None:
    connection = op.get_bind()
    words = _WORDS[connection.dialect.name]
    for statement in _STATEMENTS.strip().split(";\n"):
        connection.exec_driver_sql(Template(statement.strip("\n;")).substitute(words))


_STATEMENTS = """
ALTER TABLE audit_entries ADD COLUMN person_id $id;
ALTER TABLE console_sessions ADD COLUMN person_id $id;
ALTER TABLE console_sessions ADD COLUMN address TEXT DEFAULT '' NOT NULL;
ALTER TABLE console_sessions ADD COLUMN browser TEXT DEFAULT '' NOT NULL;
CREATE TABLE people (
    person_id $id NOT NULL, account_id $id NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    enabled BOOLEAN NOT NULL, password $bytes, issuer TEXT, subject TEXT, invitation $bytes,
    invited_until_ms $id, created_ms $id NOT NULL, signed_in_ms $id, deleted_ms $id,
    CONSTRAINT pk_people PRIMARY KEY (person_id),
    CONSTRAINT fk_people_account_id FOREIGN KEY (account_id) REFERENCES accounts (account_id)
);
CREATE INDEX ix_people_account_id ON people (account_id);
CREATE UNIQUE INDEX uq_people_name ON people (name);
CREATE UNIQUE INDEX uq_people_issuer_subject ON people (issuer, subject);
CREATE INDEX ix_people_invitation ON people (invitation);
CREATE TABLE second_factors (
    account_id $id NOT NULL, person_id $id NOT NULL, secret $bytes NOT NULL,
    recovery TEXT NOT NULL, last_step $id NOT NULL, created_ms $id NOT NULL,
    CONSTRAINT pk_second_factors PRIMARY KEY (account_id, person_id)
)$without_rowid;
CREATE TABLE sign_in_policies (
    account_id $id NOT NULL, second_factor BOOLEAN NOT NULL,
    CONSTRAINT pk_sign_in_policies PRIMARY KEY (account_id),
    CONSTRAINT fk_sign_in_policies_account_id FOREIGN KEY (account_id)
        REFERENCES accounts (account_id)
);
CREATE TABLE saved_searches (
    search_id $id NOT NULL, account_id $id NOT NULL, person_id $id NOT NULL, name TEXT NOT NULL,
    query TEXT NOT NULL, CONSTRAINT pk_saved_searches PRIMARY KEY (search_id),
    CONSTRAINT fk_saved_searches_account_id FOREIGN KEY (account_id)
        REFERENCES accounts (account_id)
);
CREATE UNIQUE INDEX uq_saved_searches_account_id_person_id_name
    ON saved_searches (account_id, person_id, name);
CREATE TABLE api_keys (
    credential_id $id NOT NULL, account_id $id NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
    allowed_addresses TEXT NOT NULL, expires_ms $id, used_ms $id,
    CONSTRAINT pk_api_keys PRIMARY KEY (credential_id),
    CONSTRAINT fk_api_keys_credential_id FOREIGN KEY (credential_id)
        REFERENCES credentials (credential_id),
    CONSTRAINT fk_api_keys_account_id FOREIGN KEY (account_id) REFERENCES accounts (account_id)
);
CREATE INDEX ix_api_keys_account_id ON api_keys (account_id);
"""
