"""The first tables, in SQL.

Revision: 0001; after:
"""

from __future__ import annotations

import re
from string import Template

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WORDS = {
    "sqlite": {"id": "INTEGER", "bytes": "BLOB", "without_rowid": " WITHOUT ROWID"},
    "postgresql": {"id": "BIGINT", "bytes": "BYTEA", "without_rowid": ""},
}
"""What the databases call differently. On SQLite a primary key of INTEGER is the row's own key."""


def upgrade() -> None:
    connection = op.get_bind()
    words = _WORDS[connection.dialect.name]
    for statement in _TABLES.strip().split(";\n"):
        connection.exec_driver_sql(Template(_named(statement.strip("\n;"))).substitute(words))


def _named(statement: str) -> str:
    """A statement whose constraints have the names by which later migrations find them.

    References go behind the columns: where they stand within, SQLite does not tell their names.
    """
    if not statement.startswith("CREATE TABLE"):
        return statement
    table = statement.split()[2]
    body, _, end = statement.rpartition(")")
    for column, reference in re.findall(r"(\w+) \$id[A-Z ]* (REFERENCES \w+ \(\w+\))", body):
        body += f", CONSTRAINT fk_{table}_{column} FOREIGN KEY ({column}) {reference}"
        body = body.replace(f" {reference}", "", 1)
    body = body.replace("PRIMARY KEY", f"CONSTRAINT pk_{table} PRIMARY KEY")
    return f"{body}){end}"


_TABLES = """
CREATE TABLE accounts (
    account_id $id NOT NULL PRIMARY KEY, parent_id $id REFERENCES accounts (account_id),
    path TEXT NOT NULL, username TEXT NOT NULL, enabled BOOLEAN NOT NULL, permissions TEXT NOT NULL,
    allowed_addresses TEXT NOT NULL, time_zone TEXT NOT NULL, default_sender TEXT NOT NULL,
    max_parts INTEGER NOT NULL, max_recipients INTEGER NOT NULL, created_ms $id NOT NULL,
    prefixes TEXT DEFAULT '' NOT NULL, profile TEXT DEFAULT '' NOT NULL,
    details TEXT DEFAULT '{}' NOT NULL, deactivated_ms $id, deleted_ms $id,
    payer TEXT DEFAULT 'own' NOT NULL, message_types TEXT DEFAULT '' NOT NULL,
    texts_days INTEGER, numbers_days INTEGER, messages_days INTEGER,
    CONSTRAINT uq_accounts_username UNIQUE (username)
);
CREATE INDEX ix_accounts_parent_id ON accounts (parent_id);
CREATE TABLE admin_tokens (
    name TEXT NOT NULL PRIMARY KEY, digest $bytes NOT NULL, created_ms $id NOT NULL
)$without_rowid;
CREATE UNIQUE INDEX uq_admin_tokens_digest ON admin_tokens (digest);
CREATE TABLE callback_attempts (
    callback_id $id NOT NULL, number SMALLINT NOT NULL, answered_ms $id NOT NULL,
    answer_status SMALLINT, answer TEXT NOT NULL, PRIMARY KEY (callback_id, number)
)$without_rowid;
CREATE TABLE callbacks (
    callback_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL, message_id $id NOT NULL,
    dialect TEXT NOT NULL, origin TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL,
    state SMALLINT NOT NULL, attempts SMALLINT NOT NULL, next_attempt_ms $id NOT NULL,
    answered_ms $id, answer_status SMALLINT, answer TEXT
);
CREATE INDEX ix_callbacks_message_id ON callbacks (message_id);
CREATE INDEX ix_callbacks_given_up ON callbacks (account_id, callback_id) WHERE state = 2;
CREATE INDEX ix_callbacks_pending ON callbacks (account_id, origin, next_attempt_ms)
    WHERE state = 0;
CREATE TABLE contact_values (
    field_id $id NOT NULL, digest $id NOT NULL, contact_id $id NOT NULL,
    PRIMARY KEY (field_id, digest, contact_id)
)$without_rowid;
CREATE TABLE contacts (
    contact_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL, list_id $id, mobile TEXT NOT NULL,
    fields TEXT NOT NULL, changed_ms $id NOT NULL, deleted_ms $id
);
CREATE INDEX ix_contacts_account_id_contact_id ON contacts (account_id, contact_id, deleted_ms)
    WHERE deleted_ms IS NULL;
CREATE INDEX ix_contacts_account_id_contact_id_deleted ON contacts (account_id, contact_id)
    WHERE deleted_ms IS NOT NULL;
CREATE INDEX ix_contacts_account_id_mobile ON contacts (account_id, mobile);
CREATE INDEX ix_contacts_list_id_contact_id
    ON contacts (list_id, contact_id, account_id, deleted_ms)
    WHERE deleted_ms IS NULL;
CREATE INDEX ix_contacts_list_id_mobile ON contacts (list_id, mobile, contact_id)
    WHERE deleted_ms IS NULL;
CREATE TABLE deliveries (
    delivery_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL, kind SMALLINT NOT NULL,
    list_id $id NOT NULL, issue_id $id, subscription_id $id NOT NULL, address TEXT NOT NULL,
    state SMALLINT NOT NULL, attempts SMALLINT NOT NULL, next_attempt_ms $id NOT NULL,
    possible_duplicate BOOLEAN NOT NULL, answered_ms $id, answer_code SMALLINT, answer TEXT
);
CREATE INDEX ix_deliveries_pending ON deliveries (account_id, next_attempt_ms) WHERE state = 0;
CREATE INDEX ix_deliveries_sending ON deliveries (delivery_id) WHERE state = 1;
CREATE INDEX ix_deliveries_subscription_id ON deliveries (subscription_id);
CREATE UNIQUE INDEX uq_deliveries_issue_id_subscription_id
    ON deliveries (issue_id, subscription_id);
CREATE TABLE group_marks (
    mark_id $id NOT NULL PRIMARY KEY, number $id NOT NULL, answer $bytes NOT NULL
);
CREATE TABLE held_carriers (carrier TEXT NOT NULL PRIMARY KEY, held_ms $id NOT NULL);
CREATE TABLE hourly_statistics (
    account_id $id NOT NULL, hour_ms $id NOT NULL, direction TEXT NOT NULL, dimension TEXT NOT NULL,
    value TEXT NOT NULL, count $id NOT NULL, parts $id NOT NULL,
    PRIMARY KEY (account_id, hour_ms, direction, dimension, value)
)$without_rowid;
CREATE TABLE inbound_parts (
    part_id $id NOT NULL PRIMARY KEY, carrier TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, reference INTEGER NOT NULL, total SMALLINT NOT NULL,
    number SMALLINT NOT NULL, content $bytes NOT NULL, alphabet TEXT NOT NULL
);
CREATE TABLE ingested_rows (
    account_id $id NOT NULL, direction TEXT NOT NULL, reference TEXT NOT NULL,
    ingested_ms $id NOT NULL, PRIMARY KEY (account_id, direction, reference)
)$without_rowid;
CREATE INDEX ix_ingested_rows_ingested_ms ON ingested_rows (ingested_ms);
CREATE TABLE message_events (
    event_id $id NOT NULL PRIMARY KEY, message_id $id NOT NULL, kind TEXT NOT NULL,
    part SMALLINT NOT NULL, carrier TEXT NOT NULL, link TEXT NOT NULL, code TEXT NOT NULL,
    detail TEXT NOT NULL, raw TEXT NOT NULL
);
CREATE INDEX ix_message_events_message_id ON message_events (message_id);
CREATE TABLE parked_receipts (
    receipt_id $id NOT NULL PRIMARY KEY, carrier TEXT NOT NULL, carrier_message_id TEXT NOT NULL,
    keys TEXT NOT NULL, recipient TEXT NOT NULL, state SMALLINT NOT NULL, error TEXT NOT NULL,
    raw TEXT NOT NULL
);
CREATE TABLE receipt_keys (
    carrier TEXT NOT NULL, key TEXT NOT NULL, message_id $id NOT NULL, part SMALLINT NOT NULL,
    PRIMARY KEY (carrier, key)
)$without_rowid;
CREATE INDEX ix_receipt_keys_message_id ON receipt_keys (message_id);
CREATE TABLE retention_leftovers (
    account_id $id NOT NULL, sweep TEXT NOT NULL, row_id $id NOT NULL,
    PRIMARY KEY (account_id, sweep, row_id)
)$without_rowid;
CREATE TABLE retention_positions (
    account_id $id NOT NULL, sweep TEXT NOT NULL, position $id NOT NULL,
    PRIMARY KEY (account_id, sweep)
)$without_rowid;
CREATE TABLE secrets (name TEXT NOT NULL PRIMARY KEY, secret $bytes NOT NULL)$without_rowid;
CREATE TABLE subscription_tokens (
    digest $bytes NOT NULL PRIMARY KEY, subscription_id $id NOT NULL, purpose SMALLINT NOT NULL,
    created_ms $id NOT NULL
);
CREATE TABLE unnoted_contacts (first_id $id NOT NULL PRIMARY KEY, last_id $id NOT NULL);
CREATE TABLE account_records (
    account_id $id NOT NULL REFERENCES accounts (account_id), dialect TEXT NOT NULL,
    record TEXT NOT NULL, PRIMARY KEY (account_id, dialect)
);
CREATE TABLE auth_tokens (
    account_id $id NOT NULL PRIMARY KEY REFERENCES accounts (account_id), public_id TEXT NOT NULL,
    token $bytes NOT NULL, created_ms $id NOT NULL,
    CONSTRAINT uq_auth_tokens_public_id UNIQUE (public_id)
);
CREATE TABLE dialect_records (
    dialect TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    account_id $id NOT NULL REFERENCES accounts (account_id), position $id NOT NULL,
    record TEXT NOT NULL, PRIMARY KEY (dialect, kind, name)
)$without_rowid;
CREATE INDEX ix_dialect_records_account_id_dialect_kind_position
    ON dialect_records (account_id, dialect, kind, position);
CREATE TABLE audit_entries (
    entry_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    actor_id $id NOT NULL REFERENCES accounts (account_id), action TEXT NOT NULL,
    subject TEXT NOT NULL, at_ms $id NOT NULL
);
CREATE INDEX ix_audit_entries_account_id_entry_id ON audit_entries (account_id, entry_id);
CREATE TABLE batches (
    batch_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    dialect TEXT NOT NULL, protocol TEXT NOT NULL, reference TEXT, sender TEXT NOT NULL,
    text TEXT NOT NULL, format TEXT NOT NULL, options TEXT NOT NULL, lane SMALLINT NOT NULL,
    due_ms $id NOT NULL, expires_ms $id NOT NULL, state SMALLINT NOT NULL,
    recipients INTEGER NOT NULL, waiting_recipients $bytes, expanded INTEGER NOT NULL,
    unsent INTEGER NOT NULL, buffered INTEGER NOT NULL, received INTEGER NOT NULL,
    failed INTEGER NOT NULL
);
CREATE INDEX ix_batches_account_id_batch_id ON batches (account_id, batch_id);
CREATE INDEX ix_batches_account_id_reference ON batches (account_id, reference)
    WHERE reference IS NOT NULL;
CREATE INDEX ix_batches_due_ms ON batches (due_ms) WHERE waiting_recipients IS NOT NULL;
CREATE INDEX ix_batches_of_account_due_ms ON batches (account_id, due_ms, batch_id)
    WHERE waiting_recipients IS NOT NULL;
CREATE TABLE console_sessions (
    digest $bytes NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    created_ms $id NOT NULL, used_ms $id NOT NULL
)$without_rowid;
CREATE INDEX ix_console_sessions_account_id ON console_sessions (account_id);
CREATE TABLE contact_blocks (
    account_id $id NOT NULL REFERENCES accounts (account_id), list_id $id NOT NULL,
    first_id $id NOT NULL, last_id $id NOT NULL, live INTEGER NOT NULL, deleted INTEGER NOT NULL,
    PRIMARY KEY (account_id, list_id, first_id)
)$without_rowid;
CREATE TABLE contact_lists (
    list_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    parent_id $id REFERENCES contact_lists (list_id), name TEXT NOT NULL, deleted_ms $id,
    kind TEXT DEFAULT 'list' NOT NULL, description TEXT DEFAULT '' NOT NULL
);
CREATE INDEX ix_contact_lists_account_id_list_id ON contact_lists (account_id, list_id);
CREATE UNIQUE INDEX uq_contact_lists_account_id_name ON contact_lists (account_id, name)
    WHERE kind = 'group' AND deleted_ms IS NULL;
CREATE TABLE contact_profiles (
    contact_id $id NOT NULL PRIMARY KEY REFERENCES contacts (contact_id),
    account_id $id NOT NULL REFERENCES accounts (account_id), email TEXT NOT NULL,
    profile TEXT NOT NULL
);
CREATE INDEX ix_contact_profiles_account_id_email_contact_id
    ON contact_profiles (account_id, email, contact_id);
CREATE TABLE credentials (
    credential_id $id NOT NULL PRIMARY KEY,
    account_id $id NOT NULL REFERENCES accounts (account_id), kind TEXT NOT NULL,
    digest $bytes NOT NULL, created_ms $id NOT NULL, revoked_ms $id
);
CREATE INDEX ix_credentials_account_id ON credentials (account_id);
CREATE INDEX ix_credentials_digest ON credentials (digest);
CREATE TABLE device_registrations (
    registration_id $id NOT NULL PRIMARY KEY,
    account_id $id NOT NULL REFERENCES accounts (account_id), carrier TEXT NOT NULL,
    kind TEXT NOT NULL, digest $bytes NOT NULL, expires_ms $id, used_ms $id
);
CREATE INDEX ix_device_registrations_digest ON device_registrations (digest);
CREATE TABLE devices (
    device_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    carrier TEXT NOT NULL, protocol TEXT NOT NULL, name TEXT NOT NULL, enabled BOOLEAN NOT NULL,
    app_version TEXT NOT NULL, push_token TEXT NOT NULL, signing_key TEXT NOT NULL,
    settings TEXT NOT NULL, health TEXT NOT NULL, created_ms $id NOT NULL, seen_ms $id NOT NULL,
    removed_ms $id, token_digest $bytes NOT NULL
);
CREATE INDEX ix_devices_account_id_device_id ON devices (account_id, device_id);
CREATE UNIQUE INDEX uq_devices_token_digest ON devices (token_digest);
CREATE TABLE email_services (
    account_id $id NOT NULL PRIMARY KEY REFERENCES accounts (account_id), enabled BOOLEAN NOT NULL,
    bandwidth FLOAT NOT NULL, purchased TEXT NOT NULL, billing TEXT NOT NULL, expiry TEXT NOT NULL
);
CREATE TABLE forwardings (
    forwarding_id $id NOT NULL PRIMARY KEY,
    account_id $id NOT NULL REFERENCES accounts (account_id), kind TEXT NOT NULL,
    dialect TEXT NOT NULL, url TEXT NOT NULL, charset TEXT NOT NULL, continuous BOOLEAN NOT NULL
);
CREATE INDEX ix_forwardings_account_id_forwarding_id ON forwardings (account_id, forwarding_id);
CREATE TABLE inbound_texts (
    inbound_id $id NOT NULL PRIMARY KEY, account_id $id REFERENCES accounts (account_id),
    carrier TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, text TEXT NOT NULL,
    alphabet TEXT NOT NULL, keyword TEXT NOT NULL, parts SMALLINT NOT NULL,
    complete BOOLEAN NOT NULL, handling TEXT DEFAULT 'kept' NOT NULL
);
CREATE INDEX ix_inbound_texts_account_id_inbound_id ON inbound_texts (account_id, inbound_id);
CREATE INDEX ix_inbound_texts_account_id_recipient_inbound_id
    ON inbound_texts (account_id, recipient, inbound_id);
CREATE INDEX ix_inbound_texts_account_id_sender_inbound_id
    ON inbound_texts (account_id, sender, inbound_id);
CREATE TABLE mail_templates (
    template_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    name TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL
);
CREATE INDEX ix_mail_templates_account_id_template_id ON mail_templates (account_id, template_id);
CREATE TABLE mailing_lists (
    list_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    title TEXT NOT NULL, language TEXT NOT NULL, sender TEXT NOT NULL, reply_to TEXT NOT NULL,
    company_name TEXT NOT NULL, company_address TEXT NOT NULL, company_url TEXT NOT NULL,
    company_phone TEXT NOT NULL, company_fax TEXT NOT NULL, state SMALLINT NOT NULL,
    created_ms $id NOT NULL
);
CREATE INDEX ix_mailing_lists_account_id_list_id ON mailing_lists (account_id, list_id);
CREATE TABLE merge_fields (
    field_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    name TEXT NOT NULL
);
CREATE INDEX ix_merge_fields_account_id_field_id ON merge_fields (account_id, field_id);
CREATE UNIQUE INDEX ix_merge_fields_account_id_name ON merge_fields (account_id, name);
CREATE TABLE newsletters (
    batch_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    title TEXT NOT NULL
);
CREATE INDEX ix_newsletters_account_id_batch_id ON newsletters (account_id, batch_id);
CREATE TABLE numbers (
    number_id $id NOT NULL PRIMARY KEY, number TEXT NOT NULL,
    account_id $id NOT NULL REFERENCES accounts (account_id), shared BOOLEAN NOT NULL,
    CONSTRAINT uq_numbers_number UNIQUE (number)
);
CREATE TABLE one_time_links (
    link_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    digest $bytes NOT NULL, expires_ms $id NOT NULL
);
CREATE INDEX ix_one_time_links_expires_ms ON one_time_links (expires_ms);
CREATE UNIQUE INDEX uq_one_time_links_digest ON one_time_links (digest);
CREATE TABLE opt_outs (
    opt_out_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    sender TEXT NOT NULL, recipient TEXT NOT NULL, inbound_id $id,
    origin TEXT DEFAULT 'web' NOT NULL
);
CREATE INDEX ix_opt_outs_account_id_opt_out_id ON opt_outs (account_id, opt_out_id);
CREATE UNIQUE INDEX uq_opt_outs_account_id_sender_recipient
    ON opt_outs (account_id, sender, recipient);
CREATE TABLE phone_settings (
    account_id $id NOT NULL PRIMARY KEY REFERENCES accounts (account_id), settings TEXT NOT NULL,
    signing_key TEXT NOT NULL
)$without_rowid;
CREATE TABLE purchases (
    purchase_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    gives BOOLEAN NOT NULL, amount $id NOT NULL, prices TEXT NOT NULL, created_ms $id NOT NULL
);
CREATE INDEX ix_purchases_account_id_purchase_id ON purchases (account_id, purchase_id);
CREATE TABLE scoped_tokens (
    token_id TEXT NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    family TEXT NOT NULL, scopes TEXT NOT NULL, access_digest $bytes NOT NULL,
    access_expires_ms $id NOT NULL, refresh_digest $bytes NOT NULL, refresh_expires_ms $id NOT NULL,
    refreshed_ms $id, revoked_ms $id
)$without_rowid;
CREATE INDEX ix_scoped_tokens_account_id ON scoped_tokens (account_id);
CREATE INDEX ix_scoped_tokens_refresh_expires_ms ON scoped_tokens (refresh_expires_ms);
CREATE UNIQUE INDEX uq_scoped_tokens_access_digest ON scoped_tokens (access_digest);
CREATE UNIQUE INDEX uq_scoped_tokens_refresh_digest ON scoped_tokens (refresh_digest);
CREATE TABLE senders (
    sender_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    sender TEXT NOT NULL, state TEXT NOT NULL, created_ms $id NOT NULL,
    details TEXT DEFAULT '{}' NOT NULL
);
CREATE UNIQUE INDEX uq_senders_account_id_sender ON senders (account_id, sender);
CREATE TABLE smpp_logins (
    account_id $id NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    system_id TEXT NOT NULL, receives BOOLEAN NOT NULL, options TEXT NOT NULL
)$without_rowid;
CREATE UNIQUE INDEX uq_smpp_logins_system_id ON smpp_logins (system_id);
CREATE TABLE submission_keys (
    account_id $id NOT NULL REFERENCES accounts (account_id), dialect TEXT NOT NULL,
    key TEXT NOT NULL, batch_id $id NOT NULL, device_id $id, recipients TEXT NOT NULL,
    PRIMARY KEY (account_id, dialect, key)
)$without_rowid;
CREATE UNIQUE INDEX uq_submission_keys_account_id_dialect_batch_id
    ON submission_keys (account_id, dialect, batch_id);
CREATE TABLE text_cursors (
    account_id $id NOT NULL REFERENCES accounts (account_id), number TEXT NOT NULL,
    position $id NOT NULL, PRIMARY KEY (account_id, number)
);
CREATE TABLE verifications (
    verification_id $id NOT NULL PRIMARY KEY,
    account_id $id NOT NULL REFERENCES accounts (account_id), recipient TEXT NOT NULL,
    digest $bytes NOT NULL, tries_left SMALLINT NOT NULL, expires_ms $id NOT NULL,
    scope TEXT DEFAULT '' NOT NULL
);
CREATE INDEX ix_verifications_account_id_recipient_verification_id
    ON verifications (account_id, recipient, verification_id);
CREATE INDEX ix_verifications_expires_ms ON verifications (expires_ms);
CREATE TABLE wallets (
    wallet_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    kind TEXT NOT NULL, unlimited BOOLEAN NOT NULL, available $id NOT NULL, held $id NOT NULL,
    spent $id NOT NULL
);
CREATE UNIQUE INDEX uq_wallets_account_id_kind ON wallets (account_id, kind);
CREATE TABLE paused_hosts (
    account_id $id NOT NULL, origin TEXT NOT NULL,
    since_ms $id NOT NULL, PRIMARY KEY (account_id, origin)
)$without_rowid;
CREATE TABLE webhooks (
    account_id $id NOT NULL REFERENCES accounts (account_id), dialect TEXT NOT NULL,
    key TEXT NOT NULL, event TEXT NOT NULL, url TEXT NOT NULL, device_id $id,
    created_ms $id NOT NULL, PRIMARY KEY (account_id, dialect, key)
)$without_rowid;
CREATE TABLE attachments (
    batch_id $id NOT NULL REFERENCES batches (batch_id), number SMALLINT NOT NULL,
    name TEXT NOT NULL, content_type TEXT NOT NULL, content $bytes NOT NULL,
    PRIMARY KEY (batch_id, number)
);
CREATE TABLE audiences (
    batch_id $id NOT NULL PRIMARY KEY REFERENCES batches (batch_id), content TEXT NOT NULL,
    done_up_to TEXT NOT NULL, seen INTEGER NOT NULL, taken INTEGER NOT NULL, stopped TEXT NOT NULL
)$without_rowid;
CREATE TABLE device_events (
    device_id $id NOT NULL REFERENCES devices (device_id), event_id TEXT NOT NULL,
    at_ms $id NOT NULL, PRIMARY KEY (device_id, event_id)
)$without_rowid;
CREATE INDEX ix_device_events_at_ms ON device_events (at_ms);
CREATE TABLE device_texts (
    inbound_id $id NOT NULL PRIMARY KEY, device_id $id NOT NULL REFERENCES devices (device_id),
    slot SMALLINT, digest $bytes
);
CREATE INDEX ix_device_texts_device_id_digest ON device_texts (device_id, digest);
CREATE TABLE imports (
    import_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    key TEXT NOT NULL, list_id $id REFERENCES contact_lists (list_id), name TEXT NOT NULL,
    clean BOOLEAN NOT NULL, drop_duplicates BOOLEAN NOT NULL, cleaned BOOLEAN NOT NULL,
    total INTEGER NOT NULL, processed INTEGER NOT NULL, rows_digest TEXT NOT NULL,
    rows_done INTEGER NOT NULL
);
CREATE UNIQUE INDEX ix_imports_key ON imports (key);
CREATE TABLE issues (
    issue_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL,
    list_id $id NOT NULL REFERENCES mailing_lists (list_id), title TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL, share_social BOOLEAN NOT NULL,
    web_analytics TEXT NOT NULL
);
CREATE INDEX ix_issues_list_id_issue_id ON issues (list_id, issue_id);
CREATE TABLE keywords (
    keyword_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL REFERENCES accounts (account_id),
    number TEXT NOT NULL, main_keyword_id $id NOT NULL, keyword TEXT NOT NULL,
    forwarding_id $id REFERENCES forwardings (forwarding_id), free_ms $id NOT NULL
);
CREATE INDEX ix_keywords_account_id_keyword_id ON keywords (account_id, keyword_id);
CREATE UNIQUE INDEX uq_keywords_number_main_keyword_id_keyword_free_ms
    ON keywords (number, main_keyword_id, keyword, free_ms);
CREATE TABLE ledger_entries (
    entry_id $id NOT NULL PRIMARY KEY, wallet_id $id NOT NULL REFERENCES wallets (wallet_id),
    kind TEXT NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL, amount $id NOT NULL,
    batch_id $id, note TEXT
);
CREATE INDEX ix_ledger_entries_wallet_id_entry_id ON ledger_entries (wallet_id, entry_id);
CREATE TABLE mailing_list_groups (
    list_id $id NOT NULL REFERENCES mailing_lists (list_id), group_id $id NOT NULL,
    account_id $id NOT NULL, added_ms $id NOT NULL, PRIMARY KEY (list_id, group_id)
);
CREATE TABLE memberships (
    list_id $id NOT NULL REFERENCES contact_lists (list_id),
    contact_id $id NOT NULL REFERENCES contacts (contact_id), PRIMARY KEY (list_id, contact_id)
)$without_rowid;
CREATE INDEX ix_memberships_contact_id_list_id ON memberships (contact_id, list_id);
CREATE TABLE messages (
    message_id $id NOT NULL PRIMARY KEY, batch_id $id NOT NULL REFERENCES batches (batch_id),
    account_id $id NOT NULL, recipient TEXT NOT NULL, route TEXT NOT NULL, mcc TEXT NOT NULL,
    parts SMALLINT NOT NULL, credits INTEGER NOT NULL, price INTEGER NOT NULL,
    state SMALLINT NOT NULL, carrier TEXT, failure TEXT, detail TEXT, attempts SMALLINT NOT NULL,
    possible_duplicate BOOLEAN NOT NULL, sent_ms $id, final_ms $id, text TEXT
);
CREATE INDEX ix_messages_failed ON messages (account_id, message_id, state)
    WHERE state > 30 AND state <> 40;
CREATE INDEX ix_messages_failed_of_recipient
    ON messages (account_id, recipient, message_id, state, parts)
    WHERE state > 30 AND state <> 40;
CREATE INDEX ix_messages_of_account ON messages (account_id, message_id, batch_id, parts);
CREATE INDEX ix_messages_of_batch ON messages (batch_id, message_id, parts);
CREATE INDEX ix_messages_of_recipient ON messages (account_id, recipient, message_id, parts);
CREATE INDEX ix_messages_unsent ON messages (route, account_id, message_id)
    WHERE state IN (10, 20);
CREATE TABLE orders (
    account_id $id NOT NULL, number $id NOT NULL,
    batch_id $id NOT NULL, order_id TEXT NOT NULL,
    message_type TEXT NOT NULL, PRIMARY KEY (account_id, number)
)$without_rowid;
CREATE UNIQUE INDEX uq_orders_account_id_batch_id ON orders (account_id, batch_id);
CREATE UNIQUE INDEX uq_orders_account_id_order_id ON orders (account_id, order_id);
CREATE TABLE short_id_counter (
    counter SMALLINT NOT NULL PRIMARY KEY, last INTEGER NOT NULL
);
CREATE TABLE short_ids (
    short_id INTEGER NOT NULL PRIMARY KEY, identifier $id NOT NULL
);
CREATE UNIQUE INDEX uq_short_ids_identifier ON short_ids (identifier);
CREATE TABLE sims (
    device_id $id NOT NULL REFERENCES devices (device_id), slot SMALLINT NOT NULL,
    carrier TEXT NOT NULL, reported_number TEXT NOT NULL, present BOOLEAN NOT NULL,
    label TEXT NOT NULL, number TEXT NOT NULL, limits TEXT NOT NULL, PRIMARY KEY (device_id, slot)
)$without_rowid;
CREATE TABLE subscriptions (
    subscription_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL,
    list_id $id NOT NULL REFERENCES mailing_lists (list_id), contact_id $id, address TEXT NOT NULL,
    address_key TEXT NOT NULL, state SMALLINT NOT NULL, confirmed_ms $id, ended_ms $id,
    ended_by TEXT NOT NULL, hard_bounces INTEGER NOT NULL
);
CREATE INDEX ix_subscriptions_list_id_subscription_id ON subscriptions (list_id, subscription_id);
CREATE UNIQUE INDEX uq_subscriptions_list_id_address_key ON subscriptions (list_id, address_key);
CREATE TABLE device_assignments (
    assignment_id $id NOT NULL PRIMARY KEY,
    message_id $id NOT NULL REFERENCES messages (message_id),
    device_id $id NOT NULL REFERENCES devices (device_id), carrier TEXT NOT NULL,
    slot SMALLINT NOT NULL, parts SMALLINT NOT NULL, state SMALLINT NOT NULL,
    cancelling SMALLINT NOT NULL, recipient TEXT NOT NULL, valid_until_ms $id NOT NULL,
    assigned_ms $id NOT NULL, changed_ms $id NOT NULL
);
CREATE INDEX ix_device_assignments_device_id_assignment_id
    ON device_assignments (device_id, assignment_id);
CREATE INDEX ix_device_assignments_message_id ON device_assignments (message_id);
CREATE INDEX ix_device_assignments_open ON device_assignments (carrier, assignment_id)
    WHERE state < 40;
CREATE TABLE issue_attachments (
    issue_id $id NOT NULL REFERENCES issues (issue_id), number SMALLINT NOT NULL,
    name TEXT NOT NULL, content_type TEXT NOT NULL, content $bytes NOT NULL,
    PRIMARY KEY (issue_id, number)
);
CREATE TABLE parts (
    message_id $id NOT NULL REFERENCES messages (message_id), number SMALLINT NOT NULL,
    carrier_message_id TEXT, state SMALLINT, error TEXT, reported_ms $id,
    PRIMARY KEY (message_id, number)
)$without_rowid;
CREATE TABLE premium_messages (
    message_id $id NOT NULL PRIMARY KEY REFERENCES messages (message_id), account_id $id NOT NULL,
    state SMALLINT NOT NULL, price INTEGER NOT NULL, content_type INTEGER NOT NULL,
    charity BOOLEAN NOT NULL, invoice_text TEXT NOT NULL, revenue_text TEXT NOT NULL,
    refunded_ms $id, notice_batch_id $id
);
CREATE TABLE sendings (
    sending_id $id NOT NULL PRIMARY KEY, account_id $id NOT NULL, list_id $id NOT NULL,
    issue_id $id NOT NULL REFERENCES issues (issue_id), contact_ids TEXT, due_ms $id NOT NULL,
    position $id NOT NULL, finished_ms $id
);
CREATE INDEX ix_sendings_waiting ON sendings (due_ms) WHERE finished_ms IS NULL;
"""
