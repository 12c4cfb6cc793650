"""What became of a commit whose answer was lost is looked up: nobody is answered wrongly."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from sqlalchemy import select as sql_select
from tests.passing_time import PATIENCE_S, until

from dragoman.core.messages.sql.tables import batches
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.submission.sql import submissions
from dragoman.core.writer_process import start_writer
from dragoman.storage import runners, writer
from dragoman.storage.answers import InDoubt
from dragoman.storage.engine import Storage
from dragoman.storage.probe import probe
from dragoman.storage.runners import ChildRunner

pytestmark = pytest.mark.process

KILLS = 3
CLIENTS = 8
SOCKET = ".s.PGSQL.5432"

OpenChild = Callable[[str], Storage]


class Cutter:
    """Relays to PostgreSQL, and can cut a connection at its COMMIT: `before` or `after` it."""

    def __init__(self, folder: str, server: Path) -> None:
        self.cut = ""
        self.is_down = False
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/{SOCKET}")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            if self.is_down:
                return
            server.connect(os.fspath(self._server))
            while True:
                for side in select.select([client, server], [], [])[0]:
                    data = side.recv(1 << 16)
                    if not data:
                        return
                    if side is client and b"COMMIT" in data and self.cut:
                        how, self.cut = self.cut, ""
                        if how == "after":
                            server.sendall(data)
                            server.recv(1 << 16)  # it says that this is committed
                        return
                    (server if side is client else client).sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def cutter(postgres: Any) -> Iterator[tuple[Cutter, str]]:
    """A relay, and the URL of a new database behind it."""
    url = postgres.new_database()
    parts = urlsplit(url)
    [real] = parse_qs(parts.query)["host"]
    with tempfile.TemporaryDirectory(prefix="cut-") as folder:
        relay = Cutter(folder, Path(real) / SOCKET)
        yield relay, f"postgresql://postgres:@{parts.path}?host={quote(folder, safe='')}"
        relay.close()


@pytest.fixture
async def open_child() -> AsyncIterator[OpenChild]:
    """Opens storages whose writes run in a process of their own."""
    opened: list[Storage] = []

    def open_(url: str) -> Storage:
        storage = Storage(url, writer=start_writer())
        storage.start()
        opened.append(storage)
        return storage

    yield open_
    for storage in opened:
        await storage.stop()


async def stored(storage: Storage) -> set[int]:
    return await storage.read(lambda c: set(c.execute(sql_select(batches.c.batch_id)).scalars()))


def child_of(storage: Storage) -> int:
    runner = storage.writer._runner
    assert isinstance(runner, ChildRunner)
    return runner._child.pid


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_that_the_server_did_not_answer_is_looked_up_and_made_if_it_was_not(
    cutter: tuple[Cutter, str], open_child: OpenChild, make_rows: Any, cut: str
) -> None:
    """Bug: it was refused, and sent later."""
    relay, url = cutter
    storage = open_child(url)
    rows = make_rows(storage)
    account = await rows.account()
    wanted = [rows.batch(account) for _ in range(2)]
    relay.cut = cut
    await asyncio.gather(*(rows.write(submissions.accept, new) for new in wanted))
    assert await stored(storage) == {new.batch.batch_id for new in wanted}
    await rows.accepted(account)
    assert not storage.writer.failed
    assert storage.writer.trouble == ""


async def test_what_is_known_too_late_not_to_be_on_disk_is_refused(
    cutter: tuple[Cutter, str], open_child: OpenChild, make_rows: Any, monkeypatch: Any
) -> None:
    """Its caller may have gone away meanwhile, and have sent it elsewhere."""
    monkeypatch.setattr(writer, "AGAIN_S", 0.0)
    relay, url = cutter
    storage = open_child(url)
    rows = make_rows(storage)
    account = await rows.account()
    relay.cut = "before"
    with pytest.raises(StorageUnavailable):
        await rows.accepted(account)
    assert await stored(storage) == set()


class NothingComesThrough:
    """Loses the answer of every group, none of which is on disk."""

    def start(self, gone: Any) -> None:
        self._soon = asyncio.get_running_loop().call_soon

    def run(self, number: int, works: Any, done: Any) -> None:
        self._soon(done, InDoubt("cut"))

    def settle(self, number: int, done: Any) -> None:
        self._soon(done, None)

    async def close(self) -> None:
        return


async def test_what_never_comes_through_is_refused_in_the_end(monkeypatch: Any) -> None:
    """Bug: it was tried again for ever, as fast as it could be."""
    monkeypatch.setattr(writer, "AGAIN_S", 0.05)
    unlucky = writer.Writer(NothingComesThrough())
    unlucky.start()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StorageUnavailable, match="cut"):
            await unlucky.write(probe, None)
    await unlucky.stop()


async def test_who_is_in_doubt_waits_and_the_others_are_refused(
    cutter: tuple[Cutter, str], open_child: OpenChild, make_rows: Any
) -> None:
    relay, url = cutter
    storage = open_child(url)
    rows = make_rows(storage)
    account = await rows.account()
    relay.cut, relay.is_down = "after", True
    in_doubt = asyncio.ensure_future(rows.accepted(account))
    await until(lambda: storage.writer.trouble)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await rows.accepted(account)
    assert not in_doubt.done()
    relay.is_down = False
    await in_doubt
    assert len(await stored(storage)) == 1
    await until(lambda: not storage.writer.trouble)


async def test_what_a_killed_child_had_committed_is_found_by_the_next(
    sqlite_url: str, open_child: OpenChild, make_rows: Any
) -> None:
    """Bug: it was refused, and sent after the next start."""
    storage = open_child(sqlite_url)
    rows = make_rows(storage)
    account = await rows.account()
    runner, loop = storage.writer._runner, asyncio.get_running_loop()
    assert isinstance(runner, ChildRunner)
    assert runner._socket is not None
    loop.remove_reader(runner._socket)
    writing = asyncio.ensure_future(rows.accepted(account))
    await loop.sock_recv(runner._socket, 1 << 16)  # its answer is lost
    os.kill(child_of(storage), signal.SIGKILL)
    loop.add_reader(runner._socket, runner._receive)
    await writing
    assert len(await stored(storage)) == 1


async def test_a_child_that_died_while_nothing_was_written_is_started_again(
    sqlite_url: str, open_child: OpenChild, make_rows: Any
) -> None:
    storage = open_child(sqlite_url)
    rows, before = make_rows(storage), child_of(storage)
    os.kill(before, signal.SIGKILL)
    await until(lambda: child_of(storage) != before)
    await rows.account()


async def test_a_child_that_dies_again_soon_ends_the_writer_and_the_reason_is_told(
    sqlite_url: str, open_child: OpenChild, make_rows: Any
) -> None:
    storage = open_child(sqlite_url)
    rows, before = make_rows(storage), child_of(storage)
    account = await rows.account()
    os.kill(before, signal.SIGKILL)
    await until(lambda: child_of(storage) != before)
    await rows.accepted(account)
    os.kill(child_of(storage), signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        reason = await storage.writer.gone()
    assert reason == "the writer process was killed by SIGKILL, soon after it was started again"
    assert storage.writer.failed
    with pytest.raises(StorageUnavailable, match="SIGKILL"):
        await rows.accepted(account)


class Clients:
    """Clients that write one batch after the other, and what they were told of each."""

    def __init__(self, storage: Storage, rows: Any) -> None:
        self.accepted: set[int] = set()
        self.refused: set[int] = set()
        self._storage, self._rows = storage, rows

    async def run(self, account: Any) -> None:
        while True:
            new = self._rows.batch(account)
            try:
                await self._rows.write(submissions.accept, new)
                self.accepted.add(new.batch.batch_id)
            except StorageUnavailable:
                self.refused.add(new.batch.batch_id)
                await asyncio.sleep(0.01)

    async def check(self) -> None:
        """Everybody was told the truth."""
        found = await stored(self._storage)
        assert self.accepted <= found, "an accepted batch was lost"
        assert not self.refused & found, "a refused batch is stored"


async def kill_under_load(storage: Storage, rows: Any, kill: Callable[[], Any]) -> Clients:
    """Kills at random moments while clients write; returns what they were told."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance, clients = random.Random(seed), Clients(storage, rows)
    account = await rows.account()
    at_work = [asyncio.create_task(clients.run(account)) for _ in range(CLIENTS)]
    for _ in range(KILLS):
        enough = len(clients.accepted) + chance.randrange(20, 60)
        await until(lambda enough=enough: len(clients.accepted) >= enough)
        await asyncio.sleep(chance.uniform(0, 0.02))
        killed = kill()
        if asyncio.iscoroutine(killed):
            await killed
    enough = len(clients.accepted) + CLIENTS
    await until(lambda: len(clients.accepted) >= enough)
    await storage.writer.write(submissions.accept, rows.batch(account))  # nobody is in doubt now
    for client in at_work:
        client.cancel()
    await asyncio.gather(*at_work, return_exceptions=True)
    return clients


async def test_everybody_is_told_the_truth_when_children_are_killed(
    database_url: str, open_child: OpenChild, make_rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RESTART_EVERY_S", 0.0)
    storage = open_child(database_url)
    rows = make_rows(storage)

    def kill() -> None:
        os.kill(child_of(storage), signal.SIGKILL)

    clients = await kill_under_load(storage, rows, kill)
    await clients.check()


async def test_everybody_is_told_the_truth_when_the_server_is_killed(
    own_postgres: Any, open_child: OpenChild, make_rows: Any
) -> None:
    storage = open_child(own_postgres.url)
    rows = make_rows(storage)

    async def kill() -> None:
        await asyncio.to_thread(own_postgres.kill)
        with pytest.raises(StorageUnavailable):
            await rows.account("nobody")
        await asyncio.to_thread(own_postgres.start)

    clients = await kill_under_load(storage, rows, kill)
    assert clients.refused
    await clients.check()


class NeverKnown:
    """Runs groups that stay in doubt: somebody else has the lock of the database."""

    def __init__(self) -> None:
        self.asked = 0

    def start(self, gone: Any) -> None:
        """There is nothing to start."""

    def run(self, number: int, works: Any, done: Any) -> None:
        asyncio.get_running_loop().call_soon(done, InDoubt("the answer was lost"))

    def settle(self, number: int, done: Any) -> None:
        self.asked += 1
        asyncio.get_running_loop().call_soon(done, InDoubt("another one has the lock"))

    async def close(self) -> None:
        """There is nothing to stop."""


async def test_who_lost_the_database_asks_no_more_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node whose partition was taken over with a commit in doubt could never close it."""
    monkeypatch.setattr(writer, "SETTLE_S", 0.001)
    runner = NeverKnown()
    lost = writer.Writer(runner)
    lost.start()
    answer = lost.write(probe, None)
    await until(lambda: runner.asked > 2, "it asks again and again")
    lost.give_up("another node owns the partition")
    await asyncio.wait_for(lost.stop(), PATIENCE_S)
    assert not answer.done()  # nobody knows, so nobody is told
