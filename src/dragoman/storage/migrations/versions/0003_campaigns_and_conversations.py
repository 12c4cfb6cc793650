"""Campaigns by text, templates, short links; conversations and their answers; alerts.

Revision: 0003; after: 0002
"""

from __future__ import annotations

from string import Template

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WORDS = {
    "sqlite": {"id": "INTEGER", "without_rowid": " WITHOUT ROWID"},
    "postgresql": {"id": "BIGINT", "without_rowid": ""},
}


def upgrade() -> None:
    connection = op.get_bind()
    words = _WORDS[connection.dialect.name]
    for statement in _TABLES.strip().split(";\n"):
        connection.exec_driver_sql(Template(statement.strip("\n;")).substitute(words))


_TABLES = """
CREATE TABLE text_templates (
    template_id $id NOT NULL, account_id $id NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
    changed_ms $id NOT NULL, CONSTRAINT pk_text_templates PRIMARY KEY (template_id),
    CONSTRAINT fk_text_templates_account_id FOREIGN KEY (account_id)
        REFERENCES accounts (account_id)
);
CREATE UNIQUE INDEX uq_text_templates_account_id_name ON text_templates (account_id, name);
CREATE TABLE campaigns (
    campaign_id $id NOT NULL, account_id $id NOT NULL, name TEXT NOT NULL, sender TEXT NOT NULL,
    text TEXT NOT NULL, plan TEXT NOT NULL, state SMALLINT NOT NULL, problem TEXT NOT NULL,
    changed_ms $id NOT NULL, started_ms $id, ended_ms $id, estimate TEXT, tally TEXT,
    CONSTRAINT pk_campaigns PRIMARY KEY (campaign_id),
    CONSTRAINT fk_campaigns_account_id FOREIGN KEY (account_id) REFERENCES accounts (account_id)
);
CREATE INDEX ix_campaigns_account_id_campaign_id ON campaigns (account_id, campaign_id);
CREATE INDEX ix_campaigns_active ON campaigns (campaign_id) WHERE state IN (20, 30, 40);
CREATE TABLE campaign_batches (
    campaign_id $id NOT NULL, batch_id $id NOT NULL, zone TEXT NOT NULL,
    CONSTRAINT pk_campaign_batches PRIMARY KEY (campaign_id, batch_id)
)$without_rowid;
CREATE INDEX ix_campaign_batches_batch_id ON campaign_batches (batch_id);
CREATE TABLE short_links (
    link_id $id NOT NULL, campaign_id $id NOT NULL, token TEXT NOT NULL, url TEXT NOT NULL,
    clicks INTEGER NOT NULL, clicked_ms $id, CONSTRAINT pk_short_links PRIMARY KEY (link_id)
);
CREATE UNIQUE INDEX uq_short_links_token ON short_links (token);
CREATE INDEX ix_short_links_campaign_id ON short_links (campaign_id);
CREATE TABLE conversations (
    account_id $id NOT NULL, number TEXT NOT NULL, last_id $id NOT NULL, read_id $id NOT NULL,
    CONSTRAINT pk_conversations PRIMARY KEY (account_id, number)
)$without_rowid;
CREATE INDEX ix_conversations_account_id_last_id ON conversations (account_id, last_id);
CREATE INDEX ix_conversations_last_id ON conversations (last_id);
CREATE INDEX ix_conversations_unread ON conversations (account_id, last_id)
    WHERE read_id < last_id;
INSERT INTO conversations (account_id, number, last_id, read_id)
    SELECT account_id, sender, MAX(inbound_id), MAX(inbound_id) FROM inbound_texts
    WHERE account_id IS NOT NULL AND sender <> '0' GROUP BY account_id, sender;
CREATE TABLE auto_answers (
    account_id $id NOT NULL, number TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    changed_ms $id NOT NULL, CONSTRAINT pk_auto_answers PRIMARY KEY (account_id, number, kind),
    CONSTRAINT fk_auto_answers_account_id FOREIGN KEY (account_id)
        REFERENCES accounts (account_id)
)$without_rowid;
CREATE TABLE alert_rules (
    rule_id $id NOT NULL, account_id $id NOT NULL, rule TEXT NOT NULL, changed_ms $id NOT NULL,
    CONSTRAINT pk_alert_rules PRIMARY KEY (rule_id),
    CONSTRAINT fk_alert_rules_account_id FOREIGN KEY (account_id) REFERENCES accounts (account_id)
);
CREATE INDEX ix_alert_rules_account_id ON alert_rules (account_id);
CREATE TABLE alerts (
    alert_id $id NOT NULL, account_id $id NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, told TEXT NOT NULL, ended_ms $id,
    CONSTRAINT pk_alerts PRIMARY KEY (alert_id)
);
CREATE INDEX ix_alerts_account_id_alert_id ON alerts (account_id, alert_id);
CREATE INDEX ix_alerts_open ON alerts (rule, subject) WHERE ended_ms IS NULL;
"""
