"""A single gateway moves into a cluster and back, with everything, ids and keys included."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from sqlalchemy import create_engine

from dragoman.admin.client import local_client
from dragoman.assembly import opened_services
from dragoman.config import Settings
from dragoman.config.sections import Storage as StorageSection
from dragoman.config.tables import SmppTable
from dragoman.config.values import Secret
from dragoman.core import moving
from dragoman.core.accounts.accounts import CreatedAccount
from dragoman.core.contacts import moved_uploads
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import AlreadyInUse, Refused, StorageUnavailable
from dragoman.core.moving import Difference, MovedTable, move_in, move_out
from dragoman.core.ownership import ACCOUNT, OTHERS, OwnedThrough
from dragoman.storage import copying
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import name_in, owner, send, shared
from tests.passing_time import PATIENCE_S, until
from tests.postgres import PostgresServer

MakeNode = Callable[..., Any]


def test_every_table_says_whose_its_rows_are() -> None:
    for table in copying.tables():
        rule = OTHERS.get(table.name)
        if rule is None:
            assert ACCOUNT in table.columns, f"{table.name} is not in core/ownership.py"
        elif isinstance(rule, OwnedThrough):
            assert rule.column in table.columns, table.name
            for parent in rule.parents:
                other = copying.metadata.tables[parent.table]
                assert {parent.column, ACCOUNT} <= set(other.columns.keys()), table.name
    assert set(OTHERS) <= {table.name for table in copying.tables()}


class Single:
    """A single gateway that was stopped, and what it had."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.accounts: dict[int, CreatedAccount] = {}
        self.messages: dict[int, int] = {}
        """A message of each partition's account."""
        self.short_ids: dict[int, int] = {}
        self.child = ""


def settings_of(url: str, folder: Path) -> Settings:
    carrier = SmppTable(name="smsc", host="127.0.0.1", port=1, system_id="x", password=Secret("x"))
    return Settings(
        data_dir=str(folder), storage=StorageSection(url=Secret(url)), carriers=(carrier,)
    )


@pytest.fixture
async def single(tmp_path: Path) -> Single:
    folder = tmp_path / "single"
    folder.mkdir()
    return await make_single(f"sqlite:///{folder / 'dragoman.db'}", folder)


async def make_single(url: str, folder: Path) -> Single:
    made = Single(url)
    async with opened_services(settings_of(made.url, folder), migrate=True) as services:
        for partition in range(PARTITIONS):
            created = await services.accounts.create(
                name_in(partition), password="a password of theirs", credits=50 + partition
            )
            made.accounts[partition] = created
            await services.keywords.add_number(created.account, f"4590{partition}", shared=False)
            for number in range(3):
                accepted = await services.submission.submit(
                    created.account,
                    Submission(
                        dialect="linkmobility",
                        recipients=(f"+45206000{number:02}",),
                        text=f"text {number}",
                        sender="Dragoman",
                    ),
                )
            views = await services.queries.messages_of_batch(
                created.account, accepted.batch_id, 0, 2
            )
            made.messages[partition] = views[0].message_id
            batch_id = accepted.batch_id
            made.short_ids[partition] = (await services.short_ids.of([batch_id]))[batch_id]
        child = await services.accounts.create(
            "a-child", parent=made.accounts[1].account, credits=5, giver=made.accounts[1].account
        )
        made.child = child.account.username
    return made


async def test_everything_comes_along_and_is_found(
    make_node: MakeNode, cluster_url: str, single: Single
) -> None:
    told: list[MovedTable] = []
    rows = await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, told.append)
    done = {one.name: one.rows for one in told if one.is_done}
    assert rows == sum(done.values())
    assert (done["accounts"], done["messages"]) == (PARTITIONS + 1, 3 * PARTITIONS)
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    call = local_client(a.settings.data_path).call

    async def get(path: str) -> Any:
        return msgspec.json.decode(await asyncio.to_thread(call, "GET", f"/admin/v1{path}"))

    async with aiohttp.ClientSession() as http:
        for partition, created in single.accounts.items():
            services = owner(partition, a, b).owned[partition].gateway.services
            assert await services.accounts.find(created.account.username) == created.account
            # Identifiers from before, whose bits name no partition, and short ones of the first.
            for identifier in (single.messages[partition], single.short_ids[partition]):
                status = await get(f"/status/{identifier}")
                assert status["account"] == created.account.username
            assert (await send(http, b, created.api_key))[0] == 201
    listed = (await get("/accounts"))["accounts"]
    assert {one["username"]: one["parent"] for one in listed}[single.child] == name_in(1)
    ids = [one["account_id"] for one in listed]
    assert len(set(ids)) == PARTITIONS + 1
    numbers = (await get("/numbers"))["numbers"]
    assert {one["account"] for one in numbers} == {name_in(p) for p in range(PARTITIONS)}
    fresh = await asyncio.to_thread(
        call, "POST", "/admin/v1/accounts", msgspec.json.encode({"username": name_in(0, 3)})
    )
    assert msgspec.json.decode(fresh)["account"]["account_id"] not in ids


async def test_a_database_of_postgresql_moves_in(
    cluster_url: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_database(empty=True)
    single = await make_single(url, tmp_path)
    told: list[MovedTable] = []
    await asyncio.to_thread(move_in, url, cluster_url, PARTITIONS, told.append)
    done = {one.name: one.rows for one in told if one.is_done}
    assert done["messages"] == 3 * len(single.accounts)
    postgres.release(url)


async def test_one_that_is_interrupted_goes_on(
    make_node: MakeNode, cluster_url: str, single: Single, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "CHUNK", 2)

    class Interrupted(Exception):
        pass

    def tell(table: MovedTable) -> None:
        if table.name == "messages":
            raise Interrupted

    with pytest.raises(Interrupted):
        await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, tell)
    with pytest.raises(StorageUnavailable, match="a gateway is moving in"):
        await make_node("a")
    told: list[MovedTable] = []
    await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, told.append)
    begun = [one.rows for one in told if one.name == "messages"]
    assert begun[0] == 4, "two rows were there already"
    assert begun[-1] == 3 * PARTITIONS
    a = await make_node("a")
    await shared(a)


async def test_what_differs_is_told(
    cluster_url: str, single: Single, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = copying.write_rows

    def lose_one(connection: Any, table: Any, rows: Any, *more: Any) -> None:
        if table.name == "ledger_entries":
            rows = [{**row, "amount": row["amount"] + 1} for row in rows]
        write(connection, table, rows, *more)

    monkeypatch.setattr(copying, "write_rows", lose_one)
    with pytest.raises(Difference, match=r"ledger_entries: .* different: amount"):
        await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)


async def test_what_cannot_move_is_refused(
    make_node: MakeNode, cluster_url: str, single: Single, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="the cluster has 3"):
        await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS + 1, lambda _: None)
    async with opened_services(settings_of(single.url, tmp_path / "single")):
        with pytest.raises(AlreadyInUse):
            await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)
    node = await make_node("a")
    await shared(node)
    with pytest.raises(AlreadyInUse, match="stop all nodes first"):
        await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)
    await node.stop()
    await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)
    with pytest.raises(Refused, match="it has accounts already"):
        await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)


async def test_and_back(cluster_url: str, single: Single, tmp_path: Path) -> None:
    await asyncio.to_thread(move_in, single.url, cluster_url, PARTITIONS, lambda _: None)
    folder = tmp_path / "again"
    folder.mkdir()
    url = f"sqlite:///{folder / 'dragoman.db'}"
    await asyncio.to_thread(move_out, cluster_url, PARTITIONS, url, lambda _: None)
    engines = create_engine(single.url), create_engine(url)
    with engines[0].connect() as before, engines[1].connect() as after:
        for table in copying.tables():
            if table.name not in ("group_marks", "short_id_counter"):
                assert copying.measure(after, table) == copying.measure(before, table), table.name
    for engine in engines:
        engine.dispose()
    async with opened_services(settings_of(url, folder)) as services:
        known = single.accounts[2]
        found = await services.accounts.authenticate_key(known.api_key, "127.0.0.1")
        assert found == known.account
        fresh = await services.accounts.create("one-more")
        assert fresh.account.account_id not in {
            one.account.account_id for one in single.accounts.values()
        }
    with pytest.raises(Refused, match="it has accounts already"):
        await asyncio.to_thread(move_out, cluster_url, PARTITIONS, url, lambda _: None)
    names = {table.name for table in copying.tables()}
    assert names >= moving.MAY_MEET


async def test_uploaded_files_that_are_not_imported_yet_come_along_and_back(
    make_node: MakeNode,
    cluster_url: str,
    single: Single,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moved_uploads, "PIECE_BYTES", 8)
    table = b"mobile;name\n4520600000;Ada\n"
    owner_of = single.accounts[2].account
    async with opened_services(settings_of(single.url, tmp_path / "single")) as services:
        upload = await services.uploads.add(owner_of, "friends.csv", table)
        arriving = await services.uploads.begin(owner_of, "more.csv")
    folder = tmp_path / "single" / "uploads"
    told: list[MovedTable] = []
    await asyncio.to_thread(
        move_in, single.url, cluster_url, PARTITIONS, told.append, uploads=folder
    )
    assert told[-1] == MovedTable(name="uploads", rows=1, unit="files")
    node = await make_node("a")
    await shared(node)
    uploads = node.owned[2].gateway.services.uploads
    await until(lambda: upload.key in uploads._known, "the files are there")
    assert uploads.find(owner_of, upload.key) == upload
    assert (await uploads.shape(owner_of, upload.key)).columns
    with pytest.raises(Refused):
        uploads.find(owner_of, arriving.key)
    await node.stop()
    again = tmp_path / "again"
    again.mkdir()
    url, back = f"sqlite:///{again / 'dragoman.db'}", again / "uploads"
    await asyncio.to_thread(move_out, cluster_url, PARTITIONS, url, lambda _: None, uploads=back)
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        name: (folder / name).read_bytes() for name in (f"{upload.key}.csv", f"{upload.key}.json")
    }


async def test_an_uploaded_file_that_was_cut_short_is_told(
    cluster_url: str, single: Single, tmp_path: Path
) -> None:
    async with opened_services(settings_of(single.url, tmp_path / "single")) as services:
        account = single.accounts[0].account
        upload = await services.uploads.add(account, "friends.csv", b"mobile\n4520600000\n")
    folder = tmp_path / "single" / "uploads"
    (folder / f"{upload.key}.csv").write_bytes(b"mobile\n")
    with pytest.raises(Difference, match=f"uploaded file {upload.key}"):
        await asyncio.to_thread(
            move_in, single.url, cluster_url, PARTITIONS, lambda _: None, uploads=folder
        )


CONFIG = """\
data_dir = "{folder}"
[storage]
url = "{url}"
[cluster]
partitions = {partitions}
secret = "shown by nodes to each other"
"""


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("dragoman")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=PATIENCE_S)


async def test_the_commands_say_what_they_do(
    cluster_url: str, single: Single, tmp_path: Path
) -> None:
    config = tmp_path / "dragoman.toml"
    config.write_text(CONFIG.format(folder=tmp_path, url=cluster_url, partitions=PARTITIONS))
    into = ("cluster", "import", "--from", single.url, "--config", str(config))
    done = await asyncio.to_thread(run_command, *into)
    assert done.returncode == 0, done.stderr
    assert f"accounts: {PARTITIONS + 1} rows\n" in done.stdout
    assert done.stdout.endswith("every table is the same on both sides.\n")
    again = await asyncio.to_thread(run_command, *into)
    assert again.returncode != 0
    assert "it has accounts already" in again.stderr
    back = f"sqlite:///{tmp_path / 'back.db'}"
    out = ("cluster", "export", "--to", back, "--config", str(config), "--json")
    done = await asyncio.to_thread(run_command, *out)
    assert done.returncode == 0, done.stderr
    assert '"same": true' in done.stdout or '"same":true' in done.stdout
