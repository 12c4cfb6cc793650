"""Rules of alerts, and the alerts there were."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Text

from dragoman.storage.metadata import (
    Identifier,
    partial_index,
    primary_identifier,
    required,
    table,
)

alert_rules = table(
    "alert_rules",
    primary_identifier("rule_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("changed_ms", Identifier, nullable=False),
    Index("ix_alert_rules_account_id", "account_id"),
)
"""`rule` is an `alerts.model.rules.Rule` as JSON."""

alerts = table(
    "alerts",
    primary_identifier("alert_id"),
    Column("account_id", Identifier, nullable=False),
    *required(Text, "rule", "subject", "detail", "told"),
    Column("ended_ms", Identifier),
    Index("ix_alerts_account_id_alert_id", "account_id", "alert_id"),
    partial_index("ix_alerts_open", "rule", "subject", where="ended_ms IS NULL"),
)
"""What a rule found, from the time in the identifier on; `account_id` 0 is the configuration's.

`told` says to whom it was said, and what came of that.
"""
