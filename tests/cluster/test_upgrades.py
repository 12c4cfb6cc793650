"""Tables that change beside nodes, of versions before and after."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.core.placement.setup import set_up
from dragoman.storage import upgrades
from dragoman.storage.migrations import revisions
from dragoman.storage.partitions import partition_url, schema_of
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import create, owner, send, shared
from tests.passing_time import until

MakeNode = Callable[..., Any]
BecomeVersion = Callable[..., None]

BEFORE = revisions.newest()
AFTER = f"{int(BEFORE) + 1:04}"
_REVISION = f"""\
from alembic import op

revision = "{AFTER}"
down_revision = "{BEFORE}"
branch_labels = None
depends_on = None
{{mark}}

def upgrade() -> None:
    op.execute("ALTER TABLE messages ADD COLUMN mood TEXT DEFAULT '' NOT NULL")
    op.execute("CREATE TABLE moods (mood TEXT NOT NULL, CONSTRAINT pk_moods PRIMARY KEY (mood))")
"""


@pytest.fixture
def become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BecomeVersion:
    """Has the code that runs from now on be that of the next version, or again of this one.

    `mark` is what the revision of the next one says of itself.
    """
    ours = revisions.FOLDER

    def change(mark: str | None) -> None:
        folder = ours
        if mark is not None:
            folder = tmp_path / "migrations"
            shutil.copytree(ours, folder, dirs_exist_ok=True)
            (folder / "versions" / f"{AFTER}_next.py").write_text(_REVISION.format(mark=mark))
        monkeypatch.setattr(revisions, "FOLDER", folder)
        revisions.newest.cache_clear()

    yield change
    monkeypatch.undo()
    revisions.newest.cache_clear()


async def test_new_tables_come_while_nodes_of_both_versions_run(
    make_node: MakeNode, become: BecomeVersion, cluster_url: str, simulator: Simulator
) -> None:
    old = await make_node("a")
    await shared(old)
    accounts = [await create(partition, old) for partition in range(PARTITIONS)]
    sent = 0
    async with aiohttp.ClientSession() as http:

        async def send_on(over: asyncio.Event) -> None:
            nonlocal sent
            while not over.is_set():
                for account in accounts:
                    assert (await send(http, old, account.api_key))[0] == 201
                    sent += 1

        over = asyncio.Event()
        sending = asyncio.create_task(send_on(over))
        await until(lambda: sent > PARTITIONS, "messages are sent")
        become("additive = True")
        with pytest.raises(StorageUnavailable, match="nodes may run meanwhile"):
            await make_node("b")
        await asyncio.to_thread(set_up, cluster_url, PARTITIONS)
        new = await make_node("b")
        await shared(old, new)
        during = sent
        await until(lambda: sent > during + PARTITIONS, "all go on while both versions run")
        over.set()
        await sending
        become(None)
        await new.stop()
        again = await make_node("c")  # the version before starts with the tables of the next
        await shared(old, again)
        moved = next(iter(again.front.places))
        assert (await send(http, owner(moved, again), accounts[moved].api_key))[0] == 201
    await until(lambda: len(simulator.submits) == sent + 1, "each is sent")
    assert _revisions(cluster_url) == {AFTER}


async def test_tables_that_do_not_fit_the_version_before_wait_for_its_nodes(
    make_node: MakeNode, become: BecomeVersion, cluster_url: str
) -> None:
    old = await make_node("a")
    await shared(old)
    become("")
    with pytest.raises(StorageUnavailable, match="stop all nodes, and run `dragoman migrate`"):
        await make_node("b")
    with pytest.raises(AlreadyInUse, match=f"versions before revision {AFTER} do not work"):
        await asyncio.to_thread(set_up, cluster_url, PARTITIONS)
    assert _revisions(cluster_url) == {BEFORE}
    become(None)
    await old.stop()
    become("")
    await asyncio.to_thread(set_up, cluster_url, PARTITIONS)
    become(None)
    with pytest.raises(StorageUnavailable, match=f"this version knows {BEFORE} only"):
        await make_node("a")
    with pytest.raises(StorageUnavailable, match=f"versions from revision {AFTER} on work with"):
        await asyncio.to_thread(set_up, cluster_url, PARTITIONS)


def test_a_table_in_use_is_left_alone_and_asked_for_again(
    become: BecomeVersion, cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    become("additive = True")
    monkeypatch.setattr(upgrades, "TRIES", 2)
    monkeypatch.setattr(upgrades, "PAUSE_S", 0.0)
    monkeypatch.setattr(upgrades, "LOCK_WAIT_MS", 50)
    with psycopg.connect(cluster_url) as reader:
        reader.execute(f"SELECT count(*) FROM {schema_of(0)}.messages".encode())
        with pytest.raises(StorageUnavailable, match="read or written all the time"):
            upgrades.migrate_beside(partition_url(cluster_url, 0))
        assert _revisions(cluster_url) == {BEFORE}
    upgrades.migrate_beside(partition_url(cluster_url, 0))
    assert _revisions(cluster_url) == {BEFORE, AFTER}


def test_every_revision_from_here_on_says_whether_it_is_additive() -> None:
    """0006 and earlier were before clusters could be upgraded node by node."""
    for name in (BEFORE, *revisions.missing("0006")):
        (file,) = revisions.FOLDER.glob(f"versions/{name}_*.py")
        assert "\nadditive = " in file.read_text(), file.name


def _revisions(url: str) -> set[str | None]:
    with psycopg.connect(url) as connection:
        found = [
            connection.execute(
                f"SELECT version_num FROM {schema_of(partition)}.alembic_version".encode()
            ).fetchone()
            for partition in range(PARTITIONS)
        ]
    return {row and row[0] for row in found}
