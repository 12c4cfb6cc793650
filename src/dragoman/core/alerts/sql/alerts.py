"""Rules of alerts, alerts, and what only the database knows of what they look at."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from dragoman.core.alerts.model.rules import MAX_RULES, Alert, StoredRule, Told
from dragoman.core.alerts.sql.tables import alert_rules, alerts
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.sql.tables import hourly_statistics
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import are_empty, count, insert_rows, read_all, row_of
from dragoman.storage.work import one_by_one

KEPT = 10_000
"""Alerts that are kept, of all accounts."""
_IS_OPEN = text("ended_ms IS NULL")


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is to be, where nobody changed it since `known_ms`."""

    stored: StoredRule
    known_ms: int


class RuleKey(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of an account."""

    account_id: int
    rule_id: int


class AlertNote(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an alert."""

    alert_id: int
    told: tuple[Told, ...]
    ended_ms: int | None = None


def load_rules(connection: Connection) -> list[StoredRule]:
    """The rules of all accounts, oldest first."""
    if are_empty(connection, alert_rules):
        return []
    return read_all(connection, select(alert_rules).order_by(alert_rules.c.rule_id), StoredRule)


def load_open(connection: Connection) -> list[Alert]:
    """Alerts that have not ended."""
    if are_empty(connection, alerts):
        return []
    return read_all(connection, select(alerts).where(_IS_OPEN), Alert)


def find_page(
    connection: Connection, account_ids: tuple[int, ...], before: int | None, limit: int
) -> list[Alert]:
    """Alerts of some accounts, newest first."""
    query = select(alerts).where(alerts.c.account_id.in_(account_ids))
    if before is not None:
        query = query.where(alerts.c.alert_id < before)
    return read_all(connection, query.order_by(alerts.c.alert_id.desc()).limit(limit), Alert)


def count_states(connection: Connection, account_id: int, since_ms: int) -> dict[str, int]:
    """Messages of an account by state, those that were accepted since a time, by whole hours."""
    table = hourly_statistics.c
    query = (
        select(table.value, func.sum(table.count).label("total"))
        .where(
            table.account_id == account_id,
            table.hour_ms >= since_ms,
            table.direction == "outbox",
            table.dimension == "mcc:status",
        )
        .group_by(table.value)
    )
    found: dict[str, int] = {}
    for row in connection.execute(query):
        state = row.value.partition(":")[2]
        found[state] = found.get(state, 0) + int(row.total)
    return found


def newest_text(connection: Connection, account_id: int) -> int:
    """The last text that an account received; 0 where there is none."""
    query = select(func.max(inbound_texts.c.inbound_id)).where(
        inbound_texts.c.account_id == account_id
    )
    return connection.execute(query).scalar() or 0


@one_by_one("create_alert_rules")
def create(connection: Connection, item: StoredRule) -> None:
    if count(connection, alert_rules.c.account_id == item.account_id) >= MAX_RULES:
        raise Refused(RefusalCode.INVALID_FIELD, "rules", f"at most {MAX_RULES}")
    insert_rows(connection, alert_rules, [item])


@one_by_one("change_alert_rules")
def change(connection: Connection, item: RuleChange) -> bool:
    """False where someone else changed or deleted it."""
    row = row_of(item.stored)
    changed = update(alert_rules).where(
        alert_rules.c.rule_id == item.stored.rule_id,
        alert_rules.c.account_id == item.stored.account_id,
        alert_rules.c.changed_ms == item.known_ms,
    )
    values = {"rule": row["rule"], "changed_ms": row["changed_ms"]}
    return bool(connection.execute(changed.values(values)).rowcount)


@one_by_one("remove_alert_rules")
def remove(connection: Connection, item: RuleKey) -> bool:
    """False where there is none."""
    gone = delete(alert_rules).where(
        alert_rules.c.rule_id == item.rule_id, alert_rules.c.account_id == item.account_id
    )
    return bool(connection.execute(gone).rowcount)


@one_by_one("raise_alerts")
def begin(connection: Connection, item: Alert) -> None:
    insert_rows(connection, alerts, [item])
    ids = alerts.c.alert_id
    oldest = select(ids).order_by(ids.desc()).offset(KEPT).limit(1).scalar_subquery()
    connection.execute(delete(alerts).where(ids <= oldest, alerts.c.ended_ms.is_not(None)))


@one_by_one("note_alerts")
def note(connection: Connection, item: AlertNote) -> None:
    values: dict[str, Any] = {"told": msgspec.json.encode(item.told).decode()}
    if item.ended_ms is not None:
        values["ended_ms"] = item.ended_ms
    connection.execute(update(alerts).where(alerts.c.alert_id == item.alert_id).values(values))
