"""The group-commit writer: groups, bad items, full disks, lost servers, failed syncs."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.passing_time import PATIENCE_S, until

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage import writer as writer_module
from dragoman.storage.answers import WriteFailed
from dragoman.storage.engine import Storage
from dragoman.storage.probe import probe
from dragoman.storage.writer import GATHERED, JointWork, Operation, Writer, check_durable

OpenStorage = Callable[[str], Storage]

CREATE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)"


class Notes:
    """An operation that takes notes, and notes its groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_asked = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.add = Operation(self._add, "add")

    def _add(self, connection: Connection, items: list[int]) -> list[Any]:
        self.is_asked.set()
        self.gate.wait(PATIENCE_S)
        self.groups.append(list(items))
        for item in items:
            connection.execute(
                text("INSERT INTO notes VALUES (:id, :note)"),
                {"id": abs(item), "note": None if item < 0 else "n" * 200},
            )
        return [ValueError(item) if item % 100 == 99 else item * 2 for item in items]


@pytest.fixture
async def notes(storage: Storage) -> Notes:
    with storage._write_engine.begin() as connection:
        connection.execute(text(CREATE))
    return Notes()


async def stored(storage: Storage) -> list[int]:
    return await storage.read(
        lambda c: list(c.execute(text("SELECT id FROM notes ORDER BY id")).scalars())
    )


async def test_what_arrives_during_a_write_goes_into_the_next_group(
    storage: Storage, notes: Notes
) -> None:
    notes.gate.clear()
    first = storage.writer.write(notes.add, 1)
    await until(notes.is_asked.is_set)
    others = [storage.writer.write(notes.add, n) for n in range(2, 50)]
    notes.gate.set()
    assert await asyncio.gather(first, *others) == [n * 2 for n in range(1, 50)]
    assert notes.groups == [[1], list(range(2, 50))]
    assert await stored(storage) == list(range(1, 50))


async def test_a_returned_exception_is_raised_at_its_caller_only(
    storage: Storage, notes: Notes
) -> None:
    futures = [storage.writer.write(notes.add, n) for n in (98, 99, 100)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[0] == 196
    assert isinstance(results[1], WriteFailed)
    assert results[2] == 200
    assert await stored(storage) == [98, 99, 100]


async def test_one_bad_item_does_not_spoil_the_others_of_its_group(
    storage: Storage, notes: Notes
) -> None:
    notes.gate.clear()
    futures = [storage.writer.write(notes.add, n) for n in (1, 2, -3, 4)]
    notes.gate.set()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [results[0], results[1], results[3]] == [2, 4, 8]
    assert isinstance(results[2], IntegrityError)
    assert await stored(storage) == [1, 2, 4]


async def test_every_item_of_a_spoilt_group_is_done_before_the_next_group(
    storage: Storage, notes: Notes
) -> None:
    spoilt = [storage.writer.write(notes.add, n) for n in (1, -2, 3)]
    await asyncio.sleep(0)
    later = storage.writer.write(notes.add, 4)
    await asyncio.gather(*spoilt, later, return_exceptions=True)
    assert notes.groups == [[1, -2, 3], [1], [-2], [3], [4]]
    assert await stored(storage) == [1, 3, 4]


async def test_an_operation_that_answers_for_too_few_items_leaves_nobody_waiting(
    storage: Storage, notes: Notes
) -> None:
    short = Operation(lambda connection, items: [], "short")
    with pytest.raises(StorageUnavailable, match="each of its items"):
        await storage.writer.write(short, 1)
    assert await storage.writer.write(notes.add, 1) == 2


async def test_a_cancelled_caller_changes_nothing_for_the_others(
    storage: Storage, notes: Notes
) -> None:
    notes.gate.clear()
    futures = [storage.writer.write(notes.add, n) for n in (1, 2)]
    futures[0].cancel()
    notes.gate.set()
    assert await futures[1] == 4
    assert await stored(storage) == [1, 2]


async def test_a_full_disk_refuses_and_writing_recovers_when_space_returns(
    sqlite_url: str, open_storage: OpenStorage
) -> None:
    storage, notes = open_storage(sqlite_url), Notes()
    limit = Operation(_limit_pages, "limit")
    with storage._write_engine.begin() as connection:
        connection.execute(text(CREATE))
    await storage.writer.write(limit, 1)  # SQLite takes the present size where that is more
    event.listen(storage._write_engine, "connect", _limit_new_connection)
    with pytest.raises(StorageUnavailable, match="full"):
        await fill(storage, notes)
    assert "full" in storage.writer.trouble
    before = await stored(storage)  # reads work
    event.remove(storage._write_engine, "connect", _limit_new_connection)
    await until(lambda: not storage.writer.trouble)  # by itself
    await storage.writer.write(limit, 1_000_000)
    assert await storage.writer.write(notes.add, 50_000) == 100_000
    assert await stored(storage) == [*before, 50_000]
    assert not storage.writer.failed


async def fill(storage: Storage, notes: Notes) -> None:
    for start in range(1, 2000, 100):
        await asyncio.gather(*(storage.writer.write(notes.add, start + n) for n in range(90)))


def _limit_pages(connection: Connection, items: list[int]) -> list[None]:
    connection.exec_driver_sql(f"PRAGMA max_page_count={items[0]}")
    return [None]


def _limit_new_connection(connection: Any, _entry: Any) -> None:
    connection.execute("PRAGMA max_page_count=1").close()


async def test_little_space_refuses_what_grows_until_it_is_back(
    storage: Storage, notes: Notes
) -> None:
    grows = Operation(notes.add.run, "grow", grows=True)
    storage.look_at_space(1 << 24)
    if storage.is_sqlite:
        with pytest.raises(StorageUnavailable, match="less than 16777216 MB are free"):
            await storage.writer.write(grows, 1)
    assert await storage.writer.write(notes.add, 2) == 4
    storage.look_at_space(0)
    assert await storage.writer.write(grows, 3) == 6


def _io_error(name: str) -> OperationalError:
    cause = sqlite3.OperationalError("disk I/O error")
    cause.sqlite_errorname = name  # what sqlite3 itself sets
    return OperationalError("COMMIT", {}, cause)


async def test_after_a_failed_sync_everything_is_refused_for_good(
    storage: Storage, notes: Notes
) -> None:
    def fail(connection: Connection, items: list[int]) -> list[None]:
        raise _io_error("SQLITE_IOERR_FSYNC")

    with pytest.raises(StorageUnavailable):
        await storage.writer.write(Operation(fail), 1)
    assert storage.writer.failed
    with pytest.raises(StorageUnavailable, match="made durable"):
        await storage.writer.write(notes.add, 1)
    assert await stored(storage) == []


async def test_an_io_error_that_is_no_sync_is_not_for_good(storage: Storage, notes: Notes) -> None:
    """Bug: a full disk under the shared index says "disk I/O error" and stopped the writer."""

    def fail(connection: Connection, items: list[int]) -> list[None]:
        raise _io_error("SQLITE_IOERR_SHMSIZE")

    with pytest.raises(StorageUnavailable):
        await storage.writer.write(Operation(fail), 1)
    assert not storage.writer.failed
    assert await storage.writer.write(notes.add, 1) == 2


async def test_a_lost_server_connection_is_opened_again(
    postgres: Any, open_storage: OpenStorage
) -> None:
    url = postgres.new_database()
    storage, notes = open_storage(url), Notes()
    with storage._write_engine.begin() as connection:
        connection.execute(text(CREATE))
    assert await storage.writer.write(notes.add, 1) == 2
    backend = Operation(_backend, "backend")
    pid = await storage.writer.write(backend, None)
    postgres.run(f"SELECT pg_terminate_backend({pid}, 5000)")
    with pytest.raises(StorageUnavailable):
        await storage.writer.write(notes.add, 2)
    assert await storage.writer.write(notes.add, 3) == 6
    assert await stored(storage) == [1, 3]


def _backend(connection: Connection, items: list[None]) -> list[int]:
    return [connection.execute(text("SELECT pg_backend_pid()")).scalar_one()]


async def test_reads_say_that_storage_is_unavailable_when_the_server_is_lost(
    postgres: Any, open_storage: OpenStorage
) -> None:
    """Bug: a read let the driver's own exception out of the storage room."""
    storage = open_storage(postgres.new_database())

    def lose(connection: Connection) -> None:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        postgres.run(f"SELECT pg_terminate_backend({pid}, 5000)")
        connection.execute(text("SELECT 1"))

    with pytest.raises(StorageUnavailable):
        await storage.read(lose)
    assert await storage.read(lambda c: c.execute(text("SELECT 1")).scalar_one()) == 1


async def test_what_is_given_before_a_stop_is_written_and_later_work_is_refused(
    sqlite_url: str,
) -> None:
    """Bug: what was given after the stop was never answered."""
    storage, notes = Storage(sqlite_url), Notes()
    storage.start()
    with storage._write_engine.begin() as connection:
        connection.execute(text(CREATE))
    futures = [storage.writer.write(notes.add, n) for n in range(1, 10)]
    await storage.writer.stop()
    assert await asyncio.gather(*futures) == [n * 2 for n in range(1, 10)]
    with pytest.raises(StorageUnavailable, match="stopping"):
        await storage.writer.write(notes.add, 11)
    storage.close()


async def test_stop_of_a_storage_that_never_started_closes_it(sqlite_url: str) -> None:
    """Bug: it raised RuntimeError and hid why the start had failed."""
    storage = Storage(sqlite_url)
    await storage.stop()
    Storage(sqlite_url).close()


def test_commits_of_every_storage_are_durable(database_url: str) -> None:
    storage = Storage(database_url)
    try:
        with storage._write_engine.connect() as connection:
            check_durable(connection)
    finally:
        storage.close()


def test_a_connection_that_does_not_sync_is_refused(database_url: str) -> None:
    storage = Storage(database_url)
    try:
        engine = create_engine(storage.url)
        off = "PRAGMA synchronous=OFF" if storage.is_sqlite else "SET synchronous_commit=off"
        with engine.connect() as connection:
            connection.execute(text(off))
            with pytest.raises(StorageUnavailable, match="does not sync"):
                check_durable(connection)
        engine.dispose()
    finally:
        storage.close()


class ByHand:
    """A runner whose groups the test ends."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self._done: Any = None
        self._sizes: list[int] = []

    def start(self, gone: Any) -> None:
        return

    def run(self, number: int, works: Any, done: Any) -> None:
        self.groups.append([item for _, items in works for item in items])
        self._sizes = [len(items) for _, items in works]
        self._done = done

    def settle(self, number: int, done: Any) -> None:
        raise AssertionError

    def end(self) -> None:
        self.answer([[None] * size for size in self._sizes])

    def answer(self, results: list[list[Any]]) -> None:
        self._done(results)

    async def close(self) -> None:
        return


@pytest.fixture
async def gathering() -> tuple[Writer, ByHand, Callable[..., None]]:
    """A writer whose first group is under way while 2 waits that can wait."""
    runner = ByHand()
    writer = Writer(runner)
    writer.start()

    def submit(item: int, *, can_wait: bool = True) -> None:
        writer.submit(probe, item, lambda _: None, can_wait=can_wait)

    submit(1)
    await asyncio.sleep(0)
    assert runner.groups == [[1]], "the first of all is not made to wait"
    submit(2)
    return writer, runner, submit


async def test_what_can_wait_is_gathered_until_nothing_more_comes(gathering: Any) -> None:
    writer, runner, submit = gathering
    runner.end()
    submit(3)
    assert runner.groups == [[1]]
    await until(lambda: len(runner.groups) == 2)
    assert runner.groups == [[1], [2, 3]]
    runner.end()
    await writer.stop()


async def test_what_cannot_wait_ends_the_gathering(gathering: Any) -> None:
    writer, runner, submit = gathering
    runner.end()
    submit(3)
    submit(4, can_wait=False)
    await asyncio.sleep(0)
    assert runner.groups == [[1], [2, 3, 4]]
    submit(5)
    submit(6, can_wait=False)
    runner.end()
    assert runner.groups[2:] == [[5, 6]]
    runner.end()
    await writer.stop()


async def test_many_that_can_wait_are_not_made_to(gathering: Any) -> None:
    writer, runner, submit = gathering
    for number in range(3, 3 + GATHERED):
        submit(number)
    runner.end()
    assert len(runner.groups) == 2
    runner.end()
    await writer.stop()


async def test_a_stop_writes_what_is_gathered(gathering: Any) -> None:
    writer, runner, submit = gathering
    runner.end()
    submit(3)
    stopped = asyncio.ensure_future(writer.stop())
    await until(lambda: len(runner.groups) == 2)
    runner.end()
    await stopped
    assert runner.groups == [[1], [2, 3]]


@pytest.fixture
async def joint() -> tuple[Writer, ByHand, Callable[[int], None]]:
    """A writer whose first group is under way while joint work, 2, waits."""
    runner = ByHand()
    writer = Writer(runner)
    writer.start()
    work: JointWork[Any, None] = JointWork(probe, lambda *_: None, can_wait=True)

    def submit(item: int) -> None:
        writer.submit_joint(work, item, None)

    submit(1)
    await asyncio.sleep(0)
    submit(2)
    return writer, runner, submit


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Operation[int, None]:
    """Work that overtakes what can wait, however slow the machine is."""
    monkeypatch.setattr(writer_module, "PATIENCE_S", 600.0)
    return Operation(lambda _, items: [None] * len(items), "quick", int, overtakes=True)


async def test_joint_work_is_overtaken_for_a_while(joint: Any, quick: Any) -> None:
    writer, runner, submit = joint
    submit(3)
    writer.submit(quick, 10, lambda _: None)
    runner.end()
    assert runner.groups == [[1], [10]]
    for number in range(4, GATHERED + 2):
        submit(number)
    writer.submit(quick, 11, lambda _: None)
    runner.end()
    assert runner.groups[2] == [*range(2, GATHERED + 2), 11], "much is not made to wait"
    runner.end()
    await writer.stop()


async def test_what_somebody_stands_still_for_is_not_overtaken(joint: Any, quick: Any) -> None:
    writer, runner, submit = joint
    writer.submit(quick, 10, lambda _: None)
    writer.hurry()
    runner.end()
    assert runner.groups == [[1], [2, 10]]
    submit(3)
    writer.submit(quick, 11, lambda _: None)
    runner.end()
    assert runner.groups[2] == [11]
    runner.end()
    await until(lambda: len(runner.groups) == 4)
    runner.end()
    await writer.stop()


async def test_work_that_is_not_joint_is_not_overtaken(gathering: Any, quick: Any) -> None:
    writer, runner, _ = gathering
    writer.submit(quick, 10, lambda _: None)
    runner.end()
    assert runner.groups == [[1], [2, 10]]
    runner.end()
    await writer.stop()


async def test_work_that_may_not_overtake_comes_behind_joint_work(joint: Any) -> None:
    writer, runner, submit = joint
    submit(3)
    writer.submit(probe, 4, lambda _: None)
    runner.end()
    assert runner.groups == [[1], [2, 3, 4]]
    runner.end()
    await writer.stop()


async def test_callers_of_joint_work_hear_together(gathering: Any) -> None:
    writer, runner, _ = gathering
    heard: list[Any] = []
    work = JointWork(probe, lambda *told: heard.append([[*some] for some in told]), can_wait=True)
    runner.end()
    writer.submit_joint(work, 3, "first")
    writer.submit_joint(work, 4, "second")
    await until(lambda: len(runner.groups) == 2)
    assert runner.groups[1] == [2, 3, 4]
    runner.answer([[None], [None, ValueError("bad")]])
    ((items, callers, (none, error)),) = heard
    assert (items, callers, none, str(error)) == ([3, 4], ["first", "second"], None, "bad")
    stopped = asyncio.ensure_future(writer.stop())
    await stopped
    writer.submit_joint(work, 5, "third")
    assert heard[1][:2] == [[5], ["third"]]
    assert isinstance(heard[1][2][0], StorageUnavailable)


async def test_joint_work_that_comes_at_once_is_as_if_each_came_alone(joint: Any) -> None:
    writer, runner, _ = joint
    heard: list[Any] = []
    work = JointWork(probe, lambda *told: heard.append([[*some] for some in told]), can_wait=True)
    writer.submit_all(work, [(3, "third"), (4, "fourth")])
    writer.submit_all(work, [(5, "fifth")])
    runner.end()
    await until(lambda: len(runner.groups) == 2)
    assert runner.groups == [[1], [2, 3, 4, 5]]
    runner.answer([[None], [None, None, ValueError("bad")]])
    ((items, callers, _),) = heard
    assert (items, callers) == ([3, 4, 5], ["third", "fourth", "fifth"])
    assert str(heard[0][2][2]) == "bad"
    many = writer_module.MAX_GROUP + 1
    writer.submit_all(work, [(number, "") for number in range(many)])
    writer.submit_all(work, [(many, "")])
    for begun in (3, 4):  # bug: what came later was written first
        await until(lambda begun=begun: len(runner.groups) == begun)
        runner.end()
    assert [number for group in runner.groups[2:] for number in group] == [*range(many + 1)]
    await writer.stop()
    writer.submit_all(work, [(6, "sixth"), (7, "seventh")])
    assert [told[1] for told in heard[-2:]] == [["sixth"], ["seventh"]]
    assert isinstance(heard[-1][2][0], StorageUnavailable)


async def test_a_loop_that_was_busy_reads_before_a_group_begins(
    joint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: receipts of a provider that waits for answers were written in halves."""
    writer, runner, submit = joint
    monkeypatch.setattr(writer_module, "GATHER_S", 600.0)
    runner.end()
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, submit, 3)  # as what is read now is handed in a turn later
    time.sleep(2 * writer_module.GATHER_STEP_S)  # noqa: ASYNC251 - the loop is to be busy
    await until(lambda: len(runner.groups) == 2)
    assert runner.groups[1] == [2, 3]
    runner.end()
    await writer.stop()
