"""`dragoman dev`: a whole gateway on one machine, with a simulated SMSC and a demo account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from dragoman.cli.manual_examples import ADVANCED_KEY, COUNTRY_CODE, SHORT_CODE
from dragoman.cli.options import (
    DEFAULT_HTTP,
    DEFAULT_SMPP,
    DEFAULT_SMSC,
    DEVELOPMENT_FOLDER,
    join_address,
    option,
)
from dragoman.cli.outcome import ExitCode, Stop

if TYPE_CHECKING:
    from dragoman.cli.dev_file import DevAccount
    from dragoman.config import Settings
    from dragoman.container import Services
    from dragoman.core.callbacks.calling import Caller
    from dragoman.development.workbench import Workbench
    from dragoman.gateway import Gateway
    from dragoman.kit.child_process import ChildProcess
    from dragoman.testkit.simulator import Simulator

USERNAME: Final = "demo"
SENDER: Final = "Dragoman"
REMEMBERED: Final = 10_000
"""Messages and phones the simulator keeps."""
OLDER_HOST: Final = "api.zumosms.com"
"""Where programs find the edition of the older manual."""
PRICE_TAG: Final = 0x1400
"""Of the parameter that tells the simulated SMSC a price."""
OURS: Final = ("dragoman.db", "dragoman.db-wal", "dragoman.db-shm", "dragoman.key")


def dev(
    http: Annotated[
        str, option("Where programs reach the gateway.", metavar="HOST:PORT", show_default=True)
    ] = DEFAULT_HTTP,
    smsc: Annotated[
        str, option("Where the simulated SMSC speaks SMPP.", metavar="HOST:PORT", show_default=True)
    ] = DEFAULT_SMSC,
    smpp: Annotated[
        str,
        option("Where customers' programs bind over SMPP.", metavar="HOST:PORT", show_default=True),
    ] = DEFAULT_SMPP,
    data: Annotated[
        Path, option("Folder of the database and of dev.json.", metavar="DIR", show_default=True)
    ] = DEVELOPMENT_FOLDER,
    reset: Annotated[
        bool, option("Start afresh: delete all messages and accounts.", "--reset")
    ] = False,
    phone: Annotated[
        bool, option("Send over a simulated phone instead of the SMSC.", "--phone")
    ] = False,
    nodes: Annotated[
        int, option("Run a cluster of so many nodes, on PostgreSQL and NATS.", metavar="N")
    ] = 1,
) -> None:
    """Run a complete gateway for development: SQLite, a simulated SMSC, a demo account.

    The virtual phones get every message; its receipt follows about a second later. What they
    received, and everything else that tests need, is under /dev (docs/development.md). Port 0 means
    any free port.
    The file dev.json in DIR holds the addresses and the secrets for programs, dev.env the same for
    shells; they appear when the gateway is ready. With --nodes, DIR also holds the configuration of
    each node and an account in each partition; SMPP binds of customers and the console's pages of
    virtual phones are not there.
    """
    import os

    from dragoman.cli.running import run_loop
    from dragoman.core.writer_process import fork_writer

    os.umask(0o077)
    if nodes != 1:
        _run_nodes(data, nodes, http, smsc, reset=reset, phone=phone)
        return
    settings = _settings(http, smsc, smpp, data, phones=phone)
    data.mkdir(parents=True, exist_ok=True)
    if reset:
        _reset(settings)
    run_loop(_run(settings, fork_writer()))


def _run_nodes(data: Path, nodes: int, http: str, smsc: str, *, reset: bool, phone: bool) -> None:
    from dragoman.cli.dev_nodes import MAX_NODES, run_nodes
    from dragoman.cli.running import run_loop

    if not 2 <= nodes <= MAX_NODES:
        raise Stop(ExitCode.USAGE, f"--nodes: 2 to {MAX_NODES}")
    if phone:
        raise Stop(ExitCode.USAGE, "--phone: a cluster has no phones yet")
    data.mkdir(parents=True, exist_ok=True)
    run_loop(run_nodes(data.absolute(), nodes, http, smsc, reset=reset))


def _settings(http: str, smsc: str, smpp: str, data: Path, *, phones: bool) -> Settings:
    from dragoman.cli.running import check_port
    from dragoman.config import Settings
    from dragoman.config.values import parse_address

    addresses = []
    for name, text in (("--http", http), ("--smsc", smsc), ("--smpp", smpp)):
        try:
            host, port = parse_address(text)
        except ValueError as error:
            raise Stop(ExitCode.USAGE, f"{name}: {error}") from None
        if port == 0:
            port = check_port(host, 0, f"choose another with {name}")
        addresses.append(join_address(host, port))
    http, smsc, smpp = addresses
    settings = Settings.development(data, http=http, smsc=smsc, smpp=smpp, phones=phones)
    return _for_links_manuals(settings)


def _for_links_manuals(settings: Settings) -> Settings:
    """The settings with what the examples of LINK's manuals need.

    That is a short code that is billed, the advanced key, and the older edition at its own host.
    """
    import msgspec

    from dragoman.config.dialects import LinkHost
    from dragoman.config.premium import BillingTable, ShortCodeTable
    from dragoman.config.tables import SmppTable
    from dragoman.config.values import Secret

    carrier, *others = settings.carriers
    assert isinstance(carrier, SmppTable)
    dialects = settings.dialects
    link = msgspec.structs.replace(
        dialects.linkmobility,
        advanced_key=Secret(ADVANCED_KEY),
        hosts=(LinkHost(host=OLDER_HOST, profile="zumosms"),),
    )
    return msgspec.structs.replace(
        settings,
        carriers=(
            msgspec.structs.replace(carrier, premium=BillingTable(price_tag=PRICE_TAG)),
            *others,
        ),
        short_codes=(ShortCodeTable(number=SHORT_CODE, country_code=COUNTRY_CODE),),
        dialects=msgspec.structs.replace(dialects, linkmobility=link),
    )


def _reset(settings: Settings) -> None:
    from dragoman.assembly import check_unused
    from dragoman.cli.dev_file import KEPT, NAME, SHELL
    from dragoman.config.settings import OUTBOX
    from dragoman.core.model.errors import AlreadyInUse

    try:
        check_unused(settings)
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, str(error), "in_use") from None
    for name in (*OURS, KEPT, NAME, SHELL):
        (settings.data_path / name).unlink(missing_ok=True)
    for mail in (settings.data_path / OUTBOX).glob("*.eml"):
        mail.unlink(missing_ok=True)


async def _run(settings: Settings, writer: ChildProcess) -> None:
    import os
    from functools import partial

    import msgspec

    from dragoman import __version__
    from dragoman.cli import dev_file
    from dragoman.cli.dev_phone import start_phone
    from dragoman.cli.running import build_gateway, check_port, run_gateway
    from dragoman.cli.welcome import print_welcome
    from dragoman.config.tables import SmppTable
    from dragoman.connectors import phones_of
    from dragoman.kit import logging
    from dragoman.kit.clock import SystemClock
    from dragoman.testkit.simulator import Simulator

    logging.configure(settings.log.level, settings.log.format)
    carrier = settings.carriers[0]
    assert isinstance(carrier, SmppTable)
    simulator = Simulator(
        carrier.host, carrier.port, remember=REMEMBERED, first_id=SystemClock().now_ms()
    )
    gateway = build_gateway(settings, writer, partial(_build_workbench, simulator))
    folder = settings.data_path
    kept = dev_file.set_aside(folder)
    host, port = settings.http.address
    smpp_host, smpp_port = settings.smpp_server.address
    for name, (where, number) in {
        "--http": (host, port),
        "--smsc": (carrier.host, carrier.port),
        "--smpp": (smpp_host, smpp_port),
    }.items():
        check_port(where, number, f"choose another with {name} {join_address(where, number + 1)}")
    await simulator.start()

    @asynccontextmanager
    async def ready() -> AsyncIterator[None]:
        account = await _demo_account(gateway, folder, kept)
        await _own_numbers(gateway, account.username)
        account = await _with_auth_token(gateway, account)
        content = dev_file.DevFile(
            base_url=f"http://{join_address(_reachable(host), port)}",
            smsc_host=_reachable(carrier.host),
            smsc_port=carrier.port,
            smsc_system_id=carrier.system_id,
            smsc_password=str(carrier.password),
            smpp_host=_reachable(smpp_host),
            smpp_port=smpp_port,
            accounts=(account,),
            pid=os.getpid(),
            version=__version__,
        )
        phone = None
        if phones_of(gateway.connectors):
            phone = await start_phone(gateway, account.username, content.base_url)
            content = msgspec.structs.replace(content, device_id=int(phone.device_id))
        if gateway.workbench is not None:
            gateway.workbench.demo.update(dev_file.variables(content))
        dev_file.publish(folder, content)
        print_welcome(content, folder / dev_file.NAME)
        try:
            yield
        finally:
            if gateway.workbench is not None:
                gateway.workbench.close()
            if phone is not None:
                await phone.kill()
            dev_file.set_aside(folder)

    try:
        await run_gateway(gateway, migrate=True, while_ready=ready())
    finally:
        await simulator.stop()


def _build_workbench(simulator: Simulator, services: Services, client: Caller) -> Workbench:
    from dragoman.config.settings import OUTBOX
    from dragoman.development.forwarding import CallbackForwarding
    from dragoman.development.outbox import MailOutbox
    from dragoman.development.phones import VirtualPhones
    from dragoman.development.workbench import Workbench

    return Workbench(
        phones=VirtualPhones(simulator, services.clock),
        outbox=MailOutbox(services.settings.data_path / OUTBOX),
        forwarding=CallbackForwarding(client),
    )


async def _own_numbers(gateway: Gateway, username: str) -> None:
    """Gives the demo account the number that phones write back to, and the short code.

    A number that somebody has stays theirs.
    """
    from dragoman.development.phones import REPLY_NUMBER

    known = {one.number for one in await gateway.services.keywords.numbers()}
    account = await gateway.services.accounts.find(username)
    for number, shared in ((REPLY_NUMBER, False), (SHORT_CODE, True)):
        if number not in known:
            await gateway.services.keywords.add_number(account, number, shared=shared)


async def _with_auth_token(gateway: Gateway, account: DevAccount) -> DevAccount:
    """The account with what programs of Twilio sign in with."""
    import msgspec

    services = gateway.services
    token = await services.auth_tokens.ensure(await services.accounts.find(account.username))
    return msgspec.structs.replace(
        account, twilio_account_sid=token.public_id, twilio_auth_token=token.token
    )


async def _demo_account(gateway: Gateway, folder: Path, kept: tuple[DevAccount, ...]) -> DevAccount:
    """The account of the last run, or a new one whose secrets are on disk before it exists."""
    import secrets

    from dragoman.cli import dev_file
    from dragoman.core.accounts.accounts import new_key
    from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
    from dragoman.core.accounts.smpp_logins import new_smpp_password

    taken = {account.username for account in await gateway.services.accounts.list_all()}
    if kept and kept[0].username in taken:
        return await _with_smpp_login(gateway, folder, kept[0])
    # Without dev.json nobody knows the secrets of an earlier `demo` any more.
    names = [USERNAME, *(f"{USERNAME}{number}" for number in range(2, len(taken) + 2))]
    account = dev_file.DevAccount(
        username=next(name for name in names if name not in taken),
        password=secrets.token_urlsafe(12),
        api_key=new_key(),
        smpp_password=new_smpp_password(),
    )
    dev_file.keep(folder, dev_file.DevFile(accounts=(account,)))
    await gateway.services.accounts.create(
        account.username,
        password=account.password,
        api_key=account.api_key,
        legacy_md5=account.legacy_md5,
        default_sender=SENDER,
        permissions=DEFAULT_PERMISSIONS
        | {
            Permission.ADMINISTER,
            Permission.CHARITY,
            Permission.NUMBER_LOOKUP,
            Permission.OPERATE,
            Permission.PREMIUM,
            Permission.PREMIUM_HIGH,
        },
    )
    return await _with_smpp_login(gateway, folder, account)


async def _with_smpp_login(gateway: Gateway, folder: Path, account: DevAccount) -> DevAccount:
    """The account with an SMPP login; it keeps the one that it has."""
    import msgspec

    from dragoman.cli import dev_file
    from dragoman.core.accounts.smpp_logins import new_smpp_password

    services = gateway.services
    stored = await services.accounts.find(account.username)
    if account.smpp_password and services.smpp_logins.of_account(stored.account_id):
        return account
    account = msgspec.structs.replace(
        account,
        smpp_system_id=account.username,
        smpp_password=account.smpp_password or new_smpp_password(),
    )
    dev_file.keep(folder, dev_file.DevFile(accounts=(account,)))
    await services.smpp_logins.put(
        stored, system_id=account.smpp_system_id, password=account.smpp_password
    )
    return account


def _reachable(host: str) -> str:
    """The address to call where a server listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
