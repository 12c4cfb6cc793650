"""Reads in a few threads, alone and several in one trip."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Connection, event, text

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.engine import Storage
from dragoman.storage.reading import Readers

Ask = Callable[[Connection], int]


def asking(number: int) -> Ask:
    return lambda connection: int(connection.execute(text(f"SELECT {number}")).scalar_one())


@pytest.fixture
def trips(storage: Storage) -> list[object]:
    """The connections that were taken to read, one for each trip."""
    taken: list[object] = []
    event.listen(storage._read_engine, "checkout", lambda driver, *_: taken.append(driver))
    return taken


async def test_reads_that_do_not_wait_for_each_other_make_one_trip(
    storage: Storage, trips: list[object]
) -> None:
    async def nested() -> list[int]:
        return await asyncio.gather(storage.read(asking(2)), storage.read(asking(3)))

    with storage.reading_together():
        found = await asyncio.gather(storage.read(asking(1)), nested(), storage.read(asking(4)))
    assert found == [1, [2, 3], 4]
    assert len(trips) == 1


async def test_reads_that_wait_for_each_other_make_a_trip_each(
    storage: Storage, trips: list[object]
) -> None:
    async def one_after_another() -> int:
        return await storage.read(asking(await storage.read(asking(7))))

    with storage.reading_together():
        assert await one_after_another() == 7
    assert len(trips) == 2


async def test_reads_go_alone_again_afterwards(storage: Storage, trips: list[object]) -> None:
    with storage.reading_together():
        await asyncio.gather(storage.read(asking(1)), storage.read(asking(2)))
    await asyncio.gather(storage.read(asking(1)), storage.read(asking(2)))
    assert len(trips) == 3


async def test_all_reads_of_a_trip_fail_with_one_of_them(storage: Storage) -> None:
    def fail(_connection: Connection) -> int:
        raise StorageUnavailable("away")

    with storage.reading_together():
        reads = asyncio.gather(
            storage.read(asking(1)), storage.read(fail), storage.read(asking(3)),
            return_exceptions=True,
        )  # fmt: skip
        found = await reads
    assert [str(one) for one in found] == ["away"] * 3
    assert await storage.read(asking(1)) == 1


async def test_reads_together_fail_where_reading_has_ended(storage: Storage) -> None:
    readers = Readers(storage._read_engine, 1)
    with readers.together():
        reading = asyncio.ensure_future(readers.read(asking(1)))
        await asyncio.sleep(0)
        readers.close()
        async with asyncio.timeout(30):
            with pytest.raises(RuntimeError, match="shutdown"):
                await reading


async def test_who_gave_up_waiting_does_not_disturb_the_others(storage: Storage) -> None:
    began, go_on = threading.Event(), threading.Event()

    def wait(connection: Connection) -> int:
        began.set()
        assert go_on.wait(30)
        return asking(1)(connection)

    with storage.reading_together():
        given_up, waiting = (asyncio.ensure_future(storage.read(one)) for one in (wait, asking(2)))
        await asyncio.to_thread(began.wait, 30)
        given_up.cancel()
        go_on.set()
        assert await waiting == 2


async def test_stop_waits_for_what_is_being_read(sqlite_url: str) -> None:
    storage = Storage(sqlite_url)
    storage.start()
    began, go_on = threading.Event(), threading.Event()

    def wait(connection: Connection) -> int:
        began.set()
        assert go_on.wait(30)
        return asking(1)(connection)

    reading = asyncio.ensure_future(storage.read(wait))
    await asyncio.to_thread(began.wait, 30)
    stopping = asyncio.ensure_future(storage.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    go_on.set()
    await stopping
    assert await reading == 1
    await storage.stop()  # again, as whoever made it does
    with closing(Storage(sqlite_url)):
        pass  # nobody has it any longer
