"""A gateway that listens for binds, over a simulated SMSC, and a program that binds to it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S, until
from tests.smpp_server.esme import NUMBER, Esme, submit

from dragoman.config import Settings
from dragoman.config.sections import SmppServer as Section
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.gateway import Gateway
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindTransceiver,
)
from dragoman.storage.engine import Storage
from dragoman.testkit.simulator import Simulator

SYSTEM_ID, PASSWORD = "acme", "Passw0rd"


class Site:
    """A gateway with an account that binds."""

    def __init__(
        self,
        gateway: Gateway,
        simulator: Simulator,
        account: Account,
        system_id: str = SYSTEM_ID,
    ) -> None:
        self.system_id = system_id
        self.gateway = gateway
        self.services = gateway.services
        self.simulator = simulator
        self.account = account
        self.esmes: list[Esme] = []

    @property
    def port(self) -> int:
        return self.gateway.smpp_server.ports[0]

    async def connect(
        self, *, context: ssl.SSLContext | None = None, before: bytes = b"", port: int = 0
    ) -> Esme:
        port = port or self.gateway.smpp_server.ports[-1 if context else 0]
        behind = context is not None and bool(before)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=None if behind else context
        )
        if before:
            writer.write(before)
        if behind and context is not None:
            await writer.start_tls(context, server_hostname="127.0.0.1")
        esme = Esme(reader, writer)
        self.esmes.append(esme)
        return esme

    async def bind(
        self, kind: type[Bind] = BindTransceiver, *, version: int = 0x34, **more: Any
    ) -> Esme:
        """A program that is bound."""
        esme = await self.connect()
        given = {"system_id": self.system_id, "password": PASSWORD, **more}
        answer = await esme.ask(kind(interface_version=version, **given))
        assert answer.command_status == 0, answer
        return esme

    async def account_with_login(
        self, name: str, credits: int | None = None, **options: Any
    ) -> Account:
        created = await self.services.accounts.create(name, credits=credits)
        await self.services.smpp_logins.put(
            created.account, password=PASSWORD, options=SmppOptions(**options)
        )
        return created.account

    async def messages(self, account: Account | None = None) -> list[MessageView]:
        """What an account has sent, oldest first."""
        wanted = OutboxFilter(account_id=(account or self.account).account_id)
        page = await self.services.queries.outbox(wanted, 0, 10_000)
        return list(reversed(page.messages))

    async def until_states(self, *states: State, account: Account | None = None) -> None:
        async def reached() -> bool:
            return [one.state for one in await self.messages(account)] == list(states)

        await until(reached, f"states {states}")

    async def close(self) -> None:
        """Ends all programs, and waits until the gateway knows."""
        for esme in self.esmes:
            await esme.close()
        await until(lambda: not self.gateway.binds())

    async def stop(self) -> None:
        for esme in self.esmes:
            await esme.close()
        await self.gateway.stop()


@pytest.fixture(scope="session")
def smpp_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has an account with a login."""
    folder = tmp_path_factory.mktemp("smpp")
    settings = Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:1")
    storage = Storage(settings.database_url)
    storage.migrate()
    storage.close()
    return folder


__all__ = ["NUMBER", "PASSWORD", "SHARED", "SYSTEM_ID", "Esme", "MakeSite", "Site", "submit"]

MakeSite = Callable[..., Awaitable[Site]]


class Maker:
    """Makes sites over one folder, and stops them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Site] = []
        self._simulators: list[Simulator] = []

    async def __call__(self, *, simulator: Simulator | None = None, **section: Any) -> Site:
        """A site; settings of the SMPP server are keywords."""
        if simulator is None:
            simulator = Simulator(port=0)
            await simulator.start()
            self._simulators.append(simulator)
        base = Settings.development(
            self._folder, http="127.0.0.1:0", smsc=f"127.0.0.1:{simulator.port}"
        )
        settings = msgspec.structs.replace(
            base, smpp_server=Section(**{"listen": "127.0.0.1:0", **section})
        )
        gateway = Gateway(settings)
        await gateway.start()
        accounts = await gateway.services.accounts.list_all()
        if accounts:
            account = accounts[0]
        else:
            account = (await gateway.services.accounts.create(SYSTEM_ID)).account
            await gateway.services.smpp_logins.put(account, password=PASSWORD)
        site = Site(gateway, simulator, account)
        self._made.append(site)
        return site

    async def stop(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for site in self._made:
                await site.stop()
            for simulator in self._simulators:
                await simulator.stop()


@pytest.fixture
async def make_site(smpp_data_dir: Path, tmp_path: Path) -> AsyncIterator[MakeSite]:
    """Returns a maker of sites over one folder."""
    shutil.copytree(smpp_data_dir, tmp_path / "data")
    make = Maker(tmp_path / "data")
    yield make
    await make.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(
    smpp_data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site for all tests of a module, each with an account of its own."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(smpp_data_dir, folder)
    make = Maker(folder)
    yield await make()
    await make.stop()


SHARED = pytest.mark.asyncio(loop_scope="module")
"""Marks tests that have a `shop`: they run on the loop of the gateway that they share."""
_NUMBERS = itertools.count()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(shared_site: Site) -> AsyncIterator[Site]:
    """An account of its own at the gateway that the tests of a module share."""
    name = f"shop{next(_NUMBERS)}"
    account = await shared_site.account_with_login(name)
    shared_site.simulator.phone(NUMBER).received.clear()
    site = Site(shared_site.gateway, shared_site.simulator, account, name)
    yield site
    await site.close()


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site()
