"""The process that writes: the same answers as in this process, and what its end means."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from dragoman import core, storage
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql.tables import messages
from dragoman.core.model.errors import AlreadyInUse, RefusalCode, Refused
from dragoman.core.reporting.model.ingestion import IngestedRow
from dragoman.core.reporting.sql.ingestion import IngestedRows, ingest
from dragoman.core.retention.model import Erasure
from dragoman.core.retention.sql.erasure import ERASED_FROM, erase
from dragoman.core.submission.sql import submissions
from dragoman.core.writer_process import start_writer
from dragoman.core.writes import OPERATIONS
from dragoman.storage.engine import Storage
from dragoman.storage.runners import ChildRunner
from dragoman.storage.work import Operation

pytestmark = pytest.mark.process


@pytest.fixture
async def child_storage(database_url: str) -> AsyncIterator[Storage]:
    """A storage whose writes run in a process of their own, on both databases."""
    storage = Storage(database_url, writer=start_writer())
    storage.start()
    yield storage
    await storage.stop()


def test_every_operation_can_be_asked_of_the_child() -> None:
    written = {
        value
        for package in (core, storage)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if "migrations" not in module.name
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, Operation)
    }
    assert set(OPERATIONS.values()) == written
    assert all(name == operation.name for name, operation in OPERATIONS.items())


def test_what_makes_messages_and_contacts_by_the_thousand_heeds_the_space_that_is_left() -> None:
    assert {operation.name for operation in OPERATIONS.values() if operation.grows} == {
        "accept_batches",
        "accept_bundle",
        "accept_keyed_batches",
        "accept_orders",
        "expand_batches",
        "put_dialect_record",
        "replace_batch",
        "replay_callbacks",
        "resend_messages",
        "send_code",
        "send_code_again",
        "start_campaigns",
        "step_sendings",
        "store_import_rows",
    }


async def test_lists_of_results_come_back_as_they_were_given(
    child_storage: Storage, make_rows: Any
) -> None:
    rows = make_rows(child_storage)
    account = await rows.account()
    row = IngestedRow(
        account_id=account.account_id,
        direction="outbox",
        reference="one",
        at_ms=rows.clock.now_ms(),
        counts=(("sum", "sum"),),
        parts=1,
    )
    told = IngestedRows(rows=(row, row), at_ms=rows.clock.now_ms())
    assert await rows.write(ingest, told) == [True, False]
    nothing = Erasure(account_id=account.account_id, numbers=("4511111111",), at_ms=1)
    assert await rows.write(erase, nothing) == [0] * len(ERASED_FROM)


async def test_what_the_child_wrote_is_read_here(child_storage: Storage, make_rows: Any) -> None:
    rows = make_rows(child_storage)
    account = await rows.account(credits=10)
    new = rows.batch(account, ["4511111111", "4522222222"])
    await rows.write(submissions.accept, new)
    sent = rows.change(account, new, new.messages[0], State.QUEUED, State.SENT)
    await rows.write(changes.record, sent)
    stored = await child_storage.read(
        lambda c: list(
            c.execute(select(messages.c.state).order_by(messages.c.message_id)).scalars()
        )
    )
    assert stored == [State.SENT, State.QUEUED]


async def test_a_group_larger_than_the_channel_holds_crosses_whole(
    child_storage: Storage, make_rows: Any
) -> None:
    rows = make_rows(child_storage)
    account = await rows.account()
    new = rows.batch(account, [f"45{n:08}" for n in range(20_000)])
    await rows.write(submissions.accept, new)
    stored = await child_storage.read(
        lambda c: c.execute(select(func.count()).select_from(messages)).scalar_one()
    )
    assert stored == 20_000


async def test_a_refusal_crosses_with_its_code(child_storage: Storage, make_rows: Any) -> None:
    rows = make_rows(child_storage)
    account = await rows.account(credits=1)
    with pytest.raises(Refused) as refused:
        await rows.write(submissions.accept, rows.batch(account, ["4511111111", "4522222222"]))
    assert refused.value.code is RefusalCode.INSUFFICIENT_CREDIT


async def test_signals_for_the_gateway_do_not_end_the_child(
    child_storage: Storage, make_rows: Any
) -> None:
    rows = make_rows(child_storage)
    runner = child_storage.writer._runner
    assert isinstance(runner, ChildRunner)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(runner._child.pid, number)
    await rows.account()


async def test_the_child_holds_the_file_as_long_as_it_may_write(sqlite_url: str) -> None:
    storage = Storage(sqlite_url, writer=start_writer())
    storage.start()
    assert storage._lock is not None
    storage._lock.release()  # as if this process were gone and the child still at work
    with pytest.raises(AlreadyInUse):
        Storage(sqlite_url)
    await storage.stop()
    Storage(sqlite_url).close()
