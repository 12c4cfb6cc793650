"""Every column that can hold a number or a text is known, and forgotten when it is to be.

A new column of text has to be entered below: what it holds, and what makes it forget that.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Column, Integer, LargeBinary, Text, insert

from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.inbound.sql.opt_outs import ERASED
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.callbacks import CallbackFacts, TextFacts
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Push
from dragoman.core.messages.model.premium import Premium
from dragoman.core.messages.model.records import BatchOptions, StoredAudience
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.core.retention.model import ExportCursor, Kept, Lifetimes
from dragoman.core.retention.retention import DAY_MS, Retention
from dragoman.core.tables import metadata
from dragoman.kit.clock import FixedClock
from dragoman.storage.work import Operation

NUMBER = "4512345678"
OTHER = "4587654321"
TEXT = "meet me at noon"

TEXTS, NUMBERS, ERASE = "texts_days", "numbers_days", "erase"
SWEPT, IN_BOTH = {NUMBERS, ERASE}, {TEXTS, NUMBERS, ERASE}

HOLDS_NUMBER: dict[str, set[str]] = {
    "audiences.content": SWEPT,
    "audiences.done_up_to": SWEPT,
    "batches.options": SWEPT,
    "batches.reference": {ERASE},
    "callback_attempts.answer": SWEPT,
    "callbacks.answer": SWEPT,
    "callbacks.payload": SWEPT,
    "callbacks.url": SWEPT,
    "contact_profiles.email": {ERASE},
    "contact_profiles.profile": {ERASE},
    "contacts.fields": {ERASE},
    "contacts.mobile": {ERASE},
    "conversations.number": SWEPT,
    "device_assignments.recipient": SWEPT,
    "inbound_parts.sender": {ERASE},
    "inbound_texts.sender": SWEPT,
    "message_events.detail": IN_BOTH,
    "messages.detail": SWEPT,
    "messages.recipient": SWEPT,
    "opt_outs.recipient": {ERASE},
    "parked_receipts.raw": {ERASE},
    "parked_receipts.recipient": {ERASE},
    "submission_keys.key": SWEPT,
    "submission_keys.recipients": SWEPT,
    "verifications.recipient": {ERASE},
}
"""What makes each of them forget a number. Contacts are the account's until it deletes them, and
opt-outs stay; the others that only an erasure reaches are kept for hours, or are a customer's own
name for a message."""

HOLDS_TEXT: dict[str, set[str]] = {
    "attachments.content": {TEXTS, ERASE},
    "attachments.name": {TEXTS, ERASE},
    "batches.options": {TEXTS, ERASE},
    "batches.text": {TEXTS, ERASE},
    "callbacks.payload": {TEXTS, ERASE},
    "inbound_parts.content": {ERASE},
    "inbound_texts.keyword": {TEXTS, ERASE},
    "inbound_texts.text": {TEXTS, ERASE},
    "message_events.raw": IN_BOTH,
    "messages.text": {TEXTS, ERASE},
    "premium_messages.invoice_text": {TEXTS, ERASE},
}

NEEDED = {"batches.waiting_recipients", "group_marks.answer"}
"""Empty from when its recipients are messages; replaced with the next group of writes."""

HASHES = {"device_texts.digest"}
"""Of a text and its sender, to know it again; forgotten with either."""

OF_CUSTOMERS = {
    *("account_records.record", "accounts.username", "accounts.default_sender", "accounts.details"),
    *("dialect_records.name", "dialect_records.record"),
    *("batches.sender", "contact_lists.name", "contact_lists.description", "devices.name"),
    *("devices.health", "devices.settings", "email_services.billing", "forwardings.url"),
    *("people.name", "people.issuer", "people.subject", "saved_searches.name"),
    *("saved_searches.query", "api_keys.name", "console_sessions.address"),
    *("console_sessions.browser",),
    *("imports.key", "imports.name", "keywords.keyword", "keywords.number", "merge_fields.name"),
    *("newsletters.title", "numbers.number", "opt_outs.sender", "orders.order_id"),
    *("phone_settings.settings", "premium_messages.revenue_text", "senders.sender"),
    *("senders.details", "sims.label", "sims.number", "sims.reported_number"),
    *(
        "smpp_logins.system_id",
        "smpp_logins.options",
        "text_cursors.number",
        "webhooks.key",
        "webhooks.url",
    ),
    *("inbound_parts.recipient", "inbound_texts.recipient", "ledger_entries.note"),
    *("text_templates.name", "text_templates.text", "campaigns.name", "campaigns.sender"),
    *("campaigns.text", "campaigns.plan", "short_links.url", "auto_answers.number"),
    *("auto_answers.text", "alert_rules.rule", "alerts.rule", "alerts.subject"),
    *("alerts.detail", "alerts.told"),
    *(
        "callbacks.origin",
        "paused_hosts.origin",
        "audit_entries.subject",
        "ingested_rows.reference",
    ),
    # The first words of received texts, counted.
    "hourly_statistics.value",
}
"""Names, numbers and settings of accounts themselves, and their own names for things."""

BY_ADDRESS = {
    *("deliveries.address", "deliveries.answer", "issue_attachments.content"),
    *("issue_attachments.name", "issues.html", "issues.subject", "issues.text", "issues.title"),
    *("mail_templates.html", "mail_templates.name", "mail_templates.subject"),
    *("mail_templates.text", "subscriptions.address", "subscriptions.address_key"),
    *("mailing_lists.title", "mailing_lists.sender", "mailing_lists.reply_to"),
    *(f"mailing_lists.company_{name}" for name in ("name", "address", "url", "phone", "fax")),
}
"""E-mail campaigns, which know people by their address."""

CODES = {
    *("accounts.path", "accounts.permissions", "accounts.allowed_addresses", "accounts.time_zone"),
    *(
        "accounts.country",
        "accounts.prefixes",
        "accounts.profile",
        "accounts.payer",
        "accounts.message_types",
    ),
    *("account_records.dialect", "admin_tokens.name", "admin_tokens.digest"),
    *("auth_tokens.public_id", "auth_tokens.token"),
    *("dialect_records.dialect", "dialect_records.kind"),
    *("carrier_texts.carrier", "carrier_texts.provider_id"),
    *("price_lists.carrier", "price_lists.content"),
    *("campaigns.problem", "campaigns.estimate", "campaigns.tally", "campaign_batches.zone"),
    *("short_links.token", "auto_answers.kind"),
    *("api_keys.scopes", "api_keys.allowed_addresses", "people.role", "people.password"),
    *("people.invitation", "second_factors.secret", "second_factors.recovery"),
    *("attachments.content_type", "audiences.stopped", "audit_entries.action", "batches.dialect"),
    *("batches.protocol", "batches.format", "callbacks.dialect", "console_sessions.digest"),
    *("contact_lists.kind", "credentials.kind", "credentials.digest"),
    *("device_assignments.carrier", "device_events.event_id", "device_registrations.carrier"),
    *("device_registrations.kind", "device_registrations.digest", "devices.carrier"),
    *("devices.protocol", "devices.app_version", "devices.push_token", "devices.signing_key"),
    *("devices.token_digest", "email_services.purchased", "email_services.expiry"),
    *("forwardings.kind", "forwardings.dialect", "forwardings.charset", "held_carriers.carrier"),
    *("hourly_statistics.direction", "hourly_statistics.dimension", "imports.rows_digest"),
    *("inbound_parts.carrier", "inbound_parts.alphabet", "inbound_texts.carrier"),
    *("inbound_parts.header", "inbound_texts.header"),
    *("inbound_texts.alphabet", "inbound_texts.handling", "ingested_rows.direction"),
    *("issue_attachments.content_type", "issues.web_analytics"),
    "mailing_lists.language",
    *("message_events.kind", "message_events.carrier", "message_events.link"),
    *("message_events.code", "messages.route", "messages.mcc", "messages.carrier"),
    *("messages.failure", "one_time_links.digest", "opt_outs.origin", "orders.message_type"),
    *("parked_receipts.carrier", "parked_receipts.carrier_message_id", "parked_receipts.keys"),
    *("parked_receipts.error", "parts.carrier_message_id", "parts.error"),
    *("phone_settings.signing_key", "purchases.prices", "receipt_keys.carrier"),
    *("receipt_keys.key", "retention_leftovers.sweep", "retention_positions.sweep"),
    *("scoped_tokens.token_id", "scoped_tokens.family", "scoped_tokens.scopes"),
    *("scoped_tokens.access_digest", "scoped_tokens.refresh_digest", "secrets.name"),
    *("secrets.secret", "senders.state", "sendings.contact_ids", "sims.carrier", "sims.limits"),
    *("submission_keys.dialect", "subscription_tokens.digest", "subscriptions.ended_by"),
    *(
        "verifications.digest",
        "verifications.scope",
        "wallets.kind",
        "webhooks.dialect",
        "webhooks.event",
    ),
}
"""States, codes, identifiers, and digests of secrets."""


def is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, Text | LargeBinary)


def test_every_column_of_text_is_declared_once_and_what_is_none_is_a_number() -> None:
    columns = {str(c): c for table in metadata.tables.values() for c in table.columns}
    texts = {name for name, column in columns.items() if is_text(column)}
    groups = [
        HOLDS_NUMBER.keys() | HOLDS_TEXT.keys(),
        *(NEEDED, HASHES, OF_CUSTOMERS, BY_ADDRESS, CODES),
    ]
    declared = [name for group in groups for name in group]
    assert sorted(declared) == sorted(texts)
    others = {type(columns[name].type).__name__ for name in columns.keys() - texts}
    assert others <= {"BigInteger", "Integer", "SmallInteger", "Boolean", "Float", "Word"}


def _insert(connection: Any, items: list[tuple[str, dict[str, Any]]]) -> list[None]:
    for table, values in items:
        connection.execute(insert(metadata.tables[table]).values(values))
    return [None] * len(items)


INSERT: Operation[tuple[str, dict[str, Any]], None] = Operation(_insert)  # type: ignore[arg-type]


class Registry:
    """A gateway in whose tables a number and a text stand wherever they can."""

    def __init__(self, house: Any, account: Any) -> None:
        self.house = house
        self.account = account
        self.clock: FixedClock = house.clock

    async def add(self, table: str, **given: Any) -> None:
        """A row: what is given, the number or text where the table can hold it, else anything."""
        row = {
            column.name: _value_of(column)
            for column in metadata.tables[table].columns
            if not column.nullable or f"{column}" in HOLDS_NUMBER.keys() | HOLDS_TEXT.keys()
        }
        row["account_id"] = self.account.account_id
        row = {name: v for name, v in row.items() if name in metadata.tables[table].columns}
        await self.house.storage.writer.write(INSERT, (table, row | given))

    async def fill(
        self, state: State = State.DELIVERED, called: CallbackState = CallbackState.DELIVERED
    ) -> dict[str, int]:
        """One message and one received text, with all that can belong to them."""
        next_id = self.house.ids.next
        batch, message, text, contact = next_id(), next_id(), next_id(), next_id()
        calls = {"message": next_id(), "text": next_id()}
        options = BatchOptions(
            callback_url=f"https://me:pw@a.example/?to={NUMBER}",
            return_data=f"for {NUMBER}",
            premium=Premium(price=100, content_type=1, invoice_text=TEXT),
            push=Push(url=f"https://b.example/{TEXT}"),
        )
        await self.add(
            "batches",
            batch_id=batch,
            reference=f"order {NUMBER}",
            options=msgspec.json.encode(options).decode(),
            state=BatchState.RUNNING.value,
            recipients=1,
            waiting_recipients=None,
            unsent=1,
            buffered=0,
        )
        await self.add("messages", message_id=message, batch_id=batch, state=state.value)
        audience = StoredAudience(numbers=(NUMBER,), audience=Audience(), max_parts=1)
        of_batch = {"batch_id": batch}
        await self.add(
            "audiences", **of_batch, content=msgspec.json.encode(audience).decode(), stopped=""
        )
        await self.add("attachments", **of_batch)
        await self.add("orders", **of_batch, number=batch, order_id=f"order {batch}")
        await self.add("newsletters", **of_batch)
        await self.add(
            "submission_keys",
            **of_batch,
            key=f"{NUMBER}:{batch}",
            dialect="x",
            recipients=f"{OTHER},{NUMBER}",
        )
        of_message = {"message_id": message}
        await self.add("parts", **of_message)
        await self.add("premium_messages", **of_message, notice_batch_id=None)
        await self.add("message_events", **of_message, event_id=next_id())
        await self.add("receipt_keys", **of_message, key=str(message))
        if not await self.rows("devices"):
            await self.add("devices", device_id=1, removed_ms=1)
        await self.add(
            "device_assignments", **of_message, assignment_id=next_id(), device_id=1, state=50
        )
        await self.add("inbound_texts", inbound_id=text)
        await self.add("device_texts", inbound_id=text, device_id=1, digest=b"hash")
        facts: dict[str, Any] = {
            "message": CallbackFacts(
                message_id=message,
                batch_id=batch,
                state=state,
                at_ms=1,
                recipient=NUMBER,
                sender="Shop",
                return_data=f"for {NUMBER}",
            ),
            "text": TextFacts(inbound_id=text, sender=NUMBER, recipient="1272", text=TEXT),
        }
        for about, call in calls.items():
            await self.add(
                "callbacks",
                callback_id=call,
                message_id=message if about == "message" else call,
                origin="https://a.example",
                url=f"https://me:pw@a.example/?to={NUMBER}",
                payload=msgspec.json.encode(facts[about]).decode(),
                state=called.value,
                attempts=2,
            )
            await self.add("callback_attempts", callback_id=call, number=1)
        await self.add("contacts", contact_id=contact, list_id=None, deleted_ms=1)
        await self.add("contact_profiles", contact_id=contact)
        for table, key in (
            ("inbound_parts", "part_id"),
            ("parked_receipts", "receipt_id"),
            ("verifications", "verification_id"),
        ):
            await self.add(table, **{key: next_id()})
        if not await self.rows("conversations"):
            await self.add("conversations", last_id=text, read_id=0)
        if not await self.rows("opt_outs"):
            await self.add("opt_outs", opt_out_id=next_id(), sender="", origin="stop")
        return {"batch": batch, "message": message, "text": text}

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return await self.house.rows(metadata.tables[table])  # type: ignore[no-any-return]

    async def holding(self, wanted: str) -> set[str]:
        """The columns in which a number or text stands, but for what the next write replaces."""
        found = set()
        for table in metadata.tables.values():
            for row in await self.rows(table.name):
                for name, value in row.items():
                    octets = value if isinstance(value, bytes) else str(value).encode()
                    both = (wanted.encode(), wanted.encode("utf-16-be"))
                    if table.name != "group_marks" and any(one in octets for one in both):
                        found.add(f"{table.name}.{name}")
        return found

    async def pass_days(self, days: float, **kept: int) -> None:
        """Lets days pass, and retention do what is due then."""
        self.clock.advance(days * DAY_MS / 1000)
        lifetimes = {"texts_days": 0, "numbers_days": 0, "messages_days": 0} | kept
        retention = Retention(
            storage=self.house.storage,
            clock=self.clock,
            days=dict.fromkeys(Kept, 0),
            lifetimes=Lifetimes(**lifetimes),
        )
        await retention.drop_old()


def _value_of(column: Column[Any]) -> Any:
    name = str(column)
    if name in HOLDS_NUMBER and name in HOLDS_TEXT:
        return f"{NUMBER} {TEXT}"
    if name in HOLDS_TEXT:
        if name == "inbound_parts.content":
            return TEXT.encode("utf-16-be")
        return TEXT.encode() if isinstance(column.type, LargeBinary) else TEXT
    if name == "contacts.fields":
        return msgspec.json.encode({1: NUMBER}).decode()
    if name in HOLDS_NUMBER:
        return NUMBER
    if isinstance(column.type, Integer) or not is_text(column):
        return 1
    return b"x" if isinstance(column.type, LargeBinary) else "x"


@pytest.fixture
async def registry(make_harness: Any, database_url: str) -> Registry:
    house = await make_harness(database_url, start=False, carriers={}, clock=FixedClock())
    return Registry(house, await house.account())


async def test_all_that_is_declared_is_filled(registry: Registry) -> None:
    await registry.fill()
    assert await registry.holding(NUMBER) == HOLDS_NUMBER.keys()
    assert await registry.holding(TEXT) == HOLDS_TEXT.keys()


@pytest.mark.parametrize("setting", [TEXTS, NUMBERS])
async def test_what_is_too_old_is_forgotten_in_rows_that_stay(
    registry: Registry, setting: str
) -> None:
    await registry.fill()
    before = {table: len(await registry.rows(table)) for table in metadata.tables}
    await registry.pass_days(9.9, **{setting: 10})
    assert await registry.holding(NUMBER) == HOLDS_NUMBER.keys()
    assert await registry.holding(TEXT) == HOLDS_TEXT.keys()
    await registry.pass_days(0.2, **{setting: 10})
    for wanted, declared in ((NUMBER, HOLDS_NUMBER), (TEXT, HOLDS_TEXT)):
        stay = {name for name, by in declared.items() if setting not in by}
        assert await registry.holding(wanted) == stay
    [of_text] = await registry.rows("device_texts")
    assert of_text["digest"] is None
    after = {table: len(await registry.rows(table)) for table in metadata.tables}
    gone = {"attachments"} if setting == TEXTS else {"conversations"}
    assert {t for t in before if before[t] != after[t]} - {"retention_positions"} == gone


async def test_an_erasure_reaches_everything(registry: Registry) -> None:
    services = registry.house.services
    await registry.fill()
    await registry.fill()
    await services.opt_outs.load()
    forgotten = await services.privacy.erase(f"+{NUMBER}", None)
    assert await registry.holding(NUMBER) == set()
    assert await registry.holding(TEXT) == set()
    assert (forgotten.needed, forgotten.opt_outs) == (0, 1)
    assert forgotten.rows == {
        "messages": 2,
        "inbound_texts": 2,
        "contacts": 2,
        "inbound_parts": 2,
        "parked_receipts": 2,
        "verifications": 2,
    }
    keys = await registry.rows("submission_keys")
    assert [row["recipients"] for row in keys] == [f"{OTHER},{REMOVED}"] * 2
    [opt_out] = await registry.rows("opt_outs")
    assert opt_out["recipient"].startswith(ERASED)
    [entry] = await registry.rows("audit_entries")
    assert (entry["action"], entry["subject"]) == ("command privacy_erase", "…678")


@pytest.mark.parametrize("asked", ["5215512345678", "525512345678"])
async def test_an_erasure_reaches_both_forms_of_a_number(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Bug: what named a phone with, or without, the digit that Mexico puts in was left."""
    services, forms = registry.house.services, ("5215512345678", "525512345678")
    for form in forms:
        monkeypatch.setitem(globals(), "NUMBER", form)
        filled = await registry.fill()
    await registry.add("conversations", last_id=filled["text"], read_id=0, number=forms[1])
    for form in forms:
        opt_out = {"opt_out_id": registry.house.ids.next(), "recipient": form}
        await registry.add("opt_outs", **opt_out, sender="Shop", origin="stop")
    await registry.add("batches", batch_id=1, reference=" ".join(forms), options="{}", recipients=1)
    await registry.add("messages", message_id=1, batch_id=1, state=State.DELIVERED.value)
    await services.opt_outs.load()
    exported = await _export(services, asked)
    forgotten = await services.privacy.erase(asked, None)
    for form in forms:
        assert await registry.holding(form) == set()
    assert (forgotten.needed, forgotten.opt_outs) == (0, 2)
    assert forgotten.rows == {
        "messages": 3,
        "inbound_texts": 2,
        "contacts": 2,
        "inbound_parts": 2,
        "parked_receipts": 2,
        "verifications": 2,
    }
    assert {table: exported[table] for table in forgotten.rows} == forgotten.rows
    assert exported["conversations"] == 2
    opt_outs = await registry.rows("opt_outs")
    assert sorted(row["sender"] for row in opt_outs) == ["", "Shop"]
    assert all(row["recipient"].startswith(ERASED) for row in opt_outs)
    account_id = registry.account.account_id
    for form in forms:
        assert services.opt_outs.among(account_id, "Shop", [form]) == {form}
    [erased] = [r for r in await registry.rows("audit_entries") if "erase" in r["action"]]
    assert erased["subject"] == "…678"


@pytest.mark.parametrize("begin", ["+", "00"])
async def test_an_erasure_reaches_what_waits_under_a_carriers_spelling(
    registry: Registry, begin: str
) -> None:
    """Bug: a carrier's `+` hid receipts without a message, and parts of incomplete texts."""
    waiting = {"parked_receipts": "recipient", "inbound_parts": "sender"}
    for table, column in waiting.items():
        await registry.add(table, **{column: begin + NUMBER})
    forgotten = await registry.house.services.privacy.erase(NUMBER, None)
    assert forgotten.rows == {"parked_receipts": 1, "inbound_parts": 1}
    assert await registry.holding(NUMBER) == set()


async def test_received_texts_that_customers_are_still_to_be_told_of_are_counted(
    registry: Registry,
) -> None:
    """Bug: an erasure left such a text and said nothing of it."""
    services = registry.house.services
    await registry.fill(State.DELIVERED, CallbackState.PENDING)
    assert (await services.privacy.erase(NUMBER, None)).needed == 2
    [text] = await registry.rows("inbound_texts")
    assert (text["sender"], text["text"]) == (NUMBER, TEXT)


async def test_an_erasure_of_one_account_leaves_others_alone(registry: Registry) -> None:
    services = registry.house.services
    await registry.fill()
    other = await registry.house.account("other")
    forgotten = await services.privacy.erase(NUMBER, other)
    assert (forgotten.rows, forgotten.opt_outs) == ({}, 0)
    assert await registry.holding(NUMBER) == HOLDS_NUMBER.keys()
    assert await registry.rows("audit_entries") == []


async def _export(services: Any, number: str) -> dict[str, int]:
    """How many rows of each table an export has."""
    tables: dict[str, int] = {}
    cursor: ExportCursor | None = ExportCursor()
    while cursor is not None:
        page = await services.privacy.export(number, None, cursor)
        for row in page.rows:
            tables[row.table] = tables.get(row.table, 0) + 1
            assert row.row.get("content", TEXT) == TEXT
            assert b"pw@" not in msgspec.json.encode(row)
        cursor = page.cursor
    return tables


async def test_an_export_has_every_row_that_names_a_number(registry: Registry) -> None:
    await registry.fill()
    tables = await _export(registry.house.services, NUMBER)
    named = {name.split(".")[0] for name in HOLDS_NUMBER} - {"audiences", "submission_keys"}
    assert tables.keys() == named | {"parts", "premium_messages"}
    assert tables["callbacks"] == tables["callback_attempts"] == 2
    assert [row["action"] for row in await registry.rows("audit_entries")] == [
        "command privacy_export"
    ]


@pytest.mark.parametrize(
    ("state", "called"),
    [(State.QUEUED, CallbackState.DELIVERED), (State.DELIVERED, CallbackState.PENDING)],
)
async def test_what_is_still_needed_stays_until_it_is_not(
    registry: Registry, state: State, called: CallbackState
) -> None:
    services = registry.house.services
    kept = {"texts_days": 1, "numbers_days": 1, "messages_days": 2}
    ids = await registry.fill(state, called)
    await registry.pass_days(5, **kept)
    [message] = await registry.rows("messages")
    assert (message["recipient"], message["text"]) == (NUMBER, TEXT)
    pending = called is CallbackState.PENDING
    assert (await services.privacy.erase(NUMBER, None)).needed == (2 if pending else 1)
    assert (await registry.rows("messages"))[0]["recipient"] == NUMBER

    def over(connection: Any, items: list[Any]) -> list[None]:
        for name, done in (("messages", State.DELIVERED), ("callbacks", CallbackState.DELIVERED)):
            table = metadata.tables[name]
            connection.execute(table.update().values(state=done.value))
        return [None] * len(items)

    await registry.house.storage.writer.write(Operation(over), ids)
    await registry.pass_days(0, texts_days=1, numbers_days=1)
    [message] = await registry.rows("messages")
    assert (message["recipient"], message["text"]) == (REMOVED, "")
    assert await registry.rows("retention_leftovers") == []


async def test_messages_are_dropped_by_whole_days(registry: Registry) -> None:
    await registry.fill()
    registry.clock.advance(DAY_MS / 1000)
    young = await registry.fill()
    registry.clock.advance(DAY_MS / 1000 / 2)
    await registry.pass_days(8.8, messages_days=10)
    assert len(await registry.rows("messages")) == 2
    await registry.pass_days(0.9, messages_days=10)
    left = {
        table: await registry.rows(table)
        for table in (
            *("messages", "batches", "inbound_texts", "parts", "premium_messages", "orders"),
            *("device_assignments", "message_events", "receipt_keys", "newsletters", "audiences"),
            *("attachments", "submission_keys", "device_texts"),
        )
    }
    assert {table for table, rows in left.items() if len(rows) != 1} == set()
    assert left["messages"][0]["message_id"] == young["message"]
    assert (
        len(await registry.rows("callbacks")) == len(await registry.rows("callback_attempts")) == 2
    )


async def test_a_large_account_is_forgotten_in_small_steps(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman.core.retention import retention as service
    from dragoman.core.retention.sql import dropping, erasure, sweeping

    for module in (sweeping, dropping, erasure):
        monkeypatch.setattr(module, "SWATH", 2)
    monkeypatch.setattr(service, "PAUSE_S", 0)
    for _ in range(5):
        await registry.fill()
    await registry.pass_days(2, texts_days=1, numbers_days=1)
    assert {row["recipient"] for row in await registry.rows("messages")} == {REMOVED}
    assert {row["text"] for row in await registry.rows("batches")} == {""}
    assert {row["sender"] for row in await registry.rows("inbound_texts")} == {REMOVED}
    await registry.fill()
    await registry.fill()
    await registry.fill()
    assert (await registry.house.services.privacy.erase(NUMBER, None)).rows["messages"] == 3
    await registry.pass_days(3, messages_days=1)
    for table in ("messages", "batches", "inbound_texts", "callbacks"):
        assert await registry.rows(table) == []


async def test_an_account_can_keep_longer_and_those_below_follow_it(registry: Registry) -> None:
    house = registry.house
    await registry.fill()
    accounts = house.services.accounts
    from dragoman.core.accounts.account_fields import AS_ABOVE, AccountFields

    await accounts.change("acme", AccountFields(texts_days=0, numbers_days=20))
    await registry.pass_days(11, texts_days=10, numbers_days=10)
    [message] = await registry.rows("messages")
    assert (message["recipient"], message["text"]) == (NUMBER, TEXT)
    await registry.pass_days(10, texts_days=10, numbers_days=10)
    [message] = await registry.rows("messages")
    assert (message["recipient"], message["text"]) == (REMOVED, TEXT)
    await accounts.change("acme", AccountFields(texts_days=AS_ABOVE))
    await registry.pass_days(0, texts_days=10, numbers_days=10)
    [message] = await registry.rows("messages")
    assert message["text"] == ""


async def test_what_cannot_be_forgotten_holds_up_no_other_account(registry: Registry) -> None:
    first = await registry.fill()
    registry.account = await registry.house.account("other")
    second = await registry.fill()

    def spoil(connection: Any, items: list[int]) -> list[None]:
        table = metadata.tables["batches"]
        spoilt = table.update().where(table.c.batch_id.in_(items))
        connection.execute(spoilt.values(options="no JSON"))
        return [None] * len(items)

    await registry.house.storage.writer.write(Operation(spoil), first["batch"])
    await registry.pass_days(2, texts_days=1)
    texts = {row["batch_id"]: row["text"] for row in await registry.rows("batches")}
    assert texts == {first["batch"]: TEXT, second["batch"]: ""}
