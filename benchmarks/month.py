"""A month of a provider's traffic in a database: accounts in a tree, messages and all about them.

Half of the messages belong to one account that has none below it, two fifths to twenty resellers,
the rest is spread over all accounts alike. Messages are made as for F (`queries.add_messages`),
with their receipts, parts, callbacks, ledger entries and events; besides there are received texts,
opt-outs, senders, keywords and their services, phones, and the log of changes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert, text

from benchmarks.belongings import add_belongings
from benchmarks.queries import (
    DAY_MS,
    DAYS,
    HOUR_MS,
    NAMES,
    Spread,
    add_messages,
    filling,
    series_of,
)
from dragoman.core.accounts.credentials import Credentials
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.accounts.sql.accounts import render_permissions
from dragoman.core.accounts.sql.tables import accounts, audit_entries, credentials, senders
from dragoman.core.billing.sql.tables import wallets
from dragoman.core.messages.sql.outcome_counts import FAILURES, ROUTE_STATUS, TIMES
from dragoman.kit.clock import SystemClock
from dragoman.kit.ids import EPOCH_MS, SEQUENCE_BITS, IdSource, first_at, render_base36
from dragoman.storage.engine import Storage
from dragoman.storage.short_ids import short_id_counter

PASSWORD: Final = "benchmark-password"
OPERATOR, CUSTOMER = 1, 2
"""The account above all, and the one with half of the messages."""
RESELLERS: Final = 20
FIRST_FREE_ID: Final = 1_000_000
NUMBER: Final = "4520000000"
"""To which texts come."""
TEXTS_SHARE, OPT_OUTS_SHARE = 10, 20
"""One received text for so many messages, and one opt-out."""
CHANGES: Final = 10_000
"""Entries in the log of changes about one account."""

_PER_MS: Final = 1 << SEQUENCE_BITS
_HASH_OF_BATCH: Final = "(b * 2654435761 % 4294967296 / 97)"
_ACCOUNT: Final = (
    "CASE WHEN {h} % 10 < 5 THEN 2 WHEN {h} % 10 < 9 THEN 3 + {h} / 10 % {resellers}"
    " ELSE 1 + {h} / 1000 % {accounts} END"
)
_MADE: Final = f"({{message}}) / {_PER_MS} + {EPOCH_MS}"
_MADE_OF_BATCH: Final = f"({{batch}}) / {_PER_MS} + {EPOCH_MS}"
_DELAY: Final = "(CASE WHEN h % 10 < 8 THEN h / 100 % 15000 ELSE h / 100 % 900000 END)"
_STEP: Final = (
    "CASE WHEN final_ms - sent_ms <= 1000 THEN '1' WHEN final_ms - sent_ms <= 2000 THEN '2'"
    " WHEN final_ms - sent_ms <= 5000 THEN '5' WHEN final_ms - sent_ms <= 10000 THEN '10'"
    " WHEN final_ms - sent_ms <= 20000 THEN '20' WHEN final_ms - sent_ms <= 60000 THEN '60'"
    " WHEN final_ms - sent_ms <= 300000 THEN '300' ELSE '1800' END"
)
_COUNTED: Final = (
    *Spread().counted,
    (ROUTE_STATUS, f"route || ':' || {NAMES}", "1 = 1"),
    *((name, f"{side} || ':' || failure", "state > 40") for side, name in FAILURES.items()),
    *((name, f"{side} || ':' || {_STEP}", "state = 40") for side, name in TIMES.items()),
)
_ABOUT_MESSAGES: Final = (
    "INSERT INTO receipt_keys (carrier, key, message_id, part)"
    " SELECT 'smsc', 'k' || CAST(message_id AS TEXT), message_id, 1 FROM messages",
    "INSERT INTO parts (message_id, number, carrier_message_id, state, error, reported_ms)"
    " SELECT message_id, n, 'k' || CAST(message_id AS TEXT), state, '000', final_ms FROM messages"
    " CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS numbers WHERE parts = 2 AND state > 30",
    "INSERT INTO callbacks (callback_id, account_id, message_id, dialect, origin, url, payload,"
    " state, attempts, next_attempt_ms, answered_ms, answer_status, answer)"
    " SELECT message_id + 1, account_id, message_id, 'linkmobility', 'https\\://example.org\\:443',"
    " 'https\\://example.org/report', '{{\"message_id\"\\:' || CAST(message_id AS TEXT) ||"
    ' \',"batch_id"\\:1,"state"\\:40,"at_ms"\\:0,"recipient"\\:"4511","sender"\\:"S"}}\','
    " 1, 1, 0, final_ms, 200, 'OK' FROM messages WHERE state > 30 AND message_id % 3 = 0",
    "INSERT INTO message_events (event_id, message_id, kind, part, carrier, link, code, detail,"
    " raw) SELECT message_id + 2, message_id, 'receipt', 1, 'smsc', '', 'undelivered', '000',"
    " 'err\\:001' FROM messages WHERE state > 40",
    "INSERT INTO ledger_entries (entry_id, wallet_id, kind, debit, credit, amount, batch_id)"
    " SELECT batch_id + 1, {wallets} + account_id, 0, 0, 1, recipients,"
    " batch_id FROM batches",
    "INSERT INTO ledger_entries (entry_id, wallet_id, kind, debit, credit, amount, batch_id)"
    " SELECT batch_id + 2, {wallets} + account_id, 1, 1, 2, recipients,"
    " batch_id FROM batches",
)
_TEXT_ID: Final = "{first} + i * {gap_us} / 1000 * {per_ms} + 5"
_TEXTS: Final = (
    "INSERT INTO inbound_texts (inbound_id, account_id, carrier, sender, recipient, text, alphabet,"
    " keyword, parts, complete) SELECT {identifier}, CASE WHEN i % 10 < 7 THEN 2 ELSE 3 + i % 20"
    " END, 'smsc', '451' || CAST(1000000 + i * 7919 % 1000000 AS TEXT), '{number}', 'JOIN the club"
    " number ' || CAST(i AS TEXT) || ' please', 'gsm7', 'JOIN', 1, {yes} FROM ({series}) AS s"
)
_COUNTED_TEXTS: Final = (
    "INSERT INTO hourly_statistics SELECT account_id, hour, 'inbox', 'sum', 'sum', count(*),"
    " count(*) FROM (SELECT account_id, (inbound_id / {per_ms} + {epoch}) / 3600000 * 3600000"
    " AS hour FROM inbound_texts) AS t GROUP BY account_id, hour"
)
_OPT_OUTS: Final = (
    "INSERT INTO opt_outs (opt_out_id, account_id, sender, recipient, inbound_id, origin)"
    " SELECT {identifier}, CASE WHEN i % 10 < 9 THEN 2 ELSE 3 END, '', '452' ||"
    " CAST(1000000 + i AS TEXT), NULL, 'stop' FROM ({series}) AS s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What was made: of whom, and from when to when."""

    accounts: int
    begin_ms: int
    end_ms: int


def fill(storage: Storage, messages: int, account_count: int) -> Month:
    """Fills an empty database with a month that ends now."""
    end_ms = SystemClock().now_ms() // HOUR_MS * HOUR_MS
    month = Month(accounts=account_count, begin_ms=end_ms - DAYS * DAY_MS, end_ms=end_ms)
    with filling(storage) as connection:
        _add_accounts(connection, month)
        add_belongings(connection, (OPERATOR, CUSTOMER), NUMBER, account_count, month.begin_ms)
        add_messages(connection, messages, _spread(month))
        words = _words(storage, month, messages)
        for statement in _ABOUT_MESSAGES:
            connection.execute(text(statement.format(**words)))
        _add_texts(connection, messages, words)
        _add_opt_outs(connection, messages, words)
        connection.execute(insert(short_id_counter).values(counter=1, last=FIRST_FREE_ID))
    return month


def _spread(month: Month) -> Spread:
    is_failed = "({states}) > 40"
    return Spread(
        begin_ms=month.begin_ms,
        account=_ACCOUNT.format(
            h=_HASH_OF_BATCH, resellers=RESELLERS, accounts=month.accounts
        ),
        route="CASE h % 8 WHEN 0 THEN 'abroad' WHEN 1 THEN 'cheap' ELSE 'default' END",
        mcc="CASE h % 50 WHEN 7 THEN '240' WHEN 8 THEN '242' WHEN 9 THEN '262' WHEN 10 THEN '208'"
        " WHEN 11 THEN '310' ELSE '238' END",
        failure=f"CASE WHEN {is_failed} THEN CASE h % 3 WHEN 0 THEN 'absent_subscriber'"
        " WHEN 1 THEN 'unknown_subscriber' ELSE 'network' END END",
        sent=f"{_MADE} + h % 400",
        final=f"CASE WHEN ({{states}}) > 30 THEN {_MADE} + h % 400 + {_DELAY} END",
        due=_MADE_OF_BATCH,
        expires=f"{_MADE_OF_BATCH} + {3 * DAY_MS}",
        counted=_COUNTED,
    )  # fmt: skip


def _words(storage: Storage, month: Month, messages: int) -> dict[str, Any]:
    return {
        "first": first_at(month.begin_ms),
        "per_ms": _PER_MS,
        "epoch": EPOCH_MS,
        "gap_us": DAYS * DAY_MS * 1000 // max(1, messages),
        "wallets": WALLETS,
        "yes": 1 if storage.is_sqlite else "true",
        "number": NUMBER,
    }


WALLETS: Final = 1_000_000
"""The wallet of an account is that of its number behind this."""


def parent_of(account_id: int) -> int | None:
    """The account right above one: the operator, a reseller, nobody."""
    if account_id == OPERATOR:
        return None
    first = CUSTOMER + 1
    if account_id < first + RESELLERS:
        return OPERATOR
    return first + account_id % RESELLERS


def name_of(account_id: int) -> str:
    """Its user name."""
    return {OPERATOR: "operator", CUSTOMER: "customer"}.get(account_id, f"account-{account_id}")


def _add_accounts(connection: Connection, month: Month) -> None:
    rows, purses, names = [], [], []
    paths: dict[int | None, str] = {None: ""}
    for account_id in range(1, month.accounts + 1):
        parent_id = parent_of(account_id)
        paths[account_id] = f"{paths[parent_id]}/{render_base36(account_id)}".lstrip("/")
        rows.append(
            {
                "account_id": account_id,
                "parent_id": parent_id,
                "path": paths[account_id],
                "username": name_of(account_id),
                "enabled": account_id % 50 != 49,
                "permissions": render_permissions(_permissions_of(account_id)),
                "allowed_addresses": "",
                "time_zone": "Europe/Copenhagen",
                "default_sender": "",
                "max_parts": 10,
                "max_recipients": 1_000,
                "created_ms": month.begin_ms,
            }
        )
        purses.append(
            {
                "wallet_id": WALLETS + account_id,
                "account_id": account_id,
                "kind": "credits",
                "unlimited": False,
                "available": 1_000_000,
                "held": 0,
                "spent": 0,
            }
        )
        names += [
            {
                "sender_id": account_id * 10 + number,
                "account_id": account_id,
                "sender": f"Shop{number}",
                "state": state,
                "created_ms": month.begin_ms,
            }
            for number, state in enumerate(("approved", "approved", "pending"))
        ]
    for table, made in ((accounts, rows), (wallets, purses), (senders, names)):
        connection.execute(insert(table), made)
    connection.execute(insert(credentials), asyncio.run(_make_credentials()))
    connection.execute(insert(audit_entries), list(_changes(month)))


def _permissions_of(account_id: int) -> frozenset[Permission]:
    own = DEFAULT_PERMISSIONS | {Permission.INBOX}
    if account_id == OPERATOR:
        return own | {Permission.OPERATE, Permission.ADMINISTER}
    return own if account_id == CUSTOMER else own | {Permission.ADMINISTER}


async def _make_credentials() -> list[dict[str, Any]]:
    clock = SystemClock()
    maker = Credentials(ids=IdSource(clock), clock=clock)
    made: list[Any] = []
    for account_id in (OPERATOR, CUSTOMER):
        made += await maker.of_password(account_id, PASSWORD, legacy_md5=False)
    return [
        {name: getattr(one, name) for name in one.__struct_fields__} | {"revoked_ms": None}
        for one in made
    ]


def _changes(month: Month) -> list[dict[str, Any]]:
    return [
        {
            "entry_id": first_at(month.begin_ms + number * 1000),
            "account_id": CUSTOMER,
            "actor_id": OPERATOR,
            "action": "access",
            "subject": "allowed addresses",
            "at_ms": month.begin_ms + number * 1000,
        }
        for number in range(CHANGES)
    ]


def _add_texts(connection: Connection, messages: int, words: dict[str, Any]) -> None:
    sqlite = connection.dialect.name == "sqlite"
    count = messages // TEXTS_SHARE
    words = words | {"gap_us": words["gap_us"] * TEXTS_SHARE}
    identifier, series = _TEXT_ID.format(**words), series_of(sqlite, 0, count)
    connection.execute(text(_TEXTS.format(identifier=identifier, series=series, **words)))
    connection.execute(text(_COUNTED_TEXTS.format(**words)))


def _add_opt_outs(connection: Connection, messages: int, words: dict[str, Any]) -> None:
    sqlite = connection.dialect.name == "sqlite"
    count = messages // OPT_OUTS_SHARE
    words = words | {"gap_us": words["gap_us"] * OPT_OUTS_SHARE}
    identifier, series = _TEXT_ID.format(**words), series_of(sqlite, 0, count)
    connection.execute(text(_OPT_OUTS.format(identifier=identifier, series=series, **words)))
