"""What is old is dropped in chunks, and what is still needed stays; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Table, event, insert

from dragoman.core.accounts.sql.tables import audit_entries
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.campaigns.model.mailings import DeliveryState
from dragoman.core.campaigns.sql.tables import deliveries
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import (
    attachments,
    batches,
    callback_attempts,
    callbacks,
    hourly_statistics,
    ingested_rows,
    message_events,
    messages,
)
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import outbox
from dragoman.core.retention import retention as service_module
from dragoman.core.retention.model import Kept, Lifetimes
from dragoman.core.retention.retention import DAY_MS, Retention
from dragoman.core.retention.sql import outdated as stored_module
from dragoman.core.submission.sql.tables import submission_keys
from dragoman.storage.short_ids import ShortIds, short_ids
from dragoman.storage.work import Operation

DAYS = 10
AGES = dict.fromkeys(Kept, DAYS)
FOR_EVER = dict.fromkeys(Kept, 0)
CHUNK = 3


def _insert(connection: Connection, items: list[tuple[Table, Any]]) -> list[Exception | None]:
    for table, values in items:
        connection.execute(insert(table), values)
    return [None] * len(items)


INSERT: Operation[tuple[Table, Any], None] = Operation(_insert)


class Archive:
    """Rows of every kind that is kept for a time, each with a mark of its own."""

    def __init__(self, rows: Any, account: Any) -> None:
        self.rows = rows
        self.account_id = account.account_id
        self.account = account

    async def add(self, table: Table, **values: Any) -> None:
        await self.rows.write(INSERT, (table, values))

    async def audit_entry(self, mark: str) -> None:
        await self.add(
            audit_entries,
            entry_id=self.rows.ids.next(),
            account_id=self.account_id,
            actor_id=self.account_id,
            action="a",
            subject=mark,
            at_ms=self.rows.clock.now_ms(),
        )

    async def note(self, mark: str) -> None:
        values = dict.fromkeys(("kind", "carrier", "link", "code", "raw"), "")
        event_id = self.rows.ids.next()
        await self.add(
            message_events, event_id=event_id, message_id=1, part=1, detail=mark, **values
        )

    async def ingested_row(self, mark: str) -> None:
        await self.add(
            ingested_rows,
            account_id=self.account_id,
            direction="outbox",
            reference=mark,
            ingested_ms=self.rows.clock.now_ms(),
        )

    async def callback(
        self, mark: str, state: CallbackState = CallbackState.DELIVERED, attempts: int = 2
    ) -> None:
        callback_id = self.rows.ids.next()
        await self.add(
            callbacks,
            callback_id=callback_id,
            account_id=self.account_id,
            message_id=1,
            dialect="test",
            origin="http://a",
            url="http://a/x",
            payload=mark,
            state=state.value,
            attempts=attempts,
            next_attempt_ms=0,
        )
        for number in range(1, attempts):
            await self.add(
                callback_attempts,
                callback_id=callback_id,
                number=number,
                answered_ms=0,
                answer=mark,
            )

    async def delivery(self, mark: str, state: DeliveryState = DeliveryState.SENT) -> None:
        await self.add(
            deliveries,
            delivery_id=self.rows.ids.next(),
            account_id=self.account_id,
            kind=0,
            list_id=1,
            issue_id=None,
            subscription_id=self.rows.ids.next(),
            address=mark,
            state=state.value,
            attempts=1,
            next_attempt_ms=0,
            possible_duplicate=False,
        )

    async def attachment(self, mark: str, expires_in_ms: int = 0) -> None:
        new = await self.rows.accepted(
            self.account, expires_ms=self.rows.clock.now_ms() + expires_in_ms
        )
        for number in (1, 2):
            await self.add(
                attachments,
                batch_id=new.batch.batch_id,
                number=number,
                name=mark,
                content_type="text/plain",
                content=b"x",
            )

    async def marks(self, table: Table, column: str) -> list[str]:
        return [row[column] for row in await self.rows.all(table)]


@pytest.fixture
async def archive(rows: Any, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(stored_module, "CHUNK", CHUNK)
    monkeypatch.setattr(stored_module, "CHUNK_OF_ATTACHMENTS", CHUNK)
    monkeypatch.setattr(service_module, "PAUSE_S", 0)
    return Archive(rows, await rows.account())


async def drop_old(
    archive: Archive,
    days: Mapping[Kept, int] = AGES,
    messages_days: int = 0,
    numbers_days: int = 0,
) -> None:
    rows = archive.rows
    kept = Lifetimes(texts_days=0, numbers_days=numbers_days, messages_days=messages_days)
    await Retention(storage=rows.storage, clock=rows.clock, days=days, lifetimes=kept).drop_old()


Add = Callable[[Archive, str], Any]

KINDS: list[tuple[Add, Table, str]] = [
    (Archive.audit_entry, audit_entries, "subject"),
    (Archive.note, message_events, "detail"),
    (Archive.ingested_row, ingested_rows, "reference"),
    (Archive.callback, callbacks, "payload"),
    (Archive.delivery, deliveries, "address"),
    (Archive.attachment, attachments, "name"),
]
NAMES = [table.name for _, table, _ in KINDS]


async def test_nothing_is_written_where_nothing_is_old(archive: Archive) -> None:
    for add, *_ in KINDS:
        await add(archive, "young")
    written: list[str] = []
    engine = archive.rows.storage._write_engine
    event.listen(engine, "before_cursor_execute", lambda *given: written.append(given[2]))
    await drop_old(archive)
    assert written == []


@pytest.mark.parametrize(("add", "table", "column"), KINDS, ids=NAMES)
async def test_the_old_are_dropped_and_the_younger_stay(
    archive: Archive, add: Add, table: Table, column: str
) -> None:
    for number in range(2 * CHUNK + 1):
        await add(archive, f"old {number}")
        archive.rows.clock.advance(1)
    archive.rows.clock.advance(DAYS * DAY_MS / 1000)
    await add(archive, "young")
    await drop_old(archive, FOR_EVER)
    assert len(set(await archive.marks(table, column))) == 2 * CHUNK + 2
    await drop_old(archive)
    assert set(await archive.marks(table, column)) == {"young"}
    archive.rows.clock.advance(DAYS * DAY_MS / 1000 - 1)
    await drop_old(archive)
    assert set(await archive.marks(table, column)) == {"young"}


async def test_what_is_told_at_one_time_is_forgotten_at_one_time(archive: Archive) -> None:
    for number in range(2 * CHUNK):
        await archive.ingested_row(str(number))
    archive.rows.clock.advance(DAYS * DAY_MS / 1000 + 1)
    await drop_old(archive)
    assert await archive.rows.all(ingested_rows) == []


async def test_what_is_still_to_be_done_stays(archive: Archive) -> None:
    await archive.callback("pending", CallbackState.PENDING)
    await archive.callback("given up", CallbackState.GIVEN_UP)
    await archive.delivery("pending", DeliveryState.PENDING)
    await archive.delivery("sending", DeliveryState.SENDING)
    await archive.delivery("bounced", DeliveryState.BOUNCED)
    await archive.attachment("scheduled", expires_in_ms=2 * DAYS * DAY_MS)
    archive.rows.clock.advance(DAYS * DAY_MS / 1000 + 1)
    await drop_old(archive)
    assert await archive.marks(callbacks, "payload") == ["pending"]
    assert await archive.marks(callback_attempts, "answer") == ["pending"]
    assert await archive.marks(deliveries, "address") == ["pending", "sending"]
    assert await archive.marks(attachments, "name") == ["scheduled"] * 2
    assert len(await archive.rows.all(batches)) == 1


async def test_searches_and_statistics_agree_with_rows_while_days_are_dropped(
    archive: Archive,
) -> None:
    rows, account = archive.rows, archive.account
    rows.clock.advance(DAY_MS / 1000 - rows.clock.now_ms() % DAY_MS / 1000)  # midnight
    for _ in range(3):
        for _ in range(2):
            new = await rows.accepted(account, ("4511111111", "4522222222"))
            await rows.move(account, new, State.QUEUED, State.SENT, State.DELIVERED)
            await rows.move(account, replace_first(new), State.QUEUED, State.REJECTED)
        rows.clock.advance(DAY_MS / 1000)

    async def found() -> tuple[int, int]:
        wanted = OutboxFilter(account_id=account.account_id)
        page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 100))
        return page.total, len(page.messages)

    async def counted() -> dict[str, int]:
        sums: dict[str, int] = {}
        for row in await rows.all(hourly_statistics):
            if row["dimension"] == "mcc:status":
                sums[row["value"]] = sums.get(row["value"], 0) + row["count"]
        return {value: count for value, count in sums.items() if count}

    everything = await counted()
    assert everything == {"238:delivered": 6, "238:rejected": 6}
    assert await found() == (12, 12)
    await drop_old(archive, FOR_EVER, messages_days=2)
    assert await found() == (8, 8)
    assert await counted() == everything
    await drop_old(archive, FOR_EVER, messages_days=1)
    assert await found() == (4, 4)
    rows.clock.advance(DAY_MS / 1000)
    await drop_old(archive, FOR_EVER, messages_days=1)
    assert await found() == (0, 0)
    assert await counted() == everything
    assert await rows.all(batches) == []


async def test_numbers_go_from_keys_that_differ_in_nothing_else(archive: Archive) -> None:
    rows, account = archive.rows, archive.account
    for number in ("4511111111", "4522222222"):
        new = await rows.accepted(account, (number,))
        await rows.move(account, new, State.QUEUED, State.SENT, State.DELIVERED)
        await archive.add(
            submission_keys,
            account_id=account.account_id,
            dialect=new.batch.dialect,
            key=f"{number}:ref",
            batch_id=new.batch.batch_id,
            recipients="",
        )
    rows.clock.advance(2 * DAY_MS / 1000)
    await drop_old(archive, FOR_EVER, numbers_days=1)
    keys = await archive.marks(submission_keys, "key")
    assert len(set(keys)) == 2
    assert all(key.startswith(f"{REMOVED}:ref") for key in keys)


async def test_short_ids_go_with_what_they_show(archive: Archive) -> None:
    rows, account = archive.rows, archive.account
    shown = ShortIds(rows.storage)
    text_id = rows.ids.next()
    await archive.add(
        inbound_texts,
        inbound_id=text_id,
        account_id=account.account_id,
        **dict.fromkeys(("carrier", "sender", "recipient", "text", "alphabet", "keyword"), ""),
        parts=1,
        complete=True,
    )
    old = await rows.accepted(account)
    await rows.move(account, old, State.QUEUED, State.SENT, State.DELIVERED)
    old_ids = [text_id, old.batch.batch_id, old.messages[0].message_id]
    await shown.of(old_ids)
    rows.clock.advance(DAYS * DAY_MS / 1000)
    young = await rows.accepted(account)
    await shown.of([young.batch.batch_id])
    await drop_old(archive, FOR_EVER, messages_days=DAYS + 2)
    assert len(await rows.all(short_ids)) == len(old_ids) + 1
    await drop_old(archive, FOR_EVER, messages_days=DAYS - 1)
    left = [row["identifier"] for row in await rows.all(short_ids)]
    assert left == [young.batch.batch_id]


async def test_a_day_waits_for_its_last_message_and_the_days_after_it_too(
    archive: Archive,
) -> None:
    rows, account = archive.rows, archive.account
    waiting = await rows.accepted(account)
    rows.clock.advance(DAY_MS / 1000)
    done = await rows.accepted(account)
    await rows.move(account, done, State.QUEUED, State.SENT, State.DELIVERED)
    rows.clock.advance(5 * DAY_MS / 1000)
    await drop_old(archive, FOR_EVER, messages_days=1)
    assert len(await rows.all(messages)) == 2
    await rows.move(account, waiting, State.QUEUED, State.EXPIRED)
    await drop_old(archive, FOR_EVER, messages_days=1)
    assert await rows.all(messages) == []


def replace_first(new: NewBatch) -> NewBatch:
    """The batch, as if its last message were its first."""
    return msgspec.structs.replace(new, messages=new.messages[::-1])
